// The view in which a person gives messages their classes, one key a label.

import { call, upload } from "./api.js";
import { Bench } from "./bench.js";
import { byId, el, name } from "./dom.js";
import { columnField, dropZone, refuseLarge } from "./files.js";
import { classOf, shortcut } from "./keys.js";
import { Queue } from "./queue.js";
import { announce, button, problemBox } from "./status.js";
import { bytes, count, counted } from "./wording.js";

const READ_ALOUD = 300; // characters of a message that a screen reader is given unasked
const LONGEST_TIME = 40;

const column = columnField();
const state = el("div", { class: "sending" });
let classes = [];
let queue = null;
let bench = null;
let fileName = "";
let busy = false;
let running = null;

async function open(file) {
  if (queue) close();
  running?.abort();
  const mine = (running = new AbortController());
  const bar = el("progress", { max: "1", value: "0", "aria-label": "Progress" });
  state.replaceChildren(el("p", {}, "Reading ", name(file.name), ` (${bytes(file.size)})…`), bar);
  try {
    const info = await call("/api/info", { signal: mine.signal });
    refuseLarge(file, info.limits);
    classes = info.classes;
    column.expect(info.versions.find(({ aliases }) => aliases.includes("champion"))?.text_column ?? "");
    const query = column.value() ? `?${new URLSearchParams({ text_column: column.value() })}` : "";
    const progress = (share) => (share < 1 ? (bar.value = share) : bar.removeAttribute("value"));
    const { blob } = await upload(`/api/labelling/queue${query}`, file, { progress, signal: mine.signal });
    start(file, JSON.parse(await blob.text()));
  } catch (problem) {
    if (running !== mine || problem.name === "AbortError") return;
    if (problem.status === 422) options.open = true;
    state.replaceChildren(problemBox(problem, button("Try again", () => open(file))));
  }
}

function start(file, { messages, blank, labelled, rejected, repeated }) {
  if (!messages.length) {
    state.replaceChildren(el("p", { class: "note" }, "The file has no message with text."));
    return;
  }
  fileName = file.name;
  queue = new Queue(messages);
  bench = new Bench(classes, {
    label: give,
    back: () => go(queue.at - 1),
    forward: () => go(queue.at + 1),
    skip,
    undo,
    first: () => go(queue.firstOpen(), "All messages have a label."),
    hint: () => suggest(),
    always: () => bench.always.checked && suggest(),
    close,
  });
  byId("choose").hidden = true;
  byId("bench").hidden = false;
  const parts = [labelled ? `${count(labelled)} of ${counted(messages.length, "message")} have a label already.` : `${counted(messages.length, "message")}.`];
  if (blank) parts.push(`${counted(blank, "row")} without text left out.`);
  if (rejected) parts.push(`${counted(rejected, "row")} left out that can't be read.`);
  if (repeated) parts.push(`${counted(repeated, "row")} left out that repeat the id of another, or its text.`);
  show(parts.join(" "));
  bench.message.focus();
}

/** Show the current message, and have it read aloud after what has just happened. */
function show(happened) {
  bench.show(queue, fileName);
  const { text } = queue.current;
  const read = text.length > READ_ALOUD ? `${text.slice(0, READ_ALOUD)}…` : text;
  const more = queue.isDone ? "All messages have a label." : `${count(queue.labelled)} of ${count(queue.messages.length)} labelled.`;
  const spoken = `${happened} ${more} Message ${count(queue.at + 1)}: ${read}`;
  announce(spoken);
  if (bench.always.checked) suggest(spoken);
}

function go(at, otherwise = "There is no other message.") {
  if (busy) return;
  if (queue.go(at)) show("");
  else announce(otherwise);
}

function skip() {
  go(queue.nextOpen(), "No other message is without a label.");
}

/** The next message comes when the label is taken, not before. */
async function give(label) {
  const json = labelled(queue.current, label);
  await change(
    () => call("/api/feedback", { method: "POST", json }),
    () => {
      queue.took(label);
      show(`Labelled ${label}.`);
    },
    () => give(label),
  );
}

async function undo() {
  const last = queue.lastDone;
  if (!last) return announce("There is nothing to undo.");
  const message = queue.messages[last.at];
  await change(
    () =>
      last.before === null
        ? call(`/api/feedback/${encodeURIComponent(message.id)}`, { method: "DELETE" })
        : call("/api/feedback", { method: "POST", json: labelled(message, last.before) }),
    () => {
      queue.tookBack();
      show("Taken back.");
    },
    undo,
  );
}

/** A message and its label as the server takes them; a time that is too long is none. */
function labelled({ id, text, written_at }, label) {
  const time = written_at && written_at.length <= LONGEST_TIME ? { written_at } : {};
  return { id, text, label, source: "labelling", ...time };
}

async function change(request, done, again) {
  if (busy) return; // a key that was pressed meanwhile was meant for a message that nobody has seen
  const mine = queue;
  busy = true;
  byId("bench").setAttribute("aria-busy", "true");
  bench.trouble.replaceChildren();
  try {
    await request();
    if (queue === mine) done(); // else another file was opened meanwhile
  } catch (problem) {
    problem.message = `The label was not changed. ${problem.message}`;
    bench.trouble.replaceChildren(problemBox(problem, button("Try again", again)));
  } finally {
    busy = false;
    byId("bench").removeAttribute("aria-busy");
  }
}

/** Show what the model says; `after` is what is being read aloud, so that it is not cut off. */
async function suggest(after = "") {
  const { current } = queue;
  let shown;
  try {
    const said = await call("/api/classify", { method: "POST", json: { messages: [current.text] } });
    shown = () => bench.suggest(said.answers[0]);
  } catch (problem) {
    shown = () => bench.suggestion.replaceChildren(`The model can't be asked. ${problem.message}`);
  }
  if (queue?.current !== current) return; // one has gone on meanwhile
  shown();
  announce(`${after} ${bench.suggestion.textContent}`);
}

function close() {
  queue = null;
  byId("bench").hidden = true;
  byId("choose").hidden = false;
  state.replaceChildren();
  byId("file-input").focus();
}

document.addEventListener("keydown", (event) => {
  const key = shortcut(event);
  if (!queue || !key || !bench.keys.checked) return;
  const does = {
    ArrowLeft: () => go(queue.at - 1),
    ArrowRight: () => go(queue.at + 1),
    s: skip,
    u: undo,
    f: () => go(queue.firstOpen(), "All messages have a label."),
    h: () => suggest(),
  }[key.length === 1 ? key.toLowerCase() : key];
  const label = classOf(key, classes);
  if (!does && label === undefined) return;
  event.preventDefault();
  if (does) does();
  else give(label);
});

const options = el("details", { class: "options" }, el("summary", { class: "small" }, "More choices"), column.field);
byId("file").append(dropZone(open), options, state);
