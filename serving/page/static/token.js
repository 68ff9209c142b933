// The form that asks for a token. It is kept in sessionStorage, for this tab alone; nothing else is.

import { byId, el } from "./dom.js";
import { button } from "./status.js";

const KEY = "triage-token";
let asking = null;

export function stored() {
  return sessionStorage.getItem(KEY);
}

/** Ask for a token; resolves when there is one, or rejects when it is not given. One form for all who wait. */
export function ask() {
  asking ??= opened().finally(() => (asking = null));
  return asking;
}

function opened() {
  const refused = stored() !== null;
  const input = el("input", {
    id: "token",
    type: "password",
    autocomplete: "off",
    required: true,
    "aria-describedby": "token-hint",
  });
  const form = el(
    "form",
    { method: "dialog" },
    el("h2", { id: "token-title" }, "A token is needed"),
    el(
      "p",
      { id: "token-hint" },
      refused ? "The server did not take the last token. " : "",
      "Whoever runs this server can give you one. It is kept until this tab is closed.",
    ),
    el("label", { for: "token" }, "Token"),
    input,
  );
  const dialog = el("dialog", { "aria-labelledby": "token-title" }, form);
  return new Promise((resolve, reject) => {
    form.append(
      el(
        "p",
        { class: "actions" },
        el("button", { type: "submit", class: "primary" }, "Use it"),
        button("Cancel", () => dialog.close()),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const token = input.value.trim();
      if (!token) return;
      sessionStorage.setItem(KEY, token);
      showChange();
      dialog.remove();
      resolve();
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      reject(new Error("A token is needed."));
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** The button that forgets the token is there while one is kept. */
export function showChange() {
  const change = byId("change-token");
  change.hidden = stored() === null;
  change.onclick = () => {
    sessionStorage.removeItem(KEY);
    location.reload();
  };
}
