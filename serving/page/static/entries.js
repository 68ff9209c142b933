// The messages in the box and what is known of each; asks for those that have no answer yet.

import { call } from "./api.js";

/** One line of the box. A line that is there twice is two messages. */
class Entry {
  constructor(key, text) {
    this.key = key;
    this.text = text;
    this.answer = null;
    this.compared = null;
    this.given = null; // the label that a person gave: {id, label}
    this.tooLong = false;
  }

  get differs() {
    return this.compared !== null && this.compared.label !== this.answer?.label;
  }
}

export class Entries {
  #known = new Map();
  #running = null;

  constructor(limits) {
    this.limits = limits;
    this.model = "champion";
    this.compareWith = "";
    this.list = [];
    this.left = 0; // lines beyond the limit of a request
    this.answeredBy = null;
    this.comparedWith = null;
  }

  /** Ask others, or compare with others: all is to be answered again. */
  choose(model, compareWith) {
    this.model = model;
    this.compareWith = compareWith;
    this.#known.clear();
  }

  /**
   * Take the lines and have them answered. Resolves to true when `list` is what the box says;
   * to false if later lines came meanwhile, which then win.
   */
  async update(text) {
    this.#running?.abort();
    const running = (this.#running = new AbortController());
    const lines = text.split(/\r\n|\r|\n/).filter((line) => line.trim());
    this.left = Math.max(0, lines.length - this.limits.messages);
    const list = this.#entries(lines.slice(0, this.limits.messages));
    try {
      if (!(await this.#answer(list, running.signal))) return this.update(text);
    } catch (error) {
      if (error.name === "AbortError") return false;
      throw error;
    }
    if (running.signal.aborted) return false;
    this.list = list;
    this.#known = new Map(list.map((entry) => [entry.key, entry]));
    return true;
  }

  #entries(lines) {
    const seen = new Map();
    return lines.map((line) => {
      const times = seen.get(line) ?? 0;
      seen.set(line, times + 1);
      const key = `${times} ${line}`;
      return this.#known.get(key) ?? new Entry(key, line);
    });
  }

  /** False if another version has answered than before: what it said before is no longer true. */
  async #answer(list, signal) {
    for (const entry of list) entry.tooLong = isLonger(entry.text, this.limits.characters);
    const open = list.filter((entry) => !entry.answer && !entry.tooLong);
    if (!open.length) return true;
    const said = await call("/api/classify", {
      method: "POST",
      signal,
      json: {
        messages: open.map((entry) => entry.text),
        model: this.model,
        compare_with: this.compareWith || null,
        explain: true,
      },
    });
    const isSwapped =
      open.length < list.length &&
      (said.model.version !== this.answeredBy?.version ||
        said.compared_with?.model.version !== this.comparedWith?.version);
    this.answeredBy = said.model;
    this.comparedWith = said.compared_with?.model ?? null;
    if (isSwapped) {
      this.#known.clear();
      return false;
    }
    open.forEach((entry, at) => {
      entry.answer = { ...said.answers[at], model: said.model, requestId: said.request_id, index: at };
      const compared = said.compared_with;
      entry.compared = compared ? { ...compared.answers[at], model: compared.model } : null;
    });
    return true;
  }
}

/** Whether the server would count more characters; it counts code points. */
function isLonger(text, most) {
  return text.length > most && [...text].length > most;
}
