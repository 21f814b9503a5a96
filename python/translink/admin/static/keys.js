// Keyboard shortcuts. None acts on a call: those controls want to be looked at while they are pressed.

import { byId, h } from "./dom.js";

/** @param {Record<string, [string, () => void]>} keys key → what it does, in words, and how */
export function startKeys(keys) {
  const help = byId("help");
  help.append(
    h("h2", { id: "help-title", text: "Keyboard" }),
    h("dl", {}, ...Object.entries(keys).map(([key, [text]]) => h("div", {}, h("dt", {}, h("kbd", { text: key })), h("dd", { text })))),
    h("p", { text: "On a timeline: ← and → move in time, End comes back to now." }),
    h("form", { method: "dialog" }, h("button", { text: "Close" })));
  byId("help-open").addEventListener("click", () => help.showModal());
  document.addEventListener("keydown", (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (target.matches("input, select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    const known = keys[event.key];
    if (!known) return;
    event.preventDefault();
    known[1]();
  });
}
