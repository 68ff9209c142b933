// What one sees while labelling: built once for a file, then only filled, so that the focus stays.

import { byId, el, name } from "./dom.js";
import { keysOf } from "./keys.js";
import { button } from "./status.js";
import { count, moment, percent } from "./wording.js";

/** Build it. Args: classes; what to do for each key of `does`, and `label(class)`. */
export class Bench {
  constructor(classes, does) {
    this.progress = el("p", { class: "small" });
    this.session = el("p", { class: "small muted" });
    this.bar = el("progress", { "aria-label": "Labelled", value: "0" });
    this.place = el("p", { class: "small muted" });
    this.state = el("p", { class: "small" });
    this.text = el("p", { class: "text", dir: "auto", id: "message-text" });
    this.message = el(
      "article",
      { class: "message", tabindex: "-1", "aria-labelledby": "message-place", "aria-describedby": "message-text" },
      el("header", {}, this.place, this.state),
      this.text,
    );
    this.place.id = "message-place";
    this.suggestion = el("p", { class: "suggestion" });
    this.trouble = el("div");
    this.done = el("div", { class: "done", hidden: true }, el("p", {}, el("strong", {}, "All messages have a label. "), "Arrows go through them; a key changes a label."));
    const keys = keysOf(classes);
    this.buttons = new Map(
      classes.map((label) => [
        label,
        button([name(label), keys.get(label) ? el("kbd", { "aria-hidden": "true" }, keys.get(label)) : ""], () => does.label(label), {
          "aria-keyshortcuts": keys.get(label),
          "aria-pressed": "false",
        }),
      ]),
    );
    this.tools = {
      back: tool("Back", "←", "ArrowLeft", does.back),
      forward: tool("Forward", "→", "ArrowRight", does.forward),
      skip: tool("Skip", "s", "S", does.skip),
      undo: tool("Undo", "u", "U", does.undo),
      first: tool("First unlabelled", "f", "F", does.first),
      hint: tool("Show the suggestion", "h", "H", does.hint),
    };
    this.always = el("input", { type: "checkbox", onchange: does.always });
    this.keys = el("input", { type: "checkbox", checked: true });
    byId("bench").replaceChildren(
      el("div", { class: "progress" }, this.progress, this.session),
      this.bar,
      this.done,
      this.message,
      this.suggestion,
      this.trouble,
      el("fieldset", { class: "classes" }, el("legend", {}, "What is it?"), [...this.buttons.values()]),
      el("div", { class: "tools" }, Object.values(this.tools)),
      el(
        "div",
        { class: "habits" },
        el("label", { class: "switch" }, this.always, "Show the suggestion with every message"),
        el("p", { class: "small muted why" }, "It is off because people tend to agree with what they see, and such labels can't tell how good the model is."),
        el("label", { class: "switch" }, this.keys, "Use single keys"),
        el("p", {}, button("Another file", does.close, { class: "quiet" })),
      ),
    );
  }

  /** Show where a queue is. */
  show(queue, file) {
    const { messages, current, labelled } = queue;
    this.progress.replaceChildren(`${count(labelled)} of ${count(messages.length)} labelled, `, name(file));
    this.session.textContent = `${count(queue.session)} this session`;
    this.bar.max = messages.length;
    this.bar.value = labelled;
    this.done.hidden = !queue.isDone;
    this.place.textContent = `Message ${count(queue.at + 1)} of ${count(messages.length)}${current.written_at ? `, written ${written(current.written_at)}` : ""}`;
    this.state.replaceChildren(...(current.label === null ? [] : ["Labelled ", el("strong", { class: "good" }, name(current.label))]));
    this.message.classList.toggle("labelled", current.label !== null);
    this.text.textContent = current.text;
    this.text.scrollTop = 0;
    // What scrolls must be within reach of the keyboard.
    if (this.text.scrollHeight > this.text.clientHeight) this.text.tabIndex = 0;
    else this.text.removeAttribute("tabindex");
    for (const [label, shown] of this.buttons) shown.setAttribute("aria-pressed", String(label === current.label));
    this.tools.back.disabled = queue.at === 0;
    this.tools.forward.disabled = queue.at === messages.length - 1;
    this.tools.undo.disabled = queue.lastDone === null;
    this.suggestion.replaceChildren();
    this.trouble.replaceChildren();
  }

  /** Show what the model says; null: it has nothing to say. */
  suggest(answer) {
    this.suggestion.replaceChildren(
      ...(answer?.label ? ["The model says ", el("strong", {}, name(answer.label)), `, ${percent(answer.confidence)}.`] : ["The model has no suggestion."]),
    );
  }
}

/** A time as elsewhere, if it says its zone; else as it is in the file. */
function written(text) {
  return /T.*(Z|[+-]\d\d:?\d\d)$/.test(text) ? moment(text) : text;
}

function tool(text, key, shortcut, does) {
  return button([text, el("kbd", { "aria-hidden": "true" }, key)], does, { class: "quiet", "aria-keyshortcuts": shortcut });
}
