// What stands before a lane: the microphone of who speaks, and the ear of who listens, each with its
// controls and its figures.

import { patch, post } from "./api.js";
import { ask } from "./controls.js";
import { h, mark, say, segmented } from "./dom.js";
import { delay, language, lost, number } from "./format.js";

/** Languages offered; the one in force is added when it is another. */
const LANGUAGES = [
  "en", "fr", "de", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "cs", "ro", "hu", "el", "bg",
  "tr", "uk", "ru", "ja", "ko", "zh", "id",
];
const QUIET = -60;

/** @typedef {import("./store.js").Store} Store */

/** Before a lane. */
export class LaneHead {
  /** @param {Store} store @param {string} leg who speaks @param {string} ear who hears
   * @param {string} hue @param {string} earHue @param {import("./listen.js").Listening} listening */
  constructor(store, leg, ear, hue, earHue, listening) {
    this._mic = new Mic(store, leg, hue, listening);
    this._ear = new Ear(store, ear, earHue, listening);
    this.element = h("header.lane-head", {}, this._mic.element, this._ear.element);
  }

  /** Of a call that goes on. */
  update() {
    this._mic.update();
    this._ear.update();
  }

  /** Of a call that is over: what was spoken and heard. Its legs may be in another call by now.
   * @param {string} spoken @param {string} heard languages */
  close(spoken, heard) {
    this.element.classList.add("over");
    this._mic.close(spoken);
    this._ear.close(heard);
  }

  tick() {
    this._mic.tick();
  }
}

class Mic {
  /** @param {Store} store @param {string} leg @param {string} hue @param {import("./listen.js").Listening} listening */
  constructor(store, leg, hue, listening) {
    this._store = store;
    this._leg = leg;
    this._language = h("select.quiet", { "aria-label": `Language of ${leg}` });
    for (const code of LANGUAGES) this._offer(code);
    this._language.addEventListener("change", () => this._patch("change the language", this._language, { language: this._language.value }));
    this._mode = h("span.badge");
    this._reason = h("p.reason");
    this._meter = h("i");
    this._level = h("span.figure");
    this._mute = h("button", { type: "button", "aria-pressed": "false", text: "Mute", onclick: () => this._toggle() });
    this._listen = listening.button(leg, "said");
    this._setting = h("div.segmented.small", { role: "radiogroup", "aria-label": `How ${leg} is recognised` });
    this._show = segmented(this._setting, { auto: "Auto", streaming: "Streaming", prerecorded: "Prerecorded" },
      (mode) => this._patch("change the mode", this._setting, { mode }));
    this._figures = h("p.figures");
    this.element = h(`div.mic.${hue}`, {},
      h("div.row", {}, h("strong", { text: leg }), h("span", { text: "speaks" }), this._language, this._mode),
      this._reason,
      h("div.row", {}, h("div.meter", { role: "img", "aria-label": `Level of ${leg}` }, this._meter), this._level, this._mute, this._listen),
      h("div.row", {}, this._setting),
      this._figures);
  }

  update() {
    const leg = this._store.legs.get(this._leg);
    const enabled = this._store.controls && !!leg?.call;
    for (const control of [this._language, this._mute, ...this._setting.children]) control.disabled = !enabled;
    if (!leg) return;
    if (![...this._language.options].some((option) => option.value === leg.language)) this._offer(leg.language);
    if (this._language.getAttribute("aria-busy") !== "true" && document.activeElement !== this._language) this._language.value = leg.language;
    say(this._mode, leg.muted ? "muted" : leg.mode);
    mark(this._mode, "data-mode", leg.muted ? "muted" : leg.mode);
    say(this._reason, leg.reason ?? "");
    mark(this._reason, "title", leg.reason || null);
    this._show(leg.setting);
    mark(this._mute, "aria-pressed", String(!!leg.muted));
    say(this._mute, leg.muted ? "Unmute" : "Mute");
    if (!this._store.sound(this._leg).said.next) this._swing(leg.level_db ?? QUIET);
    this._figures.replaceChildren(...this._facts(leg));
  }

  /** @param {string} spoken */
  close(spoken) {
    this._language.replaceWith(h("span", { text: language(spoken) }));
  }

  /** The meter follows the sound itself, which is told more often than the leg's figures. */
  tick() {
    const peak = this._store.sound(this._leg).said.peak(0.16);
    this._swing(peak > 0.01 ? 20 * Math.log10(peak) : QUIET);
  }

