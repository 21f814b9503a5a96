// What stands before a lane: the microphone of the talker and the ear of the listener, each with its controls
// and its figures.

import { patch, post } from "./api.js";
import { ask, following } from "./controls.js";
import { h, mark, say, segmented } from "./dom.js";
import { delay, language, lost, number, seconds } from "./format.js";
import { LONG_WAIT } from "./trouble.js";

/** Languages offered; the one in force is added when it is another. */
const LANGUAGES = [
  "en", "fr", "de", "es", "it", "pt", "nl", "pl", "sv", "da", "fi", "cs", "ro", "hu", "el", "bg",
  "tr", "uk", "ru", "ja", "ko", "zh", "id",
];
const QUIET = -60;
/** Seconds of sound that the meter shows. */
const METERED = 0.3;
/** Seconds behind at which the band at an ear is full. */
const FAR_BEHIND = 8;
const MODES = {
  idle: "No call", connecting: "A stream to the recogniser is being opened", streaming: "Speech goes to the recogniser as it comes",
  recovering: "The stream broke and is being replaced; speech is kept meanwhile", prerecorded: "Speech is recognised in pieces, at pauses",
  muted: "Speech on this leg is taken as silence",
};

/** Which voice speaks for a talker; the one in force is added when it is one by name. */
const VOICES = { default: "usual voice", feminine: "feminine voice", masculine: "masculine voice" };

/** What an ear hears of the other talker's own voice. */
const ORIGINALS = {
  replace: "translation only", duck: "over the original", consecutive: "after the original", captions: "text only", through: "the original only",
};

/** @typedef {import("./store.js").Store} Store */

