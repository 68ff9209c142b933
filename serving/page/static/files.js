// A place to drop a file, or to choose one.

import { Problem } from "./api.js";
import { el } from "./dom.js";
import { bytes } from "./wording.js";

const KINDS = "CSV, JSON lines or Parquet, also compressed";

/** The place; `chosen` is told of the file. Files dropped anywhere on the page count. */
export function dropZone(chosen) {
  const input = el("input", {
    type: "file",
    id: "file-input",
    class: "hidden",
    onchange: () => {
      if (input.files.length) chosen(input.files[0]);
      input.value = ""; // so that the same file can be chosen again
    },
  });
  const zone = el(
    "label",
    { class: "zone", for: "file-input" },
    el("strong", {}, "Choose a file"),
    " or drop it here",
    el("span", { class: "small muted" }, KINDS),
  );
  // Without this a browser shows the dropped file in place of the page.
  document.addEventListener("dragover", (event) => {
    if (![...event.dataTransfer.types].includes("Files")) return; // words that go to another place in the box
    event.preventDefault();
    zone.classList.add("over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) zone.classList.remove("over");
  });
  document.addEventListener("drop", (event) => {
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    zone.classList.remove("over");
    chosen(event.dataTransfer.files[0]);
  });
  return el("div", { class: "drop" }, input, zone);
}

/** Throw if the server would not take the file: it would hang up, and the browser could not say why. */
export function refuseLarge(file, limits) {
  if (!limits || file.size <= limits.file_bytes) return;
  throw new Problem(`The file has ${bytes(file.size)}, more than the ${bytes(limits.file_bytes)} that this server takes.`);
}

/** A field for the column with the messages, which is usually the one that the version was trained with. */
export function columnField() {
  const input = el("input", { type: "text", id: "text-column", autocomplete: "off", spellcheck: "false" });
  const field = el("div", { class: "field" }, el("label", { for: "text-column" }, "Column with the messages"), input);
  return {
    field,
    expect: (column) => (input.placeholder = column),
    value: () => input.value.trim(),
    focus: () => input.focus(),
  };
}
