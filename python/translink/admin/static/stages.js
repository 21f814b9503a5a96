// Where the time goes: one row a stage, on a logarithmic scale, because our own time is a thousandth of the
// providers' and both should be seen. Dot = median, bar = up to p95, tick = p99.

import { h, mark, say } from "./dom.js";
import { delay } from "./format.js";

/** Whose time a stage is, as in `stages.py`. */
const STAGES = [
  ["mouth_to_ear", "Mouth to ear", "all", "From the last sound of a segment to the first sound of its translation"],
  ["ear_voice_span", "Ear-voice span", "all", "From the first sound of a segment to the first sound of its translation"],
  ["speech_to_final", "Recognition", "provider", "From the last sound of a segment to its final result"],
  ["translate", "Translation", "provider", "From the request to the answer"],
  ["request_to_audio", "Voice", "provider", "From the request to the first sound of the voice"],
  ["commit_wait", "End of sentence", "policy", "From the final result until the segment is sent to translation"],
  ["queued", "Ear busy", "policy", "How long a translation waits while the ear hears something else, or is not there"],
  ["own", "translink itself", "own", "From final text to the first datagram, without the providers"],
  ["ring_to_wire", "frame → wire", "own", "From a complete frame to its message to the recogniser"],
  ["commit_to_request", "final → request", "own", "From final text to the request for its translation"],
  ["audio_to_sent", "voice → datagram", "own", "From the first sound of the voice to the first datagram, when the ear was idle"],
];
const QUANTILES = [
  ["p50", "Median: half of them are quicker"], ["p95", "95 of 100 are quicker"], ["p99", "99 of 100 are quicker"],
];
const PATH = ["speech_to_final", "commit_wait", "commit_to_request", "translate", "request_to_audio", "audio_to_sent"];
const LEAST = -2; // 10 µs
const MOST = 4; // 10 s

/** @param {number} ms share of the scale, 0 to 1 */
const along = (ms) => Math.min(1, Math.max(0, (Math.log10(Math.max(ms, 1e-3)) - LEAST) / (MOST - LEAST)));

export class Stages {
  /** @param {Element} into */
  constructor(into) {
    this._rows = /** @type {Map<string, any>} */ (new Map());
    this._bar = h("div.delay-bar", { role: "img", hidden: true });
    this._body = h("tbody");
    into.append(
      h("header", {}, h("h2", { id: "stages-title", text: "Delays" }),
        h("p.legend", { title: "Whose time it is" }, h("i.own"), "ours", h("i.provider"), "providers", h("i.policy"), "waiting")),
      this._bar,
      h("div.scroll", { tabindex: "0", role: "group", "aria-label": "Delays by stage" }, h("table", {},
        h("thead", {}, h("tr", {}, h("th", { scope: "col", text: "Stage" }), h("th.scale", { scope: "col" }, scale()),
          ...QUANTILES.map(([text, title]) => h("th.figure", { scope: "col", text, title })))),
        this._body)));
  }

  /** @param {Record<string, any>} stages as in `stages_ms` */
  update(stages) {
    for (const [name, title, whose, means] of STAGES) {
      const summary = stages[name];
      let row = this._rows.get(name);
      if (!summary?.count) {
        if (row) row.element.hidden = true;
        continue;
      }
      if (!row) {
        row = makeRow(title, whose, means);
        this._rows.set(name, row);
        this._body.append(row.element);
      }
      row.element.hidden = false;
      row.bar.style.left = `${along(summary.p50) * 100}%`;
      row.bar.style.width = `${(along(summary.p95) - along(summary.p50)) * 100}%`;
      row.dot.style.left = `${along(summary.p50) * 100}%`;
      row.tick.style.left = `${along(summary.p99) * 100}%`;
      for (const [index, [key]] of QUANTILES.entries()) say(row.figures[index], delay(summary[key]));
    }
    this._order();
    this._updateBar(stages);
  }

  _order() {
    const wanted = STAGES.map(([name]) => this._rows.get(name)?.element).filter(Boolean);
    if (wanted.some((element, index) => this._body.children[index] !== element)) this._body.append(...wanted);
  }

  /** The path of a typical segment, to scale: here our own part is a hair, and should be.
   * @param {Record<string, any>} stages */
  _updateBar(stages) {
    const parts = PATH.filter((name) => stages[name]?.count).map((name) => ({
      name, ms: stages[name].p50, stage: /** @type {string[]} */ (STAGES.find((each) => each[0] === name)),
    }));
    const sum = parts.reduce((total, part) => total + part.ms, 0);
    this._bar.hidden = !sum;
    if (!sum) return;
    while (this._bar.children.length > parts.length) this._bar.lastElementChild.remove();
    parts.forEach((part, index) => {
      const element = this._bar.children[index] ?? this._bar.appendChild(h("span"));
      mark(element, "class", part.stage[2]);
      mark(element, "title", `${part.stage[1]}: ${delay(part.ms)} (median)`);
      element.style.flexGrow = String(part.ms);
      say(element, part.ms / sum > 0.2 ? `${part.stage[1]} ${delay(part.ms)}` : "");
    });
    mark(this._bar, "aria-label", parts.map((part) => `${part.stage[1]} ${delay(part.ms)}`).join(", "));
  }
}

/** @param {string} title @param {string} whose @param {string} means */
function makeRow(title, whose, means) {
  const bar = h(`i.bar.${whose}`);
  const dot = h(`i.dot.${whose}`);
  const tick = h(`i.tick.${whose}`);
  const figures = QUANTILES.map(([, quantile]) => h("td.figure", { title: `${title}. ${quantile}` }));
  const element = h(`tr.${whose}`, { title: means }, h("th", { scope: "row", text: title }),
    h("td.scale", { "aria-hidden": "true" }, h("div.track", {}, bar, tick, dot)), ...figures);
  return { element, bar, dot, tick, figures };
}

function scale() {
  const marks = [[0.1, "0.1 ms"], [1000, "1 s"]].map(([ms, text]) => {
    const element = h("span", { text });
    element.style.left = `${along(Number(ms)) * 100}%`;
    return element;
  });
  return h("div.track", {}, ...marks);
}
