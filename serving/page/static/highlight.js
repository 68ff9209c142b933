// Words that moved a prediction, marked in the message where they stand.

import { el } from "./dom.js";

const STEPS = 4;
const INSIDE_WORD = /[\p{L}\p{N}\p{M}_]/u;

/**
 * The parts of a text: plain strings, and <mark>s for the words. The stronger a word against the
 * strongest one, the stronger its mark. Words are looked up at their borders, in capitals or not.
 */
export function marked(text, words) {
  const found = places(text, words);
  const most = Math.max(...words.map(({ weight }) => weight), 0);
  const parts = [];
  let end = 0;
  for (const { start, word, weight } of found) {
    if (start < end) continue; // a shorter word inside a longer one
    const step = Math.max(1, Math.ceil((STEPS * weight) / most));
    parts.push(text.slice(end, start), el("mark", { class: `step-${step}` }, word));
    end = start + word.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

function places(text, words) {
  const found = [];
  for (const { word, weight } of words) {
    if (!word) continue;
    // The model doesn't tell capitals, so the same word may be written otherwise elsewhere.
    for (const { 0: written, index: start } of text.matchAll(new RegExp(escaped(word), "giu"))) {
      if (isWhole(text, start, written)) found.push({ start, word: written, weight });
    }
  }
  return found.sort((a, b) => a.start - b.start || b.word.length - a.word.length);
}

function escaped(word) {
  return word.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}

/** Whether a word ends where it is found: "car" is no word of "card", but "!" may follow anything. */
function isWhole(text, start, word) {
  const end = start + word.length;
  return !(joins(before(text, start), first(word)) || joins(before(word, word.length), first(text.slice(end))));
}

function joins(left, right) {
  return INSIDE_WORD.test(left) && INSIDE_WORD.test(right);
}

function first(text) {
  return text ? String.fromCodePoint(text.codePointAt(0)) : "";
}

function before(text, end) {
  return [...text.slice(Math.max(0, end - 2), end)].at(-1) ?? "";
}
