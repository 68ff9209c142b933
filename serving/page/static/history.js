// The view of what registry and monitor know: incidents, accuracy, champions, versions. Read only.

import { call } from "./api.js";
import { chart } from "./chart.js";
import * as documents from "./documents.js";
import { byId, el, name, table } from "./dom.js";
import { announce, button, problemBox } from "./status.js";
import { capitalised, count, counted, moment, percent } from "./wording.js";

const SUBJECTS = { accuracy: "Accuracy", drift: "Messages and answers", data: "Data" };
const HOW = {
  contest: "won its contest",
  manual: "promoted by hand",
  rollback: "rolled back to",
  outside: "alias moved by another program",
};
const VERDICTS = { promoted: "good", rejected: "neutral", waiting: "wait" };
const STATUSES = { OK: ["good", "✓"], WARNING: ["warn", "!"], CRITICAL: ["bad", "✗"], UNKNOWN: ["neutral", "?"] };
const NEWEST = 30; // windows in a table before one asks for more

async function read() {
  const place = byId("history");
  place.setAttribute("aria-busy", "true");
  byId("again").disabled = true;
  try {
    const found = await call("/api/history");
    place.replaceChildren(incidents(found), accuracy(found), champions(found), versions(found));
    announce(`${counted(found.incidents.length, "open incident")}, ${counted(found.versions.length, "version")}.`);
  } catch (problem) {
    // What was read before stays in sight.
    const old = [...place.querySelectorAll(":scope > section")];
    place.replaceChildren(problemBox(problem, button("Try again", read)), ...old);
  }
  place.removeAttribute("aria-busy");
  byId("again").disabled = false;
}

function section(title, ...children) {
  return el("section", {}, el("h2", {}, title), children);
}

function badge(tone, text, sign) {
  return el("span", { class: `badge ${tone}` }, sign ? [el("span", { "aria-hidden": "true" }, sign), " "] : null, name(text));
}

function status(state) {
  const [tone, sign] = STATUSES[state] ?? STATUSES.UNKNOWN;
  return badge(tone, state, sign);
}

function incidents({ incidents, windows }) {
  if (!incidents.length) {
    const said = windows.length ? "No incident is open." : "The monitor has not looked at anything yet: run monitor.py.";
    return section("Open incidents", el("p", { class: "calm" }, said));
  }
  const order = ["CRITICAL", "WARNING", "UNKNOWN", "OK"];
  const sorted = [...incidents].sort((a, b) => order.indexOf(a.status) - order.indexOf(b.status));
  return section(
    "Open incidents",
    sorted.map((incident) =>
      el(
        "article",
        { class: `incident ${incident.status}` },
        el("h3", {}, SUBJECTS[incident.subject] ?? name(incident.subject), status(incident.status), incident.acknowledged ? badge("neutral", "somebody looks at it") : null),
        el("p", {}, name(capitalised(incident.reason))),
        el("p", { class: "small muted" }, `Since ${moment(incident.since)}, last reported for window ${incident.window}, version ${incident.version} (${incident.id})`),
      ),
    ),
  );
}

function accuracy({ windows }) {
  if (!windows.length) return section("Accuracy over time", el("p", { class: "calm" }, "No window has been judged yet."));
  const feeds = Map.groupBy ? Map.groupBy(windows, ({ feed }) => feed) : grouped(windows);
  return section(
    "Accuracy over time",
    el("p", {}, documents.link("/api/report", "Report of the last look", "report.html")),
    [...feeds].map(([feed, some]) =>
      el(
        "div",
        {},
        el("h3", {}, name(feed)),
        some.some((window) => window.accuracy !== null)
          ? chart(some, `Accuracy over time of ${feed}`)
          : el("p", { class: "calm" }, "Nothing is known of its accuracy yet: there were no labels, and too little to estimate by."),
        figures(feed, some),
      ),
    ),
  );
}

/** For browsers without Map.groupBy. */
function grouped(windows) {
  const found = new Map();
  for (const window of windows) found.set(window.feed, [...(found.get(window.feed) ?? []), window]);
  return found;
}