/** Before a lane. */
export class LaneHead {
  /** @param {Store} store @param {string} leg the talker's @param {string} ear the listener's
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
    this._language = h("select.quiet", { "aria-label": `Language of ${leg}`, title: `Language spoken on ${leg}` });
    for (const code of LANGUAGES) this._offer(code);
    this._showLanguage = following(this._language);
    this._language.addEventListener("change", () => this._patch("change the language", this._language, { language: this._language.value }));
    this._mode = h("span.badge");
    this._recorded = h("span.badge.recorded", { text: "● rec", title: `What is said and heard on ${leg} is being recorded`, hidden: true });
    this._reason = h("p.reason");
    this._meter = h("i");
    this._level = h("span.figure", { title: "Level, in decibels below full scale" });
    this._mute = h("button", { type: "button", "aria-pressed": "false", text: "Mute", title: "Take what is said on this leg as silence", onclick: () => this._toggle() });
    this._listen = listening.button(leg, "said");
    this._setting = h("div.segmented.small", { role: "radiogroup", "aria-label": `How ${leg} is recognised`, title: `How ${leg} is recognised` });
    this._show = segmented(this._setting, { auto: "Auto", streaming: "Streaming", prerecorded: "Prerecorded" },
      (mode) => this._patch("change the mode", this._setting, { mode }));
    this._voice = h("select.quiet", { "aria-label": `Voice for ${leg}`, title: `Which voice speaks for ${leg} in the other language` },
      ...Object.entries(VOICES).map(([value, text]) => h("option", { value, text })));
    this._showVoice = following(this._voice);
    this._voice.addEventListener("change", () => this._patch("change the voice", this._voice, { voice_for: this._voice.value }));
    this._facts = h("span.leg-facts");
    this.element = h(`div.mic.${hue}`, {},
      h("div.row", {}, h("strong", { text: leg, title: leg }), h("span", { text: "speaks" }), this._language),
      h("div.row", {}, h("div.meter", { role: "img", "aria-label": `Level of ${leg}` }, this._meter), this._level, this._mute, this._listen),
      h("div.row.wrap", {}, this._setting, this._voice),
      h("p.figures", {}, this._mode, this._recorded, this._facts),
      this._reason);
  }

  update() {
    const leg = this._store.legs.get(this._leg);
    const enabled = this._store.controls && !!leg?.call;
    for (const control of [this._language, this._voice, this._mute, ...this._setting.children]) control.disabled = !enabled;
    if (!leg) return;
    if (![...this._language.options].some((option) => option.value === leg.language)) this._offer(leg.language);
    this._showLanguage(leg.language);
    this._speaksAs(leg.voice_for ?? "default");
    const mode = leg.muted ? "muted" : leg.mode;
    say(this._mode, mode);
    mark(this._mode, "data-mode", mode);
    mark(this._mode, "title", MODES[/** @type {keyof MODES} */ (mode)] ?? null);
    say(this._reason, leg.reason ?? "");
    mark(this._reason, "title", leg.reason || null);
    this._recorded.hidden = !leg.recorded;
    this._show(leg.setting);
    mark(this._mute, "aria-pressed", String(!!leg.muted));
    say(this._mute, leg.muted ? "Unmute" : "Mute");
    if (!this._store.sound(this._leg).said.next) this._swing(leg.level_db ?? QUIET);
    this._facts.replaceChildren(...facts(leg));
  }

  /** @param {string} voice */
  _speaksAs(voice) {
    if (![...this._voice.options].some((option) => option.value === voice)) this._voice.append(h("option", { value: voice, text: voice }));
    this._showVoice(voice);
  }

  /** @param {string} spoken */
  close(spoken) {
    this._language.replaceWith(h("span", { text: language(spoken) }));
  }

  /** The meter follows the sound itself, which comes more often than the leg's figures. */
  tick() {
    const peak = this._store.sound(this._leg).said.peak(this._store.now() - METERED);
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

  _toggle() {
    const muted = !this._store.legs.get(this._leg)?.muted;
    this._patch(muted ? "mute" : "unmute", this._mute, { muted });
  }

  /** @param {string} what @param {Element} control @param {object} body */
  _patch(what, control, body) {
    ask(control, `${what} (${this._leg})`, () => change(this._store, this._leg, body), () => this.update());
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
    this._queue = h("span.figure", { title: "Translation that waits to be spoken in this ear; segments that were shown only, to catch up" });
    this._behind = h("div.behind", { hidden: true, title: "How far this ear is behind the talker, and how fast it is spoken to" }, (this._lag = h("i")), (this._seconds = h("span")));
    this._original = h("select.quiet", { "aria-label": `What ${leg} hears`, title: "What of the other talker's own voice this ear hears" },
      ...Object.entries(ORIGINALS).map(([value, text]) => h("option", { value, text })));
    this._showOriginal = following(this._original);
    this._original.addEventListener("change", () => this._switch());
    this._volume = h("input", { type: "range", min: "0", max: "200", step: "5", "aria-label": `Volume at the ear of ${leg}` });
    this._volume.addEventListener("change", () => this._set());
    this._volume.addEventListener("input", () => say(this._percent, `${this._volume.value} %`));
    this._percent = h("output.figure");
    this._flush = h("button", { type: "button", text: "Flush", title: "Stop what is being spoken and drop what waits", onclick: () => this._drop() });
    this._listen = listening.button(leg, "heard");
    this.element = h(`div.ear.${hue}`, {},
      h("div.row", {}, h("strong", { text: leg, title: leg }), h("span", {}, "hears ", this._hears), this._queue),
      h("div.row", {}, this._behind, this._original),
      h("div.row", {}, this._volume, this._percent, this._flush, this._listen));
  }

  update() {
    const leg = this._store.legs.get(this._leg);
    const enabled = this._store.controls && !!leg?.call;
    this._volume.disabled = this._flush.disabled = this._original.disabled = !enabled;
    if (!leg) return;
    say(this._hears, language(leg.language));
    const busy = this._volume.getAttribute("aria-busy") === "true" || this._volume.matches(":active");
    if (!busy) {
      this._volume.value = String(Math.round((leg.volume ?? 1) * 100));
      say(this._percent, `${this._volume.value} %`);
    }
    const queued = leg.queues?.playout_ms ?? 0;
    const parts = [queued >= 20 ? `${(queued / 1000).toFixed(1)} s queued` : "", leg.skipped ? `${leg.skipped} left out` : ""];
    say(this._queue, parts.filter((part) => part).join(", "));
    this._showOriginal(leg.original ?? "replace");
    this._updateBehind(leg.behind_s, leg.tempo ?? 1);
  }

  /** @param {string} heard */
  close(heard) {
    say(this._hears, language(heard));
  }

  /** A band that fills, where the server says how far behind the ear is.
   * @param {number | null | undefined} behind seconds @param {number} tempo how fast it is spoken to */
  _updateBehind(behind, tempo) {
    this._behind.hidden = typeof behind !== "number";
    if (typeof behind !== "number") return;
    this._lag.style.transform = `scaleX(${Math.min(1, behind / FAR_BEHIND).toFixed(2)})`;
    mark(this._behind, "data-far", behind >= FAR_BEHIND / 2 ? "" : null);
    say(this._seconds, `${behind.toFixed(1)} s behind${tempo > 1.005 ? ` ×${tempo.toFixed(2)}` : ""}`);
  }

  _set() {
    const volume = Number(this._volume.value) / 100;
    ask(this._volume, `set the volume (${this._leg})`, () => change(this._store, this._leg, { volume }), () => this.update());
  }

  _switch() {
    const original = this._original.value;
    ask(this._original, `switch what is heard (${this._leg})`, () => change(this._store, this._leg, { original }), () => this.update());
  }

  _drop() {
    ask(this._flush, `flush (${this._leg})`, () => post(`/api/legs/${encodeURIComponent(this._leg)}/flush`));
  }
}

