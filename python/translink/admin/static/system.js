// The system as a whole: figures in the top bar, the mode, and the panel of providers, load and this page itself.

import { post } from "./api.js";
import { ask } from "./controls.js";
import { byId, h, mark, say, segmented } from "./dom.js";
import { delay, duration, lost, number } from "./format.js";

const QUANTILES = ["p50", "p95", "p99"];
const PRESSURES = {
  calm: "nothing is given up",
  shed: "this page is told less, and no unfinished speech",
  coalesce: "audio goes to the recogniser in longer messages",
  refuse: "no new calls",
};
const DELAYS = [["mouth_to_ear", "Mouth to ear"], ["own", "translink itself"]];
const VITALS = [["lost", "lost"], ["calls", "calls"], ["ear", "mouth to ear p50"], ["ear95", "p95"], ["own", "own p99"], ["cpu", "cpu"], ["memory", "memory"]];

export class System {
  /** @param {Element} vitals @param {Element} mode @param {Element} panel
   * @param {import("./store.js").Store} store @param {import("./probe.js").Probe} probe */
  constructor(vitals, mode, panel, store, probe) {
    this._store = store;
    this._probe = probe;
    this._vitals = new Map(VITALS.map(([name]) => [name, h("dd")]));
    vitals.append(...VITALS.map(([name, text]) => h("div", { "data-figure": name }, h("dt", { text }), this._vitals.get(name))));
    this._mode = h("div.segmented", { role: "radiogroup", "aria-label": "Mode of the system" });
    this._showMode = segmented(this._mode, { auto: "Auto", streaming: "Streaming", prerecorded: "Prerecorded" },
      (value) => this._set(this._mode, "change the mode", { mode: value }));
    this._share = h("input", { type: "range", min: "0", max: "100", step: "5", id: "share", "aria-label": "Share of calls that stream in mode auto" });
    this._percent = h("output", { for: "share" });
    this._share.addEventListener("input", () => say(this._percent, `${this._share.value} %`));
    this._share.addEventListener("change", () => this._set(this._share, "change the share", { share: Number(this._share.value) / 100 }));
    mode.append(this._mode, h("label.share", { title: "Share of calls that stream in mode auto" }, this._share, this._percent));
    this._facts = h("dl");
    this._providers = h("ul.providers");
    this._cells = /** @type {Map<string, any[]>} */ (new Map());
    this._load = h("table.quantiles", {}, h("thead", {}, h("tr", {}, h("th", { text: "ms" }), ...QUANTILES.map((text) => h("th.figure", { scope: "col", text })))),
      h("tbody", {}, ...DELAYS.map(([name, text]) => {
        const cells = QUANTILES.map(() => h("td.figure"));
        this._cells.set(name, cells);
        return h("tr", {}, h("th", { scope: "row", text }), ...cells);
      })));
    this._page = h("p.page-facts");
    panel.append(h("header", {}, h("h2", { id: "system-title", text: "System" }), (this._pressure = h("span.badge"))),
      this._load, this._facts, h("h3", { text: "Providers" }), this._providers, this._page);
  }

  /** Show what is new. */
  update() {
    const { system, calls } = this._store;
    const [ear, own] = [counted(system.mouth_to_ear), counted(system.own)];
    const gone = [...calls.values()].reduce((sum, call) => sum + (call.lost_ms ?? 0), 0);
    const total = Math.max(gone, system.lost_ms ?? 0);
    const values = {
      lost: lost(total),
      calls: number(system.calls ?? calls.size),
      ear: delay(ear.p50),
      ear95: delay(ear.p95),
      own: delay(own.p99),
      cpu: typeof system.cpu_percent === "number" ? `${number(system.cpu_percent)} %` : "–",
      memory: typeof system.rss_mb === "number" ? `${number(system.rss_mb)} MB` : "–",
    };
    for (const [name, value] of Object.entries(values)) say(this._vitals.get(name), value);
    mark(this._vitals.get("lost"), "data-bad", total > 0 ? "" : null);
    const pressure = String(system.pressure?.level ?? system.pressure ?? "calm").toLowerCase();
    say(this._pressure, system.draining ? "draining" : pressure);
    mark(this._pressure, "title", PRESSURES[/** @type {keyof PRESSURES} */ (pressure)] ?? null);
    mark(this._pressure, "data-mode", pressure === "calm" && !system.draining ? "streaming" : pressure === "refuse" ? "recovering" : "prerecorded");
    this._updateLoad(system);
    this._updateProviders(system.providers ?? {});
  }

  /** Mode and share, as the server says they are. */
  updateMode() {
    const { mode, share, controls } = this._store;
    this._showMode(mode);
    for (const button of this._mode.children) button.disabled = !controls;
    this._share.disabled = !controls || mode !== "auto";
    const moving = this._share.matches(":active") || this._share.getAttribute("aria-busy") === "true";
    if (share !== null && !moving) {
      this._share.value = String(Math.round(share * 100));
      say(this._percent, `${this._share.value} %`);
    }
  }

  /** Once a second: how this page is doing. */
  updatePage() {
    const late = this._probe.delay(0.95);
    const text = `This page: ${number(this._probe.frames)} frames/s`;
    say(this._page, late === null ? text : `${text}, events shown after ${number(late)} ms (p95)`);
    mark(this._page, "data-frames", String(Math.round(this._probe.frames)));
    mark(this._page, "data-delay", late === null ? null : late.toFixed(1));
  }

  /** @param {any} system */
  _updateLoad(system) {
    const facts = { Legs: number(system.legs), "Calls so far": number(system.calls_total), Up: duration(system.uptime) };
    if (!this._facts.children.length) this._facts.append(...Object.keys(facts).map((text) => h("div", {}, h("dt", { text }), h("dd"))));
    Object.values(facts).forEach((value, index) => say(this._facts.children[index].lastElementChild, value));
    byId("quality").hidden = !system.offline;
    for (const [name, cells] of this._cells) {
      QUANTILES.forEach((key, index) => say(cells[index], number(counted(system[name])[key], name === "own" ? 2 : 0)));
    }
  }

  /** @param {Record<string, any>} providers */
  _updateProviders(providers) {
    const names = Object.keys(providers);
    while (this._providers.children.length > names.length) this._providers.lastElementChild.remove();
    names.forEach((name, index) => {
      const item = this._providers.children[index] ?? this._providers.appendChild(h("li", {}, h("i.lamp"), h("b"), h("span.state"), h("span.reason")));
      const { state = "", reason = "", attempts, opened } = providers[name] ?? {};
      mark(item, "title", `${number(attempts)} requests, ${number(opened)} times down`);
      mark(item, "data-state", state);
      say(item.children[1], name);
      say(item.children[2], STATES[/** @type {keyof STATES} */ (state)] ?? state);
      say(item.children[3], state === "closed" ? "" : reason ?? "");
    });
  }

  /** @param {Element} control @param {string} what @param {object} body */
  _set(control, what, body) {
    const asking = async () => {
      const answer = await post("/api/mode", body);
      this._store.settings({ mode: answer.mode, streaming_share: answer.share });
    };
    ask(control, what, asking, () => this.updateMode());
  }

  _pressure = /** @type {any} */ (null);
}

/** Quantiles of nothing are not 0. @param {any} [summary] */
const counted = (summary) => (summary?.count === 0 ? {} : (summary ?? {}));

/** What a breaker's state means to somebody who looks. */
const STATES = { closed: "well", held: "asked for less", open: "down" };
