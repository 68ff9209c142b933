// Accuracy of windows as a line with its 95 % band: measured solid, estimated dashed, as in the reports.

import { el, svg } from "./dom.js";
import { percent } from "./wording.js";

const LABELS = 6; // windows that are named below the axis
const SHAPES = {
  OK: "M-3.5 0a3.5 3.5 0 1 0 7 0a3.5 3.5 0 1 0-7 0",
  WARNING: "M0-6 6 5H-6Z",
  CRITICAL: "M-5-5H5V5H-5Z",
  UNKNOWN: "M0-6 6 0 0 6-6 0Z",
};
const KEYS = {
  band: ["M-8-5H8V5H-8Z", "95 % interval"],
  guessed: ["M-8 0H8", "estimated without labels"],
  change: ["M0-8V8", "another version"],
};

/** A figure of the windows of one feed, in their order; `title` names it. */
export function chart(windows, title) {
  const known = windows.filter(({ accuracy }) => accuracy !== null);
  const scale = scaled(known);
  const x = (at) => (100 * (at + 0.5)) / windows.length;
  const points = windows.map((window, at) => ({ ...window, at, x: x(at) }));
  const stretches = inStretches(points);
  const changes = points.filter(({ version }, at) => at > 0 && version !== windows[at - 1].version);
  const picture = svg(
    "svg",
    { class: "timeline", role: "img", "aria-label": `${title}. ${inWords(windows, known)}` },
    scale.ticks.map((tick) => gridLine(scale.y(tick), tick)),
    svg("svg", { viewBox: "0 0 100 100", preserveAspectRatio: "none" }, stretches.map((stretch) => line(stretch, scale))),
    stretches.filter((stretch) => stretch.length === 1).map(([point]) => alone(point, scale)),
    changes.map(changeLine),
    points.filter(({ accuracy, is_estimate }) => accuracy !== null && !is_estimate).map((point) => mark(point, scale)),
    points.map((point) => hit(point, windows.length)),
    named(windows).map(({ at, kind }) => name(windows[at].window, x(at), kind)),
  );
  return el("figure", {}, picture, el("figcaption", { class: "keys" }, keys(known, changes)));
}

function inWords(windows, known) {
  const [first, last] = [windows[0], windows.at(-1)];
  const newest = known.at(-1);
  const kind = newest.is_estimate ? "an estimated accuracy" : "an accuracy";
  return `${windows.length} windows from ${first.window} to ${last.window}; ${newest.window} has ${kind} of ${percent(newest.accuracy)}. The figures are in the table that follows.`;
}

/** Where values are from top to bottom, 0 to 100, and the ticks between them. */
function scaled(known) {
  const lowest = Math.min(...known.map(({ lower, accuracy }) => lower ?? accuracy));
  const highest = Math.max(...known.map(({ upper, accuracy }) => upper ?? accuracy));
  const step = [0.01, 0.02, 0.05, 0.1, 0.2].find((size) => (highest - lowest) / size <= 5) ?? 0.25;
  const low = Math.max(0, Math.floor(lowest / step) * step);
  const high = Math.max(low + step, Math.min(1, Math.ceil(highest / step) * step));
  const ticks = [];
  for (let tick = low; tick < high + step / 2; tick += step) ticks.push(Math.min(1, tick));
  return { ticks, y: (value) => (100 * (high - value)) / (high - low) };
}

/** Windows that follow one another and are of one kind; a gap ends a stretch. */
function inStretches(points) {
  const stretches = [];
  let before = null;
  for (const point of points) {
    if (point.accuracy !== null) {
      const goesOn = before?.accuracy != null && before.is_estimate === point.is_estimate;
      if (goesOn) stretches.at(-1).push(point);
      else stretches.push([point]);
    }
    before = point;
  }
  return stretches;
}

