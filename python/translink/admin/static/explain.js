// A call's post-mortem, as the server made it: where the time went, what went wrong, what can be done about it.

import { get } from "./api.js";
import { ask } from "./controls.js";
import { h } from "./dom.js";
import { delay, lost, number } from "./format.js";

/** @typedef {Record<string, any>} Row */
const WORDS = { bad: "Bad", warn: "Warning", note: "Note" };

export class Explain {
  constructor() {
    this._title = h("h2", { id: "explain-title" });
    this._body = h("div.explain-body");
    this._close = h("button", { type: "button", text: "Close", onclick: () => this.dialog.close() });
    this.dialog = h("dialog.explain", { "aria-labelledby": "explain-title" },
      h("header.explain-head", {}, this._title, this._close), this._body);
  }

  /** Ask for a call's and show it. @param {Element} button @param {string} call */
  open(button, call) {
    ask(button, `explain call ${call}`, async () => this.show(await get(`/api/calls/${encodeURIComponent(call)}/postmortem`)));
  }

  /** @param {Row} found */
  show(found) {
    this._title.textContent = `Why call ${found.call} was as it was`;
    this._body.replaceChildren(
      h("p", { text: `${number(found.words)} words in ${number(found.segments)} segments, ${number(found.spoken)} spoken to the end, ${lost(found.lost_ms)} lost.` }),
      ...where(found),
      h("h3", { text: found.causes.length ? "What was found" : "Nothing wrong was found" }),
      h("ul.causes", {}, ...found.causes.map(cause)),
      found.incomplete && h("p.incomplete", { text: `Not looked at: ${found.incomplete}.` }));
    if (!this.dialog.open) this.dialog.showModal();
  }
}

/** The parts of the delay. @param {Row} found @returns {Node[]} */
function where(found) {
  if (!found.delay.length) return [h("p", { text: "No translation was heard, so there is no delay to explain." })];
  const whole = found.mouth_to_ear;
  return [
    h("h3", { text: "Where the time went" }),
    h("p", { text: `From mouth to ear ${delay(whole.p50_ms)} in the median, ${delay(whole.p95_ms)} for 95 of 100 segments. In the mean:` }),
    h("table.parts", {}, h("tbody", {}, ...found.delay.map((/** @type {Row} */ part) =>
      h("tr", {}, h("th", { scope: "row", text: part.part }), h("td", { text: part.owner }),
        h("td.figure", { text: delay(1000 * part.seconds) }), h("td.figure", { text: `${Math.round(100 * part.share)} %` }))))),
  ];
}

/** @param {Row} found */
const cause = (found) => h("li", { "data-severity": found.severity },
  h("p", {}, h("strong", { text: WORDS[/** @type {keyof WORDS} */ (found.severity)] }),
    ` ${found.leg ? `Leg ${found.leg}: ` : ""}${found.said}.`),
  found.advice && h("p.advice", { text: `→ ${found.advice}.` }));
