// The system as a whole: figures in the top bar, the mode, and the panel of providers, delays and load.

import { post } from "./api.js";
import { ask } from "./controls.js";
import { byId, h, mark, say, segmented } from "./dom.js";
import { clock, delay, duration, lost, number, seconds } from "./format.js";
import { LOST, provider, WAITING } from "./trouble.js";

const QUANTILES = [
  ["p50", "the median: half of them are quicker"], ["p95", "95 of 100 are quicker"], ["p99", "99 of 100 are quicker"],
];
const PRESSURES = {
  calm: "The machine keeps up; nothing is held back",
  shed: "Busy: this page is updated less often, and unfinished speech is not shown",
  coalesce: "Very busy: sound goes to the recogniser in longer messages",
  refuse: "Overloaded: new calls are refused",
};
const TO_EAR = "From the last sound of a segment to the first sound of its translation in the other ear, over all calls";
const OWN = "translink's own part of that: from final text to the first datagram, without the providers";
/** Name, label, what it means. */
const VITALS = [
  ["waiting", "waiting", WAITING], ["lost", "lost", LOST], ["calls", "calls", "Calls that are running"],
  ["ear", "mouth to ear", `${TO_EAR}: median`], ["ear95", "p95", `${TO_EAR}: 95 of 100 are quicker`],
];
const DELAYS = [["mouth_to_ear", "Mouth to ear", TO_EAR], ["own", "translink itself", OWN]];
const FACTS = [
  ["legs", "Legs", "Open legs, in a call or not"], ["total", "Calls so far", "Since translink started"],
  ["up", "Running for", "Since translink started"], ["cpu", "Processor", "Of one core, translink's own process"],
  ["memory", "Memory", "Resident, translink's own process"],
  ["port", "Shared port", "Where many legs are heard, told apart by their senders; datagrams of others are dropped"],
];
/** @param {any} port */
const sharedPort = (port) => {
  if (!port) return "–";
  const more = [`${number(port.sources)} senders`];
  if (port.strangers) more.push(`${number(port.strangers)} datagrams from elsewhere`);
  if (port.drops_kernel) more.push(`${number(port.drops_kernel)} did not fit`);
  return `${port.listen}, ${more.join(", ")}`;
};

const NODES = [
  ["Node", "Each is a server of its own, or a worker"], ["calls", "Calls that it runs"], ["CPU", "Of one core, the node's own process"],
  ["state", "How it keeps up, or that it takes no more calls"],
];

/** What a breaker's state means. */
const STATES = { closed: "working", held: "has to wait", open: "down", "half-open": "being tried" };

export class System {
  /** @param {Element} vitals @param {Element} mode @param {Element} panel
   * @param {import("./store.js").Store} store @param {import("./probe.js").Probe} probe */
  constructor(vitals, mode, panel, store, probe) {
    this._store = store;
    this._probe = probe;
    this._vitals = new Map(VITALS.map(([name]) => [name, h("dd")]));
    vitals.append(...VITALS.map(([name, text, title]) => h("div", { "data-figure": name, title }, h("dt", { text }), this._vitals.get(name))));
    this._mode = h("div.segmented", { role: "radiogroup", "aria-label": "Mode of the system", title: "How speech is recognised, on every leg" });
    this._showMode = segmented(this._mode, { auto: "Auto", streaming: "Streaming", prerecorded: "Prerecorded" },
      (value) => this._set(this._mode, "change the mode", { mode: value }));
    this._share = h("input", { type: "range", min: "0", max: "100", step: "5", id: "share", "aria-label": "Share of calls that stream in mode auto" });
    this._percent = h("output", { for: "share" });
    this._share.addEventListener("input", () => say(this._percent, `${this._share.value} %`));
    this._share.addEventListener("change", () => this._set(this._share, "change the share", { share: Number(this._share.value) / 100 }));
    mode.append(this._mode, h("label.share", { title: "Share of calls that stream in mode auto" }, this._share, this._percent));
    this._values = new Map(FACTS.map(([name]) => [name, h("dd")]));
    this._providers = h("ul.providers");
    this._nodes = h("tbody");
    this._fleet = h("div.fleet", { hidden: true }, h("h3", { text: "Nodes" }), h("table.quantiles", {},
      h("thead", {}, h("tr", {}, ...NODES.map(([text, title], at) => h(at ? "th.figure" : "th", { scope: "col", text, title })))), this._nodes));
    this._cells = /** @type {Map<string, any[]>} */ (new Map());
    this._pressure = h("span.badge");
    this._page = h("p.page-facts", { title: "How this page keeps up, in this browser" });
    panel.append(h("header", {}, h("h2", { id: "system-title", text: "System" }), this._pressure),
      h("h3", { text: "Providers" }), this._providers, h("h3", { text: "Delays of all calls" }), this._delays(), this._fleet,
      h("dl", {}, ...FACTS.map(([name, text, title]) => h("div", { title }, h("dt", { text }), this._values.get(name)))), this._page);
  }

