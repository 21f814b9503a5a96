// One call on the page: its figures, the score, its captions and its delays. Without a call: where to send sound.

import { post } from "./api.js";
import { ask, twice } from "./controls.js";
import { h, mark, say } from "./dom.js";
import { Empty } from "./empty.js";
import { Explain } from "./explain.js";
import { clock, delay, duration, language, lost, number, seconds } from "./format.js";
import { LaneHead } from "./legs.js";
import { Score } from "./score.js";
import { Script } from "./script.js";
import { Stages } from "./stages.js";
import { LONG_WAIT } from "./trouble.js";

const RECORDED = "What is said and heard in this call is written to disk";

/** Name, label, what it means. */
const FIGURES = [
  ["waiting", "waiting", "Speech of this call that is kept but not recognised yet"],
  ["lost", "lost", "Speech of this call that was never recognised"],
  ["toEar", "mouth to ear", "From the last sound of a segment to the first sound of its translation: median"],
  ["toEar95", "p95", "Mouth to ear: 95 of 100 segments are quicker"],
  ["span", "ear-voice span", "From the first sound of a segment to the first sound of its translation: median"],
  ["words", "words", "Words recognised, both sides"],
  ["characters", "characters", "Characters sent to be translated, both sides"],
  ["cost", "cost", "By the prices of the settings, both sides"],
  ["segments", "segments", "Pieces of speech that are translated as one, both sides"],
  ["elapsed", "elapsed", "Since the call began"],
];

export class CallPane {
  /** @param {{call: Element, score: Element, script: Element, stages: Element}} into
   * @param {import("./store.js").Store} store @param {import("./listen.js").Listening} listening */
  constructor(into, store, listening) {
    this._store = store;
    this._listening = listening;
    this.score = new Score(store);
    this._script = new Script(into.script);
    this._stages = new Stages(into.stages);
    this._heads = /** @type {LaneHead[]} */ ([]);
    this._shown = "";
    this._title = h("h2", { id: "call-title" });
    this._between = h("p.between");
    this._state = h("span.badge");
    this._listened = h("span.badge.listened", { text: "● being listened to", title: "Somebody hears this call through this page", hidden: true });
    this._recorded = h("span.badge.recorded", { hidden: true });
    const end = twice("End call", "Press again to end", (button) => this._hangUp(button));
    this._end = end.button;
    this._disarm = end.disarm;
    this._explain = new Explain();
    this._why = h("button", { type: "button", text: "Explain", title: "Where the time went, what went wrong, what can be done",
      onclick: () => this._explain.open(this._why, this._store.selected ?? "") });
    this._values = new Map(FIGURES.map(([name]) => [name, h("dd")]));
    const figures = h("dl.call-figures", {}, ...FIGURES.map(([name, text, title]) => h("div", { "data-figure": name, title }, h("dt", { text }), this._values.get(name))));
    this._empty = new Empty(store);
    this._body = h("div.call-body", { hidden: true }, this._empty.beside,
      h("header.call-head", {}, h("div.call-name", {}, h("div.row", {}, this._title, this._state, this._listened, this._recorded), this._between), figures, this._why, this._end), this._explain.dialog);
    into.call.append(this._empty.element, this._body);
    into.score.append(this.score.element);
    this._score = /** @type {HTMLElement} */ (into.score);
  }

  /** Show what is new. @param {Set<string>} changed */
  update(changed) {
    const call = this._store.call(this._store.selected);
    this._empty.element.hidden = !!call;
    this._body.hidden = this._score.hidden = !call;
    this._empty.update(!!call && this._store.showsLast);
    if (!call) {
      this._shown = "";
      return;
    }
    const shape = `${call.call} ${call.legs.join()} ${call.state}`;
    if (shape !== this._shown) {
      this._shown = shape;
      this._open(call);
    }
    if (changed.has("calls") || changed.has("stages") || changed.has("legs")) this._summary(call);
    if (call.state !== "ended" && (changed.has("legs") || changed.has("hello"))) for (const head of this._heads) head.update();
    if (changed.has("lines")) {
      this.score.words();
      this._script.update(this._store.lines.get(call.call) ?? [], call.state === "ended" ? new Map() : this._store.interims, call.legs);
    }
    if (changed.has("stages")) this._stages.update(this._store.stages.get(call.call) ?? {});
  }

  /** What moves with every frame. */
  draw() {
    this.score.draw();
    for (const head of this._heads) head.tick();
  }

