// Which version answers and which is compared with it, and what is worth knowing of them.

import { el } from "./dom.js";
import { note } from "./status.js";
import { capitalised, percent, versionName } from "./wording.js";

const ALIASES = ["champion", "challenger"];

/** Fill the two lists, and keep what is chosen where it is still there. */
export function offer(info, model, compare) {
  const choices = info.versions
    .flatMap((version) => version.aliases.filter((alias) => ALIASES.includes(alias)).map((alias) => [alias, version]))
    .sort(([a], [b]) => ALIASES.indexOf(a) - ALIASES.indexOf(b))
    .concat(info.versions.filter((version) => !version.aliases.length).map((version) => [String(version.version), version]));
  const before = [model.value, compare.value];
  model.replaceChildren(...choices.map(option));
  const none = el("option", { value: "" }, "no other version");
  compare.replaceChildren(none, ...choices.map(option));
  [model, compare].forEach((select, at) => {
    const values = [...select.options].map(({ value }) => value);
    if (values.includes(before[at])) select.value = before[at];
  });
  compare.disabled = info.versions.length < 2;
  forbidSame(info, model, compare);
  if (compare.disabled) none.textContent = "only one version is loaded";
}

/** A version is compared with others alone. */
export function forbidSame(info, model, compare) {
  const chosen = find(info, model.value)?.version;
  for (const option of compare.options) {
    option.disabled = option.value !== "" && find(info, option.value)?.version === chosen;
  }
  if (compare.selectedOptions[0]?.disabled) compare.value = "";
}

function option([value, version]) {
  const accuracy = version.holdout_accuracy === null ? "" : `, accuracy ${percent(version.holdout_accuracy)}`;
  const title = ALIASES.includes(value) ? `${capitalised(value)}, version ${version.version}` : capitalised(versionName(version));
  return el("option", { value }, title + accuracy);
}

/** Find what an alias or number names; undefined: it is not loaded. */
export function find(info, which) {
  return info.versions.find((version) => version.aliases.includes(which) || String(version.version) === which);
}

/** What must be said before anybody trusts an answer. */
export function notices(info, which) {
  const version = find(info, which);
  const found = [];
  if (version?.synthetic) {
    found.push(
      note(
        "warn",
        el("strong", {}, "Fitted on SYNTHETIC messages. "),
        `${capitalised(versionName(version))} shows how this works; its accuracy says nothing about real messages.`,
      ),
    );
  }
  if (version && !version.explains) {
    found.push(note("", `${capitalised(versionName(version))} can't say which words have moved it.`));
  }
  if (!info.registry_reachable) {
    found.push(note("warn", "The registry is out of reach. What is loaded goes on answering, but a new champion would not be noticed."));
  }
  for (const number of info.refused) {
    found.push(note("bad", `Version ${number} can't be served; the log of the server says why.`));
  }
  return found;
}
