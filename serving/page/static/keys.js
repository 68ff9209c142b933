// Single keys: which class has which, and when a key is meant as one.

// What has a meaning of its own is no class's key: first unlabelled, hint, right, skip, undo, wrong.
const CLASS_KEYS = [..."123456789abcdegijklmnopqtvxyz"];
const NOT_TYPED = new Set(["button", "checkbox", "file", "radio", "reset", "submit"]);

/** The key of each class, in their order; those beyond the last key have none. */
export function keysOf(classes) {
  return new Map(classes.map((name, at) => [name, CLASS_KEYS[at] ?? null]));
}

/** The class that a key chooses; undefined: none. */
export function classOf(key, classes) {
  const at = CLASS_KEYS.indexOf(key.toLowerCase());
  return at < 0 ? undefined : classes[at];
}

/** The key that was pressed, if it is meant as a shortcut; null while somebody types. */
export function shortcut(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return null;
  const target = event.target;
  if (document.querySelector("dialog[open]")) return null;
  if (target.closest("textarea, select, [contenteditable]")) return null;
  if (target.matches("input") && !NOT_TYPED.has(target.type)) return null;
  return event.key;
}
