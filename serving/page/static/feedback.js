// Right, or wrong and what it is: what a person says of one answer, and takes back.

import { call } from "./api.js";
import { el, name } from "./dom.js";
import { classOf, keysOf } from "./keys.js";
import { announce, button } from "./status.js";
import { capitalised } from "./wording.js";

export class Feedback {
  #state = "open"; // open, choosing, busy
  #problem = null;

  /** Args: the message, the classes it can have, the card that keeps the focus when buttons change. */
  constructor(entry, classes, card) {
    this.entry = entry;
    this.classes = classes;
    this.card = card;
    this.element = el("div", { class: "feedback" });
    this.#draw();
  }

  /** What a key does; false if it means nothing here. */
  press(key) {
    if (this.#state === "busy") return false;
    if (this.#state === "choosing") {
      if (key === "Escape") return this.#become("open");
      const chosen = classOf(key, this.classes);
      if (chosen === undefined || chosen === this.entry.answer.label) return false;
      this.#give(chosen);
      return true;
    }
    if (this.entry.given) {
      if (key !== "u") return false;
      this.#takeBack();
      return true;
    }
    if (key === "r") this.#give(this.entry.answer.label);
    else if (key === "w") this.#become("choosing");
    else return false;
    return true;
  }

  #become(state) {
    this.#state = state;
    this.#problem = null;
    this.#draw();
    if (state === "choosing") this.element.querySelector("button")?.focus();
    else this.card.focus();
    return true;
  }

  async #give(label) {
    const { text, answer } = this.entry;
    const json = {
      text,
      label,
      predicted: answer.label,
      model_version: answer.model.version,
      request_id: answer.requestId,
      index: answer.index,
      source: "page",
    };
    await this.#send(
      () => call("/api/feedback", { method: "POST", json }),
      ({ id }) => {
        this.entry.given = { id, label };
        announce(label === answer.label ? "Noted as right." : `Noted: it is ${label}.`);
      },
    );
  }

  async #takeBack() {
    const path = `/api/feedback/${encodeURIComponent(this.entry.given.id)}`;
    await this.#send(
      () => call(path, { method: "DELETE" }),
      () => {
        this.entry.given = null;
        announce("Taken back.");
      },
    );
  }

  async #send(request, done) {
    const hadFocus = this.card.contains(document.activeElement);
    this.#state = "busy";
    this.#problem = null;
    this.#draw();
    if (hadFocus) this.card.focus();
    try {
      done(await request());
    } catch (problem) {
      this.#problem = `It was not kept. ${problem.message}`;
    }
    this.#state = "open";
    this.#draw();
  }

  #draw() {
    const problem = this.#problem ? el("p", { class: "bad small", role: "alert" }, this.#problem) : null;
    this.element.replaceChildren(...this.#controls(), ...(problem ? [problem] : []));
  }

  #controls() {
    if (this.#state === "busy") return [el("span", { class: "muted small" }, "Writing it down…")];
    if (this.#state === "choosing") return this.#choice();
    const { given, answer } = this.entry;
    if (given) {
      const said = given.label === answer.label ? ["✓ Right"] : ["✗ Wrong: it is ", name(given.label)];
      return [el("span", { class: given.label === answer.label ? "good" : "bad" }, said), this.#key("Undo", "u")];
    }
    return [this.#key("Right", "r"), this.#key("Wrong", "w")];
  }

  #choice() {
    const keys = keysOf(this.classes); // a class has the same key everywhere
    const others = this.classes.filter((label) => label !== this.entry.answer.label);
    const choices = others.map((label) =>
      button([name(label), kbd(keys.get(label))].flat(), () => this.#give(label), { class: "choice" }),
    );
    return [
      el("fieldset", { class: "choosing" }, el("legend", { class: "small" }, "It is"), choices, this.#key("Cancel", "Escape")),
    ];
  }

  #key(text, key) {
    const shown = key === "Escape" ? "Esc" : key;
    return button([text, kbd(shown)], () => this.press(key), { class: "quiet", "aria-keyshortcuts": capitalised(key) });
  }
}

function kbd(key) {
  return key ? el("kbd", { "aria-hidden": "true" }, key) : "";
}