  _delays() {
    const heads = QUANTILES.map(([text, title]) => h("th.figure", { scope: "col", text, title }));
    return h("table.quantiles", {}, h("thead", {}, h("tr", {}, h("th", { text: "ms" }), ...heads)),
      h("tbody", {}, ...DELAYS.map(([name, text, title]) => {
        const cells = QUANTILES.map(([, means]) => h("td.figure", { title: means }));
        this._cells.set(name, cells);
        return h("tr", { title }, h("th", { scope: "row", text }), ...cells);
      })));
  }

  /** Show what is new. */
  update() {
    const { system, calls } = this._store;
    const ear = counted(system.mouth_to_ear);
    const { waiting, lost: gone } = this._store.totals();
    const values = {
      waiting: seconds(waiting), lost: lost(gone), calls: number(system.calls ?? calls.size),
      ear: delay(ear.p50), ear95: delay(ear.p95),
    };
    for (const [name, value] of Object.entries(values)) say(this._vitals.get(name), value);
    mark(this._vitals.get("lost"), "data-bad", gone > 0 ? "" : null);
    this._updatePressure(system);
    this._updateLoad(system);
    this._updateProviders(system.providers ?? {});
    this._updateNodes(system.nodes ?? {});
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
    const text = `This page draws ${number(this._probe.frames)} frames a second`;
    say(this._page, late === null ? `${text}.` : `${text} and shows events after ${number(late)} ms (p95).`);
    mark(this._page, "data-frames", String(Math.round(this._probe.frames)));
    mark(this._page, "data-delay", late === null ? null : late.toFixed(1));
  }

  /** @param {any} system */
  _updatePressure(system) {
    const pressure = String(system.pressure?.level ?? system.pressure ?? "calm").toLowerCase();
    say(this._pressure, system.draining ? "stopping" : system.drain ? "draining" : pressure);
    mark(this._pressure, "title", PRESSURES[/** @type {keyof PRESSURES} */ (pressure)] ?? null);
    mark(this._pressure, "data-mode", pressure === "calm" && !system.draining && !system.drain ? "streaming" : pressure === "refuse" ? "recovering" : "prerecorded");
  }

  /** @param {any} system */
  _updateLoad(system) {
    const values = {
      legs: number(system.legs), total: number(system.calls_total), up: duration(system.uptime),
      cpu: typeof system.cpu_percent === "number" ? `${number(system.cpu_percent)} %` : "–",
      memory: typeof system.rss_mb === "number" ? `${number(system.rss_mb)} MB` : "–",
      port: sharedPort(system.shared_port),
    };
    this._values.get("port").parentElement.hidden = !system.shared_port;
    for (const [name, value] of Object.entries(values)) say(this._values.get(name), value);
    byId("quality").hidden = !system.offline;
    for (const [name, cells] of this._cells) {
      QUANTILES.forEach(([key], index) => say(cells[index], number(counted(system[name])[key], name === "own" ? 2 : 0)));
    }
  }

  /** @param {Record<string, any>} providers */
  _updateProviders(providers) {
    const names = Object.keys(providers);
    while (this._providers.children.length > names.length) this._providers.lastElementChild.remove();
    names.forEach((name, index) => {
      const item = this._providers.children[index] ?? this._providers.appendChild(h("li", {}, h("i.lamp"), h("b"), h("span.state"), h("span.reason")));
      const { state = "", reason = "", attempts, opened, since } = providers[name] ?? {};
      const well = state === "closed";
      const counts = `${name}: ${number(attempts)} requests, down ${number(opened)} times`;
      mark(item, "title", well || !reason ? counts : `${counts}. ${reason}`);
      mark(item, "data-state", state);
      say(item.children[1], provider(name));
      say(item.children[2], STATES[/** @type {keyof STATES} */ (state)] ?? state);
      say(item.children[3], well ? "" : typeof since === "number" ? `since ${clock(since)}` : reason);
    });
  }

  /** Several servers behind one page. @param {Record<string, any>} nodes */
  _updateNodes(nodes) {
    const names = Object.keys(nodes).sort();
    this._fleet.hidden = names.length === 0;
    while (this._nodes.children.length > names.length) this._nodes.lastElementChild.remove();
    names.forEach((name, index) => {
      const row = this._nodes.children[index]
        ?? this._nodes.appendChild(h("tr", {}, h("th", { scope: "row" }), h("td.figure"), h("td.figure"), h("td.figure")));
      const { calls, cpu_percent: cpu, pressure, draining } = nodes[name] ?? {};
      const level = String(pressure ?? "calm");
      say(row.children[0], name);
      say(row.children[1], number(calls));
      say(row.children[2], typeof cpu === "number" ? `${number(cpu)} %` : "–");
      say(row.children[3], draining ? "draining" : level);
      mark(row.children[3], "title", draining ? "It takes no new calls" : PRESSURES[/** @type {keyof PRESSURES} */ (level)] ?? null);
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
}

/** Quantiles of nothing are not 0. @param {any} [summary] */
const counted = (summary) => (summary?.count === 0 ? {} : (summary ?? {}));