/** Figures of a microphone. @param {any} leg */
function facts(leg) {
  const drops = Object.entries(leg.drops ?? {}).filter(([, count]) => count > 0);
  const dropped = drops.reduce((sum, [, count]) => sum + Number(count), 0);
  const { segments = 0, pieces = 0 } = leg.queues ?? {};
  const waiting = leg.waiting_ms ?? 0;
  return [
    fact("datagrams", `${number(leg.datagram_rate)}/s`, leg.source ? `Datagrams a second, from ${leg.source}` : "No datagrams come"),
    fact("jitter", delay(leg.jitter_ms), "How unevenly datagrams come"),
    fact("dropped", number(dropped), drops.length ? drops.map(([name, count]) => `${name} ${count}`).join(", ") : "Nothing was dropped in this call", dropped > 0),
    fact("waiting", seconds(waiting), `Speech that is not recognised yet. Then ${segments} segments are on their way to the other ear; ${pieces} pieces are with the prerecorded API`, waiting > LONG_WAIT),
    fact("lost", lost(leg.lost_ms), "Speech that was never recognised", leg.lost_ms > 0),
    leg.echo?.lag_ms ? fact("echo", delay(leg.echo.lag_ms), `What this ear hears comes back that late, at ${number(leg.echo.gain_db)} dB; of it ${number(leg.echo.frames * 0.02, 1)} s and ${leg.echo.finals} finals were not taken for speech`, true) : null,
    leg.strangers ? fact("from elsewhere", number(leg.strangers), "Datagrams from another address, not let in", true) : null,
  ].filter((each) => each !== null);
}

/** Change a leg, and show it as the server then says it is.
 * @param {Store} store @param {string} leg @param {object} body */
async function change(store, leg, body) {
  store.leg(leg, await patch(`/api/legs/${encodeURIComponent(leg)}`, body));
}

/** @param {string} name @param {string} value @param {string} means @param {boolean} [bad] */
function fact(name, value, means, bad = false) {
  return h(bad ? "span.fact.bad" : "span.fact", { title: means }, h("b", { text: value }), ` ${name}`);
}