function figures(feed, windows) {
  const newest = [...windows].reverse();
  const columns = [
    { title: "Window" },
    { title: "Status" },
    { title: "Version", number: true },
    { title: "Rows", number: true },
    { title: "Labelled", number: true },
    { title: "Accuracy", number: true },
    { title: "95 % interval", number: true },
  ];
  const rows = newest.map((window) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, name(window.window)),
      el("td", {}, status(window.status)),
      number(window.version),
      number(count(window.read)),
      number(count(window.labelled)),
      number(percent(window.accuracy), window.is_estimate && window.accuracy !== null ? "estimated" : null),
      number(window.accuracy === null ? "–" : `${percent(window.lower)} to ${percent(window.upper)}`),
    ),
  );
  const shown = table(`Accuracy of ${feed}, the newest first`, columns, rows.slice(0, NEWEST));
  const rest = rows.slice(NEWEST);
  const more = button(`Show ${counted(rest.length, "older window")}`, () => {
    shown.querySelector("tbody").append(...rest);
    more.remove();
    shown.focus();
  });
  return el("details", {}, el("summary", {}, "The figures as a table"), shown, rest.length ? more : null);
}

function number(text, below) {
  return el("td", { class: "number" }, String(text), below ? el("div", { class: "explanation" }, below) : null);
}

function champions({ champions }) {
  if (!champions.length) return section("Champions", el("p", { class: "calm" }, "There has been no champion yet."));
  const columns = [{ title: "Version" }, { title: "From" }, { title: "Until" }, { title: "How" }, { title: "Why" }];
  const rows = [...champions].reverse().map((reign) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", class: "whole" }, reign.version === null ? "none" : `version ${reign.version}`),
      el("td", { class: "when" }, moment(reign.since)),
      el("td", { class: "when" }, reign.until ? moment(reign.until) : badge("good", "now")),
      el("td", { class: "how" }, HOW[reign.kind] ?? name(reign.kind), el("div", { class: "explanation" }, name(reign.by))),
      el("td", { class: "sentence" }, name(reign.reason)),
    ),
  );
  return section("Champions", table("Champions, the newest first", columns, rows));
}

function versions({ versions }) {
  const columns = [
    { title: "Version" },
    { title: "Verdict" },
    { title: "Accuracy", number: true },
    { title: "Macro F1", number: true },
    { title: "Data" },
    { title: "Trained" },
    { title: "Why" },
    { title: "Contest" },
  ];
  const rows = versions.map((version) =>
    el(
      "tr",
      {},
      el(
        "th",
        { scope: "row", class: "whole" },
        `version ${version.version}`,
        el("div", { class: "tags" }, version.aliases.map((alias) => badge(alias === "champion" ? "good" : "wait", alias))),
      ),
      el("td", {}, verdict(version)),
      number(percent(version.holdout_accuracy)),
      number(percent(version.macro_f1)),
      el("td", {}, version.data === null ? "–" : name(version.data), version.synthetic ? el("div", { class: "tags" }, badge("warn", "SYNTHETIC")) : null),
      el("td", { class: "when" }, version.trained_at ? moment(version.trained_at) : "–"),
      el("td", { class: "sentence" }, version.reason ? name(version.reason) : "–"),
      el("td", {}, version.verdict ? contest(version) : "–"),
    ),
  );
  return section(
    "Versions",
    el("p", { class: "muted small" }, "Accuracy and macro F1 are those on each version's own holdout: versions are compared by their contest, not by these."),
    table("Versions, the newest first", columns, rows),
  );
}

function contest({ version }) {
  const text = ["Page", el("span", { class: "hidden" }, ` of the contest of version ${version}`)];
  return documents.link(`/api/versions/${version}/contest`, text, `contest-${version}.html`);
}

function verdict({ verdict, waits }) {
  if (!verdict) return "training did not end";
  const shown = badge(VERDICTS[verdict] ?? "neutral", verdict === "waiting" ? "waits for a person" : verdict);
  return waits && verdict !== "waiting" ? [shown, el("div", { class: "explanation" }, "may still be promoted by hand")] : shown;
}

byId("again").addEventListener("click", read);
read();