  /** @param {number} level dB */
  _swing(level) {
    const part = Math.max(0, Math.min(1, 1 - level / QUIET)).toFixed(2);
    if (part === this._part) return;
    this._part = part;
    this._meter.style.transform = `scaleX(${part})`;
    say(this._level, level > QUIET ? `${number(level)} dB` : "quiet");
  }

  _part = "none yet";

  /** @param {any} leg */
  _facts(leg) {
    const drops = Object.entries(leg.drops ?? {}).filter(([, count]) => count > 0);
    const dropped = drops.reduce((sum, [, count]) => sum + Number(count), 0);
    const waiting = (leg.queues?.segments ?? 0) + (leg.queues?.pieces ?? 0);
    return [
      fact("datagrams", `${number(leg.datagram_rate)}/s`, leg.source ? `from ${leg.source}` : "nobody sends"),
      fact("jitter", delay(leg.jitter_ms)),
      fact("dropped", number(dropped), drops.map(([name, count]) => `${name} ${count}`).join(", ") || "nothing", dropped > 0),
      fact("lost", lost(leg.lost_ms), "sound that was never recognised", leg.lost_ms > 0),
      fact("waiting", number(waiting), `segments ${leg.queues?.segments ?? 0}, pieces ${leg.queues?.pieces ?? 0}`),
      leg.strangers ? fact("strangers", number(leg.strangers), "datagrams from somebody else, not let in", true) : null,
    ].filter((each) => each !== null);
  }

  _toggle() {
    const muted = !this._store.legs.get(this._leg)?.muted;
    this._patch(muted ? "mute" : "unmute", this._mute, { muted });
  }

  /** @param {string} what @param {Element} control @param {object} body */
  _patch(what, control, body) {
    ask(control, `${what} (${this._leg})`, () => change(this._store, this._leg, body), () => {
      this.update();
      if (control === this._language) this._language.value = this._store.legs.get(this._leg)?.language ?? "";
    });
  }

  /** @param {string} code */
  _offer(code) {
    this._language.append(h("option", { value: code, text: language(code) }));
  }
}

class Ear {
  /** @param {Store} store @param {string} leg @param {string} hue @param {import("./listen.js").Listening} listening */
  constructor(store, leg, hue, listening) {
    this._store = store;
    this._leg = leg;
    this._hears = h("span");
    this._queue = h("span.figure");
    this._volume = h("input", { type: "range", min: "0", max: "200", step: "5", "aria-label": `Volume at the ear of ${leg}` });
    this._volume.addEventListener("change", () => this._set());
    this._volume.addEventListener("input", () => say(this._percent, `${this._volume.value} %`));
    this._percent = h("output.figure");
    this._flush = h("button", { type: "button", text: "Flush", title: "Stop what is being spoken, and drop what waits", onclick: () => this._drop() });
    this._listen = listening.button(leg, "heard");
    this.element = h(`div.ear.${hue}`, {},
      h("div.row", {}, h("strong", { text: leg }), h("span", {}, "hears ", this._hears), this._queue),
      h("div.row", {}, this._volume, this._percent, this._flush, this._listen));
  }

  update() {
    const leg = this._store.legs.get(this._leg);
    const enabled = this._store.controls && !!leg?.call;
    this._volume.disabled = this._flush.disabled = !enabled;
    if (!leg) return;
    say(this._hears, language(leg.language));
    const busy = this._volume.getAttribute("aria-busy") === "true" || this._volume.matches(":active");
    if (!busy) {
      this._volume.value = String(Math.round((leg.volume ?? 1) * 100));
      say(this._percent, `${this._volume.value} %`);
    }
    const queued = leg.queues?.playout_ms ?? 0;
    say(this._queue, queued >= 20 ? `${(queued / 1000).toFixed(1)} s to say` : "");
  }

  /** @param {string} heard */
  close(heard) {
    say(this._hears, language(heard));
  }

  _set() {
    const volume = Number(this._volume.value) / 100;
    ask(this._volume, `set the volume (${this._leg})`, () => change(this._store, this._leg, { volume }), () => this.update());
  }

  _drop() {
    ask(this._flush, `flush (${this._leg})`, () => post(`/api/legs/${encodeURIComponent(this._leg)}/flush`));
  }
}

/** Change a leg, and show it as the server then says it is.
 * @param {Store} store @param {string} leg @param {object} body */
async function change(store, leg, body) {
  store.leg(leg, await patch(`/api/legs/${encodeURIComponent(leg)}`, body));
}

/** @param {string} name @param {string} value @param {string} [more] @param {boolean} [bad] */
function fact(name, value, more, bad = false) {
  return h(bad ? "span.fact.bad" : "span.fact", { title: more ?? null }, h("b", { text: value }), ` ${name}`);
}
