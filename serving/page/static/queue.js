// The messages of a file, where one is among them, and what was done: no element of the page.

export class Queue {
  #done = []; // what was labelled, the newest last: {at, before}

  constructor(messages) {
    this.messages = messages;
    this.session = 0; // labels given since the file was opened, without those taken back
    this.at = Math.max(0, this.firstOpen());
  }

  get current() {
    return this.messages[this.at];
  }

  get labelled() {
    return this.messages.filter((message) => message.label !== null).length;
  }

  get isDone() {
    return this.labelled === this.messages.length;
  }

  get lastDone() {
    return this.#done.at(-1) ?? null;
  }

  /** The first message without a label; -1: none. */
  firstOpen() {
    return this.messages.findIndex((message) => message.label === null);
  }

  /** The next message without a label after this one, or from the start; -1: none but this one. */
  nextOpen() {
    const all = this.messages.length;
    for (let step = 1; step < all; step += 1) {
      const at = (this.at + step) % all;
      if (this.messages[at].label === null) return at;
    }
    return -1;
  }

  /** Go to a place; false if there is none. */
  go(at) {
    if (at < 0 || at >= this.messages.length) return false;
    this.at = at;
    return true;
  }

  /** The label was taken: note it, and go on. */
  took(label) {
    this.#done.push({ at: this.at, before: this.current.label });
    if (this.current.label === null) this.session += 1;
    this.current.label = label;
    this.go(this.nextOpen());
  }

  /** The last label was taken back: its message is the current one again. */
  tookBack() {
    const { at, before } = this.#done.pop();
    if (before === null) this.session -= 1;
    this.messages[at].label = before;
    this.at = at;
  }
}
