// Numbers, times and states in words, the same in all views.

const COUNT = new Intl.NumberFormat("en");

export function count(number) {
  return COUNT.format(number);
}

/** "1 message", "1,200 messages". */
export function counted(number, one, many = `${one}s`) {
  return `${count(number)} ${number === 1 ? one : many}`;
}

/** A share of 1 as "93.4 %"; it is never rounded up to certainty. */
export function percent(share) {
  if (share === null || share === undefined) return "–";
  const shown = 100 * share;
  if (shown > 99.9 && shown < 100) return "> 99.9 %";
  return `${shown.toFixed(1)} %`;
}

export function bytes(number) {
  if (number < 1000) return counted(number, "byte");
  const step = number < 1e6 ? [1e3, "kB"] : number < 1e9 ? [1e6, "MB"] : [1e9, "GB"];
  return `${(number / step[0]).toFixed(number / step[0] < 10 ? 1 : 0)} ${step[1]}`;
}

/** A moment in UTC as the reports write it; midnight is a day. */
export function moment(text) {
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return text;
  const [day, time] = at.toISOString().split("T");
  return time.startsWith("00:00:00") ? day : `${day} ${time.slice(0, 5)} UTC`;
}

/** How a version is called: "version 3 (champion)". */
export function versionName(model) {
  const aliases = model.aliases.length ? ` (${model.aliases.join(", ")})` : "";
  return `version ${model.version}${aliases}`;
}

export function capitalised(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
