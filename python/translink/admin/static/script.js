// What was said in a call, line by line, with each line's journey in figures. The readable twin of the score,
// and what a screen reader reads instead of it.

import { h, mark, say } from "./dom.js";
import { clock, delay, fate } from "./format.js";

const SHOWN = 200;

/** @typedef {import("./store.js").TranscriptLine} TranscriptLine */

export class Script {
  /** @param {Element} into */
  constructor(into) {
    this._items = /** @type {Map<string, any>} */ (new Map());
    this._list = h("ol", { tabindex: "0", "aria-label": "What was said" });
    this._interims = h("ol.interims", { "aria-hidden": "true" });
    this._exports = h("span.exports");
    this._scroll = h("div.scroll", {}, this._list, this._interims);
    into.append(h("header", {}, h("h2", { id: "script-title", text: "Captions" }), this._exports), this._scroll);
    // The newest line stays in sight, also in another layout, unless somebody has scrolled away from it.
    this._pinned = true;
    this._scroll.addEventListener("scroll", () => {
      if (this._scroll.clientHeight === this._height) this._pinned = this._below() < 40;
    }, { passive: true });
    new ResizeObserver(() => this._pin()).observe(this._scroll);
  }

  /** Another call. @param {string} call @param {string[]} legs */
  show(call, legs) {
    this._items.clear();
    this._pinned = true;
    this._list.replaceChildren();
    this._interims.replaceChildren();
    this._hues = new Map(legs.map((leg, index) => [leg, index ? "b" : "a"]));
    const path = `/api/calls/${encodeURIComponent(call)}/transcript?format=`;
    this._exports.replaceChildren("Export ", ...["json", "srt", "vtt", "txt"].map((format) =>
      h("a", { href: path + format, download: "", text: format.toUpperCase() })));
  }

  /** @param {TranscriptLine[]} lines @param {Map<string, import("./store.js").Interim>} interims @param {string[]} legs */
  update(lines, interims, legs) {
    const shown = new Set();
    let before = null;
    for (const line of lines.slice(-SHOWN)) {
      const name = `${line.leg}/${line.segment}`;
      shown.add(name);
      let item = this._items.get(name);
      if (!item) {
        item = this._make(line);
        this._items.set(name, item);
        if (before) before.after(item.element);
        else this._list.prepend(item.element);
      }
      before = item.element;
      this._fill(item, line);
    }
    for (const [name, item] of this._items) {
      if (shown.has(name)) continue;
      item.element.remove();
      this._items.delete(name);
    }
    this._now(interims, legs);
    this._pin();
  }

  _pin() {
    if (this._pinned) this._scroll.scrollTop = this._scroll.scrollHeight;
    this._height = this._scroll.clientHeight;
  }

  /** Pixels of captions below what is seen. */
  _below() {
    return this._scroll.scrollHeight - this._scroll.scrollTop - this._scroll.clientHeight;
  }

  /** @param {Map<string, import("./store.js").Interim>} interims @param {string[]} legs */
  _now(interims, legs) {
    const open = legs.filter((leg) => interims.has(leg));
    while (this._interims.children.length > open.length) this._interims.lastElementChild.remove();
    open.forEach((leg, index) => {
      const { text, firm } = /** @type {any} */ (interims.get(leg));
      const item = this._interims.children[index] ??
        this._interims.appendChild(h("li", {}, h("span.who"), h("p.text", {}, h("b"), h("span.tentative"))));
      mark(item, "class", this._hues.get(leg) ?? "a");
      say(item.children[0], leg);
      say(item.children[1].children[0], firm);
      say(item.children[1].children[1], text.startsWith(firm) ? text.slice(firm.length) : text);
    });
  }

  /** @param {TranscriptLine} line */
  _make(line) {
    const parts = { time: h("time"), text: h("p.text"), translation: h("p.translation"), journey: h("p.journey") };
    const element = h(`li.${this._hues.get(line.leg) ?? "a"}`, {}, h("p", {}, h("span.who", { text: line.leg }), parts.time),
      h("div", {}, parts.text, parts.translation, parts.journey));
    return { element, ...parts, state: "" };
  }

  /** @param {any} item @param {TranscriptLine} line */
  _fill(item, line) {
    const state = `${line.state} ${line.text} ${Object.values(line.at).join()} ${line.end} ${line.toEar}`;
    if (state === item.state) return;
    item.state = state;
    say(item.time, clock(line.start ?? line.at.final ?? 0));
    say(item.text, line.text);
    say(item.translation, line.translation ?? (line.reason ? `${fate(line.state)}: ${line.reason}` : ""));
    mark(item.element, "data-state", line.state);
    item.journey.replaceChildren(...journey(line));
  }

  _height = 0;
  _hues = /** @type {Map<string, string>} */ (new Map());
}

/** Said, recognised, translated, spoken: marks joined by the time between them. @param {TranscriptLine} line */
function journey(line) {
  const marks = [
    ["said", line.end], ["recognised", line.at.final], ["translated", line.at.translated], ["spoken", line.at.spoken],
  ];
  const parts = [];
  let before = /** @type {number | null} */ (null);
  for (const [name, at] of marks) {
    const known = typeof at === "number";
    const took = known && before !== null ? delay(Math.max(0, at - before) * 1000) : "";
    if (parts.length) parts.push(h(known ? "i.way" : "i.way.open", { text: took }));
    const done = known || (name === "said" && line.at.final);
    parts.push(h(done ? `i.mark.${name}` : "i.mark.open", { title: name }));
    if (known) before = /** @type {number} */ (at);
  }
  const total = line.toEar ?? (line.at.spoken && line.end !== null ? (line.at.spoken - line.end) * 1000 : null);
  const words = line.state === "spoken" && total !== null ? delay(total) : fate(line.state);
  parts.push(h("b", { text: words, title: "From the last sound said to the first sound heard" }));
  return parts;
}