  /** The clock of the call goes on between messages. */
  tick() {
    const call = this._store.call(this._store.selected);
    if (!call) return;
    say(this._values.get("elapsed"), duration(elapsed(call, this._store.now())));
    this._updateState(call);
  }

  /** @param {any} call */
  _open(call) {
    this._disarm(); // what was pressed once was pressed for another call
    const hues = ["a", "b"];
    this._heads = call.legs.map((/** @type {string} */ leg, /** @type {number} */ index) =>
      new LaneHead(this._store, leg, call.legs[1 - index] ?? leg, hues[index], hues[1 - index], this._listening));
    if (call.state === "ended") {
      this._heads.forEach((head, index) => head.close(call.languages[index], call.languages[1 - index]));
    }
    this.score.show(call.legs, this._heads.map((head) => head.element));
    this._script.show(call.call, call.legs);
    this._listening.update();
    for (const part of ["calls", "legs", "lines", "stages"]) this._store.changed.add(part);
  }

  /** @param {any} call */
  _summary(call) {
    const stages = this._store.stages.get(call.call) ?? {};
    say(this._title, call.legs.join(" ⇄ "));
    say(this._between, `${call.languages.map(language).join(" ⇄ ")} · call ${call.call}`);
    const ended = call.state === "ended";
    this._updateState(call);
    this._listened.hidden = !call.listened;
    this._end.hidden = ended;
    this._end.disabled = !this._store.controls;
    const waiting = ended ? 0 : call.legs.reduce((/** @type {number} */ sum, /** @type {string} */ leg) => sum + (this._store.legs.get(leg)?.waiting_ms ?? 0), 0);
    const values = {
      waiting: seconds(waiting),
      lost: lost(call.lost_ms),
      toEar: delay(stages.mouth_to_ear?.p50 ?? call.mouth_to_ear_p50_ms),
      toEar95: delay(stages.mouth_to_ear?.p95),
      span: delay(stages.ear_voice_span?.p50),
      words: number(call.words),
      characters: number(call.characters),
      cost: typeof call.cost === "number" ? `${call.cost.toFixed(3)} ${this._store.config.cost?.currency ?? ""}`.trim() : "",
      segments: number(call.segments),
      elapsed: duration(elapsed(call, this._store.now())),
    };
    for (const [name, value] of Object.entries(values)) say(this._values.get(name), value);
    this._values.get("cost").parentElement.hidden = typeof call.cost !== "number";
    mark(this._values.get("lost"), "data-bad", call.lost_ms > 0 ? "" : null);
    mark(this._values.get("waiting"), "data-warn", waiting > LONG_WAIT ? "" : null);
  }

  /** @param {any} call */
  _updateState(call) {
    const silent = silence(call, this._store.now());
    const ended = call.state === "ended";
    say(this._state, ended ? over(call) : silent || "running");
    mark(this._state, "data-mode", ended ? "ended" : silent ? "connecting" : "streaming");
    const recorded = ended ? [] : call.legs.filter((/** @type {string} */ leg) => this._store.legs.get(leg)?.recorded);
    this._recorded.hidden = !recorded.length && !(call.recorded && !ended);
    say(this._recorded, recorded.length === 1 ? `● rec ${recorded[0]}` : "● rec");
    mark(this._recorded, "title", recorded.length ? `What is said and heard on ${recorded.join(" and ")} is written to disk` : RECORDED);
    mark(this._state, "title", ended ? "When it ended, and why" : silent ? "No datagram comes from either side" : "Datagrams come in");
  }

  /** @param {Element} button */
  _hangUp(button) {
    const name = this._store.selected ?? "";
    ask(button, `end call ${name}`, () => post(`/api/calls/${encodeURIComponent(name)}/end`));
  }
}

/** Seconds a call has lasted: its row comes once a second, a clock moves between. @param {any} call @param {number} now */
export function elapsed(call, now) {
  return call.state === "ended" ? call.seconds : call.seconds + Math.max(0, now - (call.receivedAt ?? now));
}

/** A call in which nothing comes in, in words; empty while something does. @param {any} call @param {number} now */
export function silence(call, now) {
  if (call.state === "ended" || typeof call.ends_in_s !== "number") return "";
  const left = Math.ceil(call.ends_in_s - Math.max(0, now - (call.receivedAt ?? now)));
  return left > 0 ? `silent, ends in ${left} s` : "silent, ends now";
}

/** @param {any} call */
const over = (call) => `ended ${clock(call.began + call.seconds)}${call.reason ? `: ${call.reason}` : ""}`;
