// Links to pages that trainings and the monitor have made.

import { page } from "./api.js";
import { el } from "./dom.js";
import { announce } from "./status.js";
import * as token from "./token.js";

/** A link to a page; where a token is needed, which a link can't carry, the page is downloaded. */
export function link(path, text, file) {
  const shown = el("a", { href: path, target: "_blank", rel: "noopener" }, text);
  shown.addEventListener("click", async (event) => {
    if (token.stored() === null) return;
    event.preventDefault();
    try {
      const url = URL.createObjectURL(await page(path));
      el("a", { href: url, download: file }).click();
      announce(`${file} is downloaded.`);
    } catch (problem) {
      announce(problem.message);
    }
  });
  return shown;
}
