// Light, dark, or as the system says. Kept in this browser; nothing else is.

import { byId, mark } from "./dom.js";

const ORDER = ["system", "light", "dark"];
const SIGNS = { system: "◐", light: "○", dark: "●" };

/** @type {Set<() => void>} */
const redraw = new Set();

/** `draw` is called when colours changed: what a canvas shows does not follow by itself.
 * @param {() => void} draw */
export function onTheme(draw) {
  redraw.add(draw);
}

export function startTheme() {
  apply(localStorage.getItem("theme") ?? "system");
  byId("theme").addEventListener("click", next);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw.forEach((draw) => draw()));
}

/** From system to light to dark. */
export function next() {
  const now = document.documentElement.dataset.theme ?? "system";
  apply(ORDER[(ORDER.indexOf(now) + 1) % ORDER.length]);
}

/** @param {string} theme */
function apply(theme) {
  const name = ORDER.includes(theme) ? theme : "system";
  document.documentElement.dataset.theme = name;
  localStorage.setItem("theme", name);
  const button = byId("theme");
  button.textContent = SIGNS[/** @type {keyof SIGNS} */ (name)];
  mark(button, "aria-label", `Theme: ${name === "system" ? "as the system" : name}`);
  redraw.forEach((draw) => draw());
}

/** The colours of the page by name, for a canvas. @param {string[]} wanted @returns {Record<string, string>} */
export function colours(...wanted) {
  const style = getComputedStyle(document.documentElement);
  return Object.fromEntries(wanted.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
}
