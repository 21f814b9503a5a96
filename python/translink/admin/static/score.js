// A call as an interpreter would write it down: two lanes, one for each speaker, time from left to right.
//
// Colours belong to legs: blue is everything in the first one's language, orange everything in the second's.
// The legs of a call have a fixed order; it does not matter which is heard first.
// Right of the line "now" is what is already waiting to be spoken. A picture is drawn anew only when it moved
// by a pixel or something happened.

import { FONT, sized, Viewport } from "./canvas.js";
import { h, mark } from "./dom.js";
import { duration } from "./format.js";
import { Lane } from "./lane.js";
import { colours, onTheme } from "./theme.js";

/** Seconds behind the server's clock: sound that is on its way arrives before its moment is drawn. */
const LAG = 0.12;
const NOW_AT = 0.86;
const SPANS = [10, 20, 60];
/** A narrow picture shows less time, so that the words have room. */
const NARROW = matchMedia("(max-width: 899.9px)");
const PALETTE = ["ink", "ink-2", "ink-3", "line", "panel", "a", "b", "own", "provider", "bad"];

const still = matchMedia("(prefers-reduced-motion: reduce)");

export class Score {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    this._span = NARROW.matches ? 10 : 20;
    this._pan = /** @type {number | null} */ (null); // Unix seconds of the line "now" when not live
    this._lanes = /** @type {Lane[]} */ ([]);
    this._drawn = "";
    this._colours = colours(...PALETTE);
    this.axis = h("canvas.axis", { "aria-hidden": "true" });
    this.element = h("div.score");
    this.tools = this._tools();
    onTheme(() => {
      this._colours = colours(...PALETTE);
      this._drawn = "";
    });
  }

  /** Show a call from its end, with lanes for these legs.
   * @param {string[]} legs two names @param {Element[]} heads what stands before each lane */
  show(legs, heads) {
    const hues = ["a", "b"];
    this._pan = null;
    this._drawn = "";
    this._anchor = this._store.now();
    this._lanes = legs.map((leg, index) => {
      const other = legs[1 - index] ?? leg;
      return new Lane(this._store, leg, other, hues[index], hues[1 - index]);
    });
    this.element.replaceChildren(
      ...this._lanes.map((lane, index) => h("section.lane", { "aria-label": `${lane.leg} to ${lane.ear}` }, heads[index], lane.tape)),
      h("div.axis-row", {}, this.tools, this.axis),
    );
    for (const lane of this._lanes) this._draggable(lane.tape);
  }

  /** Words changed. */
  words() {
    this._drawn = "";
    for (const lane of this._lanes) lane.dirty = true;
  }

  /** Draw what is due. Called with every frame. */
  draw() {
    const lane = this._lanes[0];
    const width = lane?.tape.clientWidth;
    if (!width) return;
    const call = this._store.call(this._store.selected);
    if (!call) return;
    const live = call.state !== "ended";
    let end = this._pan ?? (live ? this._store.now() - LAG : this._end(call));
    if (still.matches && this._pan === null) end = Math.floor(end);
    const pixels = (width * NOW_AT) / this._span;
    const shift = Math.round((end - this._anchor) * pixels);
    const picture = `${shift} ${width} ${lane.tape.clientHeight} ${this._span} ${this._pan === null}`;
    if (picture === this._drawn) return;
    if (width !== this._width) this.words(); // placed for another width
    this._width = width;
    this._drawn = picture;
    // Whole pixels: glyphs and lines keep their sharp edges while they move.
    const viewport = new Viewport(this._anchor + shift / pixels, pixels, Math.round(width * NOW_AT), width, this._anchor);
    for (const each of this._lanes) each.draw(viewport, this._colours, live && this._pan === null);
    this._drawAxis(viewport, call);
    mark(this._liveButton, "hidden", this._pan === null || !live ? "" : null);
  }

  /** @param {any} call when the last thing was heard in it */
  _end(call) {
    const last = this._store.lines.get(call.call)?.at(-1);
    const at = last ? Math.max(last.end ?? 0, ...Object.values(last.at)) : call.began + (call.seconds ?? 0);
    return at + 1;
  }

  /** @param {Viewport} viewport @param {any} call */
  _drawAxis(viewport, call) {
    const width = this.axis.clientWidth;
    const context = sized(this.axis, width, 20);
    const step = this._span > 30 ? 10 : this._span > 12 ? 5 : 2;
    context.fillStyle = this._colours["ink-3"];
    context.font = FONT;
    const first = Math.ceil((viewport.from - call.began) / step) * step;
    for (let at = Math.max(0, first); call.began + at < viewport.to; at += step) {
      const x = viewport.x(call.began + at);
      context.fillText(duration(at), Math.round(x) + 4, 13);
      context.fillRect(Math.round(x), 4, 1, 10);
    }
  }

  _tools() {
    const live = h("button.quiet", { type: "button", text: "Back to now", hidden: true, onclick: () => this._to(null) });
    this._liveButton = live;
    const spans = h("select.quiet", { "aria-label": "Seconds shown" }, ...SPANS.map((s) => h("option", { value: s, text: `${s} s` })));
    spans.value = String(this._span);
    spans.addEventListener("change", () => {
      this._span = Number(spans.value);
      this.words();
      for (const lane of this._lanes) lane.forget();
    });
    return h("div.score-tools", {}, spans, live);
  }

  /** @param {number | null} pan */
  _to(pan) {
    const now = this._store.now() - LAG;
    this._pan = pan === null || pan >= now ? null : pan;
    this._drawn = "";
  }

  /** Drag, or the arrow keys, go back in time. @param {HTMLElement} tape */
  _draggable(tape) {
    let from = 0;
    let at = 0;
    tape.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      from = event.clientX;
      at = this._here();
      tape.setPointerCapture(event.pointerId);
    });
    tape.addEventListener("pointermove", (event) => {
      if (!tape.hasPointerCapture(event.pointerId) || Math.abs(event.clientX - from) < 4) return;
      this._to(at - ((event.clientX - from) * this._span) / (tape.clientWidth * NOW_AT));
    });
    tape.addEventListener("keydown", (event) => {
      if (event.key === "ArrowLeft") this._to(this._here() - this._span / 4);
      else if (event.key === "ArrowRight") this._to(this._here() + this._span / 4);
      else if (event.key === "End" || event.key === "Escape") this._to(null);
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
  }

  _here() {
    const call = this._store.call(this._store.selected);
    return this._pan ?? (call?.state === "ended" ? this._end(call) : this._store.now() - LAG);
  }

  _anchor = 0;
  _width = 0;
  _liveButton = /** @type {any} */ (null);
}
