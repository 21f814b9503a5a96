// One call on the page: its figures, the score, its captions and its delays.

import { post } from "./api.js";
import { ask, twice } from "./controls.js";
import { h, mark, say } from "./dom.js";
import { delay, duration, language, lost, number } from "./format.js";
import { LaneHead } from "./legs.js";
import { Score } from "./score.js";
import { Script } from "./script.js";
import { Stages } from "./stages.js";

const FIGURES = [
  ["lost", "lost"], ["toEar", "mouth to ear p50"], ["toEar95", "p95"], ["span", "ear-voice span"],
  ["words", "words"], ["characters", "characters"], ["segments", "segments"], ["elapsed", "elapsed"],
];

export class CallView {
  /** @param {{call: Element, script: Element, stages: Element}} into
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
    this._listened = h("span.badge.listened", { text: "● somebody listens in", hidden: true });
    this._end = twice("End call", "Press again to end", (button) => this._hangUp(button));
    this._values = new Map(FIGURES.map(([name]) => [name, h("dd")]));
    const figures = h("dl.call-figures", {}, ...FIGURES.map(([name, text]) => h("div", { "data-figure": name }, h("dt", { text }), this._values.get(name))));
    this._empty = h("div.empty", {}, h("h2", { text: "No call" }), h("p", { text: "A call begins with the first datagram that a leg receives." }));
    this._body = h("div.call-body", { hidden: true },
      h("header.call-head", {}, h("div", {}, h("div.row", {}, this._title, this._state, this._listened), this._between), figures, this._end),
      this.score.element);
    into.call.append(this._empty, this._body);
  }

  /** Show what is new. @param {Set<string>} changed */
  update(changed) {
    const call = this._store.call(this._store.selected);
    this._empty.hidden = !!call;
    this._body.hidden = !call;
    if (!call) {
      this._shown = "";
      return;
    }
    const shape = `${call.call} ${call.legs.join()} ${call.state}`;
    if (shape !== this._shown) {
      this._shown = shape;
      this._open(call);
    }
    if (changed.has("calls") || changed.has("stages")) this._summary(call);
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
    if (call) say(this._values.get("elapsed"), duration(elapsed(call, this._store.now())));
  }

  /** @param {any} call */
  _open(call) {
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
    say(this._state, ended ? `ended${call.reason ? `: ${call.reason}` : ""}` : "running");
    mark(this._state, "data-mode", ended ? "ended" : "streaming");
    this._listened.hidden = !call.listened;
    this._end.hidden = ended;
    this._end.disabled = !this._store.controls;
    const values = {
      lost: lost(call.lost_ms),
      toEar: delay(stages.mouth_to_ear?.p50 ?? call.mouth_to_ear_p50_ms),
      toEar95: delay(stages.mouth_to_ear?.p95),
      span: delay(stages.ear_voice_span?.p50),
      words: number(call.words),
      characters: number(call.characters),
      segments: number(call.segments),
      elapsed: duration(elapsed(call, this._store.now())),
    };
    for (const [name, value] of Object.entries(values)) say(this._values.get(name), value);
    mark(this._values.get("lost"), "data-bad", call.lost_ms > 0 ? "" : null);
  }

  /** @param {Element} button */
  _hangUp(button) {
    const name = this._store.selected ?? "";
    ask(button, `end call ${name}`, () => post(`/api/calls/${encodeURIComponent(name)}/end`));
  }
}

/** Seconds a call has lasted: its row is told once a second, a clock moves between. @param {any} call @param {number} now */
export function elapsed(call, now) {
  return call.state === "ended" ? call.seconds : call.seconds + Math.max(0, now - (call.told ?? now));
}
