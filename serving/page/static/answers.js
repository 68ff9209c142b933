// What versions say of one message, as a card: the words in place, the class, the scores.

import { el, name } from "./dom.js";
import { Feedback } from "./feedback.js";
import { marked } from "./highlight.js";
import { percent, versionName } from "./wording.js";

const SCORES = 3;
const LEAST = 0.005;
const LONG = 1000; // characters above which a message scrolls in its card

/** A card of the list; `element` is its <li>, `feedback` what a person says of it. */
export class Card {
  constructor(entry, number, classes) {
    this.entry = entry;
    this.number = number;
    const { answer, compared } = entry;
    const title = el("h3", { class: "hidden", id: `answer-${number}` }, `Message ${number}`);
    // What scrolls must be within reach of the keyboard.
    const isLong = entry.text.length > LONG;
    const own = { class: isLong ? "text long" : "text", dir: "auto", tabindex: isLong ? "0" : null };
    const text = el("p", own, answer ? marked(entry.text, telling(answer.words)) : entry.text);
    this.article = el(
      "article",
      { class: entry.differs ? "answer differs" : "answer", "aria-labelledby": `answer-${number}`, tabindex: "-1" },
      title,
      text,
    );
    this.element = el("li", {}, this.article);
    this.feedback = null;
    if (entry.tooLong) {
      this.article.append(el("p", { class: "bad" }, "This message is too long to be answered here."));
    } else if (answer.label === null) {
      this.article.append(el("p", { class: "muted" }, "There is no text in it that could be answered."));
    } else {
      this.#addAnswer(answer, compared);
      this.feedback = new Feedback(entry, classes, this.article);
      this.article.append(this.feedback.element);
    }
  }

  #addAnswer(answer, compared) {
    if (!compared) {
      this.article.append(column(answer, "first"));
      return;
    }
    if (this.entry.differs) {
      this.article.append(el("p", { class: "difference" }, el("span", { class: "badge wait" }, "different")));
    }
    this.article.append(el("div", { class: "pair" }, column(answer, "first"), column(compared, "second")));
  }
}

function column(answer, role) {
  return el(
    "div",
    { class: `said ${role}` },
    el(
      "p",
      { class: "label" },
      el("strong", {}, name(answer.label)),
      " ",
      el("span", { class: "confidence" }, percent(answer.confidence)),
      answer.route ? [" ", el("span", { class: "badge warn" }, name(answer.route))] : null,
      el("span", { class: "small muted by" }, versionName(answer.model)),
    ),
    scores(answer.scores, role),
    words(answer.words),
  );
}

/** The likeliest classes as bars; the others open on demand. */
function scores(all, role) {
  const rest = all.slice(SCORES);
  const shown = rest.length === 1 ? all : all.slice(0, SCORES);
  const list = (some) => el("ul", { class: "bars" }, some.map((score) => bar(score, role)));
  if (shown.length === all.length) return list(all);
  const more = el("details", {}, el("summary", { class: "small" }, `${rest.length} other classes`));
  more.addEventListener("toggle", () => more.children.length < 2 && more.append(list(rest)));
  return el("div", {}, list(shown), more);
}

function bar({ label, score }, role) {
  const fill = el("span", { class: `fill ${role}` });
  fill.style.width = `${(100 * score).toFixed(2)}%`;
  return el(
    "li",
    { class: "bar" },
    el("span", { class: "of" }, name(label)),
    el("span", { class: "track", "aria-hidden": "true" }, fill),
    el("span", { class: "number" }, percent(score)),
  );
}

/** Words whose weight would be shown as nothing say nothing. */
function telling(some) {
  return some.filter(({ weight }) => weight >= LEAST);
}

function words(all) {
  const some = telling(all);
  if (!some.length) return null;
  return el(
    "div",
    { class: "because small" },
    el("span", { class: "muted" }, "Because of "),
    el(
      "ul",
      { class: "terms" },
      some.map(({ word, weight }) =>
        el("li", {}, name(word), " ", el("span", { class: "muted number" }, `+${weight.toFixed(2)}`)),
      ),
    ),
  );
}