function line(stretch, { y }) {
  if (stretch.length === 1) return svg("g");
  const kind = stretch[0].is_estimate ? " guessed" : "";
  const course = stretch.map((point) => `${point.x},${y(point.accuracy)}`).join(" ");
  const upper = stretch.map((point) => `${point.x},${y(point.upper ?? point.accuracy)}`);
  const lower = stretch.map((point) => `${point.x},${y(point.lower ?? point.accuracy)}`);
  const band = [...upper, ...lower.reverse()].join(" ");
  return svg(
    "g",
    {},
    svg("polygon", { class: `band${kind}`, points: band }),
    svg("polyline", { class: `course${kind}`, points: course }),
  );
}

/** A window without neighbours of its kind: its interval upright. */
function alone(point, { y }) {
  const at = `${point.x}%`;
  const kind = point.is_estimate ? "alone guessed" : "alone";
  const [y1, y2] = [point.upper, point.lower].map((bound) => `${y(bound ?? point.accuracy)}%`);
  return svg("line", { class: kind, x1: at, x2: at, y1, y2 });
}

function gridLine(top, tick) {
  const y = `${top}%`;
  return svg(
    "g",
    {},
    svg("line", { class: "grid", x1: "0", x2: "100%", y1: y, y2: y }),
    svg("text", { class: "quiet", x: "0", y, dx: "-8", dy: "4", "text-anchor": "end" }, `${Math.round(100 * tick)} %`),
  );
}

function changeLine({ x, version }) {
  const at = `${x}%`;
  return svg(
    "g",
    {},
    svg("line", { class: "change", x1: at, x2: at, y1: "0", y2: "100%" }),
    svg("text", { x: at, y: "0", dy: "-6", "text-anchor": "middle" }, `version ${version}`),
  );
}

/** Paths can't stand at a percentage, nested pictures can. */
function mark(point, { y }) {
  const shape = svg("path", { class: `mark ${point.status}`, d: SHAPES[point.status] ?? SHAPES.UNKNOWN });
  return svg("svg", { x: `${point.x}%`, y: `${y(point.accuracy)}%`, overflow: "visible", width: "1", height: "1" }, shape);
}

function hit(point, all) {
  const { window, accuracy, lower, upper, read, is_estimate: isEstimate, status } = point;
  const found = accuracy === null ? "nothing is known" : `${percent(accuracy)} (${percent(lower)} to ${percent(upper)})${isEstimate ? ", estimated" : ""}`;
  const box = { class: "hit", x: `${(100 * point.at) / all}%`, width: `${100 / all}%`, y: "0", height: "100%" };
  return svg("rect", box, svg("title", {}, `${window}: ${found}, ${read} rows, ${status}`));
}

/** The windows that are named below the axis; spare ones go where it is narrow, sparer ones where it is very narrow. */
function named(windows) {
  const step = Math.max(1, Math.ceil(windows.length / LABELS));
  const places = windows.map((_, at) => at).filter((at) => at % step === 0);
  const last = places.length - 1;
  return places.map((at, order) => ({
    at,
    kind: order % 2 === 1 || (order === last && last > 2) ? "quiet spare" : order % 4 === 2 ? "quiet sparer" : "quiet",
  }));
}

function name(text, x, kind) {
  const shown = text.length > 14 ? `${text.slice(0, 13)}…` : text;
  const place = { x: `${x}%`, y: "100%", dy: "22", "text-anchor": "middle" };
  return svg("text", { class: kind, ...place }, shown);
}

function keys(known, changes) {
  const measured = known.filter(({ is_estimate }) => !is_estimate);
  const states = Object.keys(SHAPES).filter((state) => measured.some(({ status }) => status === state));
  const shown = ["band"];
  if (measured.length < known.length) shown.push("guessed");
  if (changes.length) shown.push("change");
  return [
    ...states.map((state) => key(state, SHAPES[state], state)),
    ...shown.map((kind) => key(kind, ...KEYS[kind])),
    el("span", {}, "The axis does not start at 0."),
  ];
}

function key(kind, shape, text) {
  const picture = svg("svg", { class: "key", viewBox: "-10 -10 20 20", "aria-hidden": "true" }, svg("path", { class: `mark ${kind}`, d: shape }));
  return el("span", {}, picture, text);
}
