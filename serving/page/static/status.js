// What is said to people: in the live region for those who listen, as boxes for those who look.

import { byId, el } from "./dom.js";

let waiting = 0;

/** Have screen readers say it, once things are quiet; what comes meanwhile takes its place. */
export function announce(text, delay = 50) {
  clearTimeout(waiting);
  const live = byId("live");
  live.textContent = "";
  waiting = setTimeout(() => (live.textContent = text), delay);
}

/** A box that says what is wrong, with what can be done about it. */
export function problemBox(problem, ...actions) {
  return el(
    "div",
    { class: "note bad", role: "alert" },
    el("p", {}, problem.message),
    problem.requestId ? el("p", { class: "small muted" }, `Request ${problem.requestId}`) : null,
    actions.length ? el("p", { class: "actions" }, actions) : null,
  );
}

/** A box with something worth knowing. */
export function note(tone, ...children) {
  return el("div", { class: `note ${tone}` }, el("p", {}, children));
}

export function button(text, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, text);
}
