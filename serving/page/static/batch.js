// A whole file: sent, scored and given back.

import { upload } from "./api.js";
import { el, name } from "./dom.js";
import { columnField, dropZone, refuseLarge } from "./files.js";
import { announce, button, problemBox } from "./status.js";
import { bytes, counted } from "./wording.js";

/** Build the section; `model` says which version is to answer. */
export function setUpBatch(section, model) {
  const column = columnField();
  const leaveOut = checkbox("Leave out rows that can't be read");
  const proba = checkbox("Add the probability of each class");
  const explain = checkbox("Add the words that decided");
  const options = el(
    "details",
    { class: "options" },
    el("summary", { class: "small" }, "More choices"),
    column.field,
    proba.field,
    explain.field,
  );
  const state = el("div", { class: "sending" });
  let running = null;
  let link = null;
  let limits = null;

  async function send(file) {
    running?.abort();
    const mine = (running = new AbortController());
    const bar = el("progress", { max: "1", value: "0", "aria-label": "Progress" });
    const doing = el("p", { class: "small" }, `Sending ${bytes(file.size)}…`);
    const cancel = button("Cancel", () => mine.abort(), { class: "quiet" });
    show(el("p", {}, el("strong", {}, name(file.name))), bar, doing, cancel);
    announce(`Sending ${file.name}.`);
    const progress = (share) => {
      bar.value = share;
      if (share < 1) return;
      bar.removeAttribute("value"); // how far the model is can't be known
      doing.textContent = "Sent. It is being scored…";
    };
    try {
      refuseLarge(file, limits);
      done(file, await upload(path(), file, { progress, signal: mine.signal }));
    } catch (problem) {
      if (running !== mine) return; // another file has taken its place
      if (problem.name === "AbortError") return show(el("p", { class: "muted" }, "Stopped."));
      if (problem.status === 422) options.open = true;
      const actions = [button("Try again", () => send(file))];
      if (problem.status === 422 && !leaveOut.box.checked) {
        actions.push(button("Leave such rows out", () => ((leaveOut.box.checked = true), send(file))));
      }
      show(el("p", {}, el("strong", {}, name(file.name))), problemBox(problem, actions));
    }
  }

  function path() {
    const query = new URLSearchParams({ model: model() });
    if (column.value()) query.set("text_column", column.value());
    if (leaveOut.box.checked) query.set("rejects", "skip");
    if (proba.box.checked) query.set("proba", "true");
    if (explain.box.checked) query.set("explain", "true");
    return `/api/batch?${query}`;
  }

  function done(file, { blob, header }) {
    if (link) URL.revokeObjectURL(link.href);
    const ending = /filename="?scored\.(\w+)/.exec(header("Content-Disposition") ?? "")?.[1] ?? "csv";
    const download = `${file.name.replace(/\..*$/, "") || "messages"}-scored.${ending}`;
    link = el("a", { class: "download", href: URL.createObjectURL(blob), download }, "Download ", name(download));
    const [scored, blank, rejected] = ["Scored", "Blank", "Rejected"].map((what) => Number(header(`X-Rows-${what}`)));
    const counts = [
      `${counted(scored, "row")} scored by version ${header("X-Model-Version")}`,
      blank ? `${counted(blank, "row")} without text` : null,
      rejected ? `${counted(rejected, "row")} that can't be read, left out` : null,
    ].filter(Boolean);
    show(el("p", {}, counts.join(", "), "."), el("p", {}, link, el("span", { class: "small muted" }, ` ${bytes(blob.size)}`)));
    announce(`${counts.join(", ")}. The file can be downloaded.`);
  }

  function show(...parts) {
    state.replaceChildren(...parts);
  }

  section.append(dropZone(send), leaveOut.field, options, state);
  function expect(version, ofServer) {
    column.expect(version?.text_column ?? "");
    limits = ofServer;
  }

  return { expect };
}

function checkbox(text) {
  const box = el("input", { type: "checkbox" });
  return { box, field: el("label", { class: "switch" }, box, ` ${text}`) };
}
