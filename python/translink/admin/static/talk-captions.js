// What both sides say, line by line. Of the other one the translation is large and what they said small; of
// yourself what was understood is large and what they hear small.

import { h, mark, say } from "./dom.js";

const MOST_LINES = 200;

export class TalkCaptions {
  /** @param {HTMLElement} into */
  constructor(into) {
    this._into = into;
    /** @type {Map<string, any>} */
    this._lines = new Map();
  }

  clear() {
    this._lines.clear();
    this._into.replaceChildren();
  }

  /** @param {{type: string, of: string, segment?: number, text?: string}} message */
  take(message) {
    const { type, of, segment, text = "" } = message;
    if (type === "interim") {
      if (of === "me") this._line(of, "interim", false, text, "");
      return;
    }
    this._drop(`${of} interim`);
    const name = String(segment);
    if (type === "said") this._line(of, name, true, of === "me" ? text : "…", of === "me" ? "" : text);
    else if (type === "translated") this._line(of, name, true, of === "me" ? null : text, of === "me" ? text : null);
    else this._line(of, name, true, null, "could not be translated");
  }

  /** @param {string} key */
  _drop(key) {
    this._lines.get(key)?.remove();
    this._lines.delete(key);
  }

  /** @param {string} of @param {string} name @param {boolean} firm @param {string | null} large null: as it is @param {string | null} small */
  _line(of, name, firm, large, small) {
    const key = `${of} ${name}`;
    let line = this._lines.get(key);
    if (!line) {
      line = h("div.talk-line", { "data-of": of }, h("p"), h("p.also"));
      this._lines.set(key, line);
      this._into.append(line);
      const [oldest] = this._lines.keys();
      if (this._lines.size > MOST_LINES) this._drop(oldest);
    }
    mark(line, "data-firm", firm ? "yes" : "no");
    if (large !== null) say(line.children[0], large);
    if (small !== null) say(line.children[1], small);
    line.children[1].hidden = !line.children[1].textContent;
    this._into.scrollTop = this._into.scrollHeight;
  }
}
