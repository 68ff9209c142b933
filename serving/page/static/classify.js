// The view that answers while one types.

import { call } from "./api.js";
import { Card } from "./answers.js";
import { setUpBatch } from "./batch.js";
import { byId, el } from "./dom.js";
import { Entries } from "./entries.js";
import { shortcut } from "./keys.js";
import { announce, button, problemBox } from "./status.js";
import { find, forbidSame, notices, offer } from "./versions.js";
import { capitalised, count, counted, versionName } from "./wording.js";

const PAUSE = 180; // ms without a key before what is typed is sent
const PORTION = 40; // cards drawn at a time
const EXAMPLES = [
  "Where is my parcel? It was due on Monday.",
  "I was charged twice for the same order, please refund one.",
  "The app crashes every time I open my profile.",
  "Thank you, your colleague solved it in five minutes!",
];

const box = byId("messages");
const model = byId("model");
const compare = byId("compare");
const list = byId("answers");
const only = byId("only-differences");

let info = null;
let entries = null;
let cards = new Map();
let drawn = PORTION;
let pause = 0;

async function start() {
  byId("trouble").replaceChildren();
  try {
    await learn();
  } catch (problem) {
    byId("trouble").replaceChildren(problemBox(problem, button("Try again", start)));
    return;
  }
  entries = new Entries(info.limits);
  entries.choose(model.value, compare.value);
  batch.expect(find(info, "champion"), info.limits);
  await update();
}

/** Which versions there are. */
async function learn() {
  info = await call("/api/info");
  offer(info, model, compare);
  byId("notices").replaceChildren(...notices(info, model.value));
}

async function update() {
  clearTimeout(pause);
  if (!entries) return;
  list.setAttribute("aria-busy", "true");
  try {
    if (!(await entries.update(box.value))) return;
    byId("trouble").replaceChildren();
    const by = entries.answeredBy;
    if (by && find(info, model.value)?.version !== by.version) await learn();
    draw();
    say();
  } catch (problem) {
    byId("trouble").replaceChildren(problemBox(problem, button("Try again", update)));
    // A version that was chosen may have gone meanwhile.
    if (problem.status === 404) await choiceGone();
  }
  list.removeAttribute("aria-busy");
}

async function choiceGone() {
  try {
    await learn();
  } catch {
    return; // said already
  }
  entries.choose(model.value, compare.value);
}

function draw() {
  const shown = only.checked && compare.value ? entries.list.filter((entry) => entry.differs) : entries.list;
  const kept = new Map();
  const numbers = new Map(entries.list.map((entry, at) => [entry, at + 1]));
  const portion = shown.slice(0, drawn).map((entry) => {
    const known = cards.get(entry.key);
    const number = numbers.get(entry);
    const same = known?.entry === entry && known.number === number;
    const card = same ? known : new Card(entry, number, info.classes);
    kept.set(entry.key, card);
    return card;
  });
  cards = kept;
  arrange(portion.map((card) => card.element));
  if (portion.length && !list.querySelector(".answer[tabindex='0']")) portion[0].article.tabIndex = 0;
  const left = shown.length - portion.length;
  byId("more").replaceChildren(...(left > 0 ? [moreButton(left)] : []));
  byId("empty").hidden = entries.list.length > 0;
  byId("keys").hidden = entries.list.length === 0;
  byId("only").hidden = !compare.value || entries.list.length === 0;
}

/** Only what is new is moved: what stays in its place keeps the focus. */
function arrange(elements) {
  const kept = new Set(elements);
  for (const element of [...list.children]) if (!kept.has(element)) element.remove();
  elements.forEach((element, at) => {
    if (list.children[at] !== element) list.insertBefore(element, list.children[at] ?? null);
  });
}

function moreButton(left) {
  return button(`Show ${count(Math.min(PORTION, left))} more of ${counted(left, "message")}`, () => {
    const at = drawn;
    drawn += PORTION;
    draw();
    list.children[at]?.querySelector(".answer").focus();
  });
}

/** What the answers are, in a line for all. */
function say() {
  const answered = entries.list.filter((entry) => entry.answer?.label);
  const tally = new Map();
  for (const { answer } of answered) tally.set(answer.label, (tally.get(answer.label) ?? 0) + 1);
  const parts = [...tally].sort((a, b) => b[1] - a[1]).map(([label, times]) => `${count(times)} ${label}`);
  const lines = [];
  if (answered.length) {
    lines.push(`${counted(answered.length, "message")}: ${parts.slice(0, 12).join(", ")}${parts.length > 12 ? " and others" : ""}.`);
    lines.push(`Answered by ${versionName(entries.answeredBy)}.`);
    if (entries.comparedWith) {
      const differing = answered.filter((entry) => entry.differs).length;
      lines.push(`${capitalised(versionName(entries.comparedWith))} differs on ${count(differing)}.`);
    }
  }
  byId("summary").replaceChildren(...lines.flatMap((line) => [el("span", { dir: "auto" }, line), " "]));
  byId("count").textContent = typed();
  if (lines.length) announce(lines.join(" "), 900);
}

function typed() {
  if (!entries.list.length) return "Answers come as you type.";
  const typed = counted(entries.list.length, "message");
  if (!entries.left) return `${typed}. Blank lines don't count.`;
  return `The first ${typed} are answered, ${count(entries.left)} are left out. For more, send a file.`;
}

function chosen() {
  if (!entries) return;
  forbidSame(info, model, compare);
  entries.choose(model.value, compare.value);
  byId("notices").replaceChildren(...notices(info, model.value));
  update();
}

function onKey(event) {
  const key = shortcut(event);
  const card = event.target.closest(".answer");
  if (!key || !card) return;
  const item = card.parentElement;
  const shown = [...cards.values()].find(({ article }) => article === card);
  const next = { ArrowDown: item.nextElementSibling, ArrowUp: item.previousElementSibling }[key];
  if (next) next.querySelector(".answer").focus();
  else if (!shown?.feedback?.press(key)) return;
  event.preventDefault();
}

// Arrows go from card to card; the tab key finds the one where one was last.
list.addEventListener("focusin", (event) => {
  const current = event.target.closest(".answer");
  for (const { article } of cards.values()) article.tabIndex = article === current ? 0 : -1;
});
list.addEventListener("keydown", onKey);
box.addEventListener("input", () => {
  drawn = PORTION;
  clearTimeout(pause);
  pause = setTimeout(update, PAUSE);
});
model.addEventListener("change", chosen);
compare.addEventListener("change", chosen);
only.addEventListener("change", () => entries && draw());
byId("compose").addEventListener("submit", (event) => event.preventDefault());
byId("examples").addEventListener("click", () => {
  box.value = EXAMPLES.join("\n");
  box.focus();
  update();
});
const batch = setUpBatch(byId("file"), () => model.value || "champion");
start();
