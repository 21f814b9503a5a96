// One lane of the score: one leg speaks, the other hears.
//
// From top to bottom: the sound of what was said, its words, the journey from each stretch of speech to its
// translation, the translation, and the sound of it at the other ear. Sounds and journeys are drawn; words are
// elements in a layer that is moved as a whole. Heights go with score.css.

import { FONT, sized } from "./canvas.js";
import { h, mark, say } from "./dom.js";
import { delay, fate } from "./format.js";

const WAVE = 40;
const TEXT = 52;
/** In less room than this words are not shown: the captions have them, and nothing is printed over the next ones. */
const LEAST_WIDTH = 60;
const GAP = 10;
/** Words that are being said get at least this much, px. */
const INTERIM_WIDTH = 130;
/** Room that a written delay takes, px. */
const FIGURE = 52;
/** Seconds after which words near the edge are placed anew. */
const PLACED_FOR = 0.5;

/** @typedef {import("./store.js").TranscriptLine} TranscriptLine */
/** @typedef {import("./canvas.js").Viewport} Viewport */

export class Lane {
  /** @param {import("./store.js").Store} store @param {string} leg @param {string} ear
   * @param {string} hue @param {string} earHue names of colours */
  constructor(store, leg, ear, hue, earHue) {
    this._store = store;
    this.leg = leg;
    this.ear = ear;
    this._hue = hue;
    this._earHue = earHue;
    this.dirty = true;
    this._blocks = /** @type {Map<string, any>} */ (new Map());
    this._canvas = h("canvas", { "aria-hidden": "true" });
    this._layer = h("div.words");
    this._interim = h(`p.said.interim.${hue}`, {}, h("span", {}, (this._firm = h("b")), (this._tentative = h("i"))));
    this.tape = h("div.tape", {
      tabindex: "0", role: "img",
      "aria-label": `Timeline of what ${leg} said and ${ear} heard; the captions below have it in words. Left and right arrow move in time.`,
    }, this._canvas, this._layer);
  }

  /** Place everything anew: another scale. */
  forget() {
    this._layer.replaceChildren();
    this._blocks.clear();
    this.dirty = true;
  }

  /** @param {Viewport} viewport @param {Record<string, string>} colour @param {boolean} live */
  draw(viewport, colour, live) {
    const height = this.tape.clientHeight;
    const context = sized(this._canvas, viewport.width, height);
    const lines = this._visible(viewport);
    this._drawGround(context, viewport, height, colour);
    this._drawSounds(context, viewport, height, colour, lines, live);
    lines.forEach((line, index) => {
      const [at, after] = [line.at.spoken, lines[index + 1]?.at.spoken];
      const roomy = !at || !after || (after - at) * viewport.pixels > FIGURE;
      this._drawJourney(context, viewport, height, colour, line, roomy);
    });
    this._place(viewport, lines, live);
  }

  /** @param {Viewport} viewport */
  _visible(viewport) {
    const lines = this._store.lines.get(this._store.selected ?? "") ?? [];
    const found = [];
    for (let index = lines.length - 1; index >= 0; index -= 1) {
      const line = lines[index];
      if (line.leg !== this.leg) continue;
      const from = started(line);
      if (from > viewport.to + 60) continue;
      found.push(line);
      if (from < viewport.from - 20) break;
    }
    return found.reverse();
  }

  /** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {number} height @param {Record<string, string>} colour */
  _drawGround(context, viewport, height, colour) {
    context.fillStyle = colour.line;
    context.fillRect(0, WAVE / 2, viewport.width, 1);
    context.fillRect(0, height - WAVE / 2, viewport.width, 1);
    context.globalAlpha = 0.6;
    context.fillRect(viewport.nowX, 0, 1, height);
    context.globalAlpha = 1;
    for (const loss of this._store.losses) {
      if (loss.leg !== this.leg || loss.to < viewport.from) continue;
      context.fillStyle = colour.bad;
      const x = viewport.x(loss.from);
      context.globalAlpha = 0.18;
      context.fillRect(x, 0, Math.max(3, viewport.x(loss.to) - x), WAVE);
      context.globalAlpha = 1;
    }
  }

  /** @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {number} height
   * @param {Record<string, string>} colour @param {TranscriptLine[]} lines @param {boolean} live */
  _drawSounds(context, viewport, height, colour, lines, live) {
    const x = (/** @type {number} */ at) => viewport.x(at);
    const until = Math.min(viewport.to, viewport.now);
    const said = new Path2D();
    this._store.sound(this.leg).said.trace(said, viewport.from, until, x, WAVE / 2, WAVE / 2 - 2);
    context.fillStyle = colour[this._hue];
    context.globalAlpha = 0.38;
    context.fill(said);
    context.globalAlpha = 1;
    // What was recognised stands in full colour: sound firms up as its words do.
    const known = new Path2D();
    for (const line of lines) {
      if (line.start !== null && line.end !== null) known.rect(x(line.start), 0, x(line.end) - x(line.start), WAVE);
    }
    context.save();
    context.clip(known);
    context.fill(said);
    context.restore();

    const heard = new Path2D();
    this._store.sound(this.ear).heard.trace(heard, viewport.from, until, x, height - WAVE / 2, WAVE / 2 - 2);
    context.fillStyle = colour[this._earHue];
    context.fill(heard);
    const queued = this._store.legs.get(this.ear)?.queues?.playout_ms ?? 0;
    if (live && queued > 20) {
      context.globalAlpha = 0.16;
      context.fillRect(viewport.nowX, height - WAVE + 10, (queued / 1000) * viewport.pixels, WAVE - 20);
      context.globalAlpha = 1;
    }
  }

  /** Said → recognised → translated → spoken, each a step further down.
   * @param {CanvasRenderingContext2D} context @param {Viewport} viewport @param {number} height
   * @param {Record<string, string>} colour @param {TranscriptLine} line @param {boolean} roomy is there room for the figure? */
  _drawJourney(context, viewport, height, colour, line, roomy) {
    const top = WAVE + TEXT;
    const room = height - 2 * top;
    if (room < 12) return;
    const steps = [
      { at: line.end, y: top + 4, hue: this._hue },
      { at: line.at.final, y: top + room * 0.34, hue: "provider" },
      { at: line.at.translated, y: top + room * 0.64, hue: "provider" },
      { at: line.at.spoken, y: top + room - 4, hue: this._earHue },
    ].filter((step) => typeof step.at === "number");
    if (!steps.length) return;
    const points = steps.map((step) => ({ ...step, x: viewport.x(/** @type {number} */ (step.at)) }));
    if (line.start !== null && line.end !== null) {
      context.fillStyle = colour[this._hue];
      context.fillRect(viewport.x(line.start), WAVE, viewport.x(line.end) - viewport.x(line.start), 2);
    }
    // From the end of the speech down to the journey, and from there to its sound at the other ear.
    const last = points[points.length - 1];
    context.globalAlpha = 0.35;
    context.fillStyle = colour[this._hue];
    if (points[0].at === line.end) context.fillRect(Math.round(points[0].x), WAVE + 2, 1, points[0].y - WAVE - 2);
    context.fillStyle = colour[this._earHue];
    if (line.at.spoken) context.fillRect(Math.round(last.x), last.y, 1, height - WAVE - last.y + 6);
    context.globalAlpha = 1;
    context.strokeStyle = colour["ink-3"];
    context.lineWidth = 1.25;
    context.beginPath();
    points.forEach((point, index) => (index ? context.lineTo(point.x, point.y) : context.moveTo(point.x, point.y)));
    context.stroke();
    for (const point of points) {
      context.beginPath();
      context.arc(point.x, point.y, 3.25, 0, 7);
      context.fillStyle = colour[point.hue];
      context.fill();
    }
    if (!roomy) return;
    context.font = FONT;
    if (!["final", "translated", "spoken"].includes(line.state)) {
      context.fillStyle = ["captions", "through"].includes(line.state) ? colour["ink-2"] : colour.bad;
      context.fillText(fate(line.state), last.x + 8, last.y + 4);
    } else if (line.at.spoken) {
      const total = line.toEar ?? (line.end !== null ? (line.at.spoken - line.end) * 1000 : null);
      context.fillStyle = colour["ink-2"];
      if (total !== null) context.fillText(delay(total), last.x + 8, last.y + 3);
    }
  }

  /** @param {Viewport} viewport @param {TranscriptLine[]} lines @param {boolean} live */
  _place(viewport, lines, live) {
    this._layer.style.transform = `translateX(${Math.round(viewport.x(viewport.anchor))}px)`;
    const interim = live ? this._store.interims.get(this.leg) : undefined;
    if (live && viewport.now - this._placed > PLACED_FOR) this.dirty = true;
    if (!this.dirty && !interim) return;
    const left = (/** @type {number} */ at) => (at - viewport.anchor) * viewport.pixels;
    const edge = Math.floor(left(viewport.to) / 8) * 8;
    const begun = interim ? Math.max(interim.since - 0.6, lines.at(-1)?.end ?? 0) : 0;
    // What is being said needs room before the edge of the picture.
    const from = interim ? Math.min(left(begun), edge - INTERIM_WIDTH) : edge;
    if (this.dirty) this._placeLines(lines, left, edge, from);
    if (this.dirty) this._placed = viewport.now;
    this.dirty = false;
    if (interim) {
      say(this._firm, interim.firm);
      say(this._tentative, interim.text.startsWith(interim.firm) ? interim.text.slice(interim.firm.length) : interim.text);
      this._interim.style.left = `${from}px`;
      this._interim.style.maxWidth = `${edge - from}px`;
      if (!this._interim.isConnected) this._layer.append(this._interim);
    } else this._interim.remove();
  }

  _placed = 0;

  /** @param {TranscriptLine[]} lines @param {(at: number) => number} left px of a moment @param {number} edge of the picture, px
   * @param {number} ahead where the words begin that are being said, px */
  _placeLines(lines, left, edge, ahead) {
    if (!this._store.interims.has(this.leg)) this._interim.remove();
    const shown = new Set();
    const heard = inTurn(lines);
    // The last words may not run out of the picture: they wrap, and unfold while they move. From the newest words
    // backwards, each gets the room up to the next ones that are shown.
    let [saidTo, heardTo] = [Math.min(edge, ahead), edge];
    for (let index = lines.length - 1; index >= 0; index -= 1) {
      const line = lines[index];
      const name = String(line.segment);
      shown.add(name);
      const block = this._blocks.get(name) ?? this._make(name);
      if (put(block.said, line.text, left(started(line)), saidTo)) saidTo = left(started(line));
      mark(block.heard, "data-state", line.state);
      const at = heard[index];
      if (at === null) mark(block.heard, "hidden", "");
      else if (put(block.heard, line.translation ?? "", left(at) + 5, heardTo)) heardTo = left(at) + 5;
    }
    for (const [name, block] of this._blocks) {
      if (shown.has(name)) continue;
      block.said.remove();
      block.heard.remove();
      this._blocks.delete(name);
    }
  }

  /** @param {string} name of a segment */
  _make(name) {
    const block = { said: h(`p.said.${this._hue}`), heard: h(`p.heard.${this._earHue}`) };
    this._blocks.set(name, block);
    this._layer.append(block.said, block.heard);
    return block;
  }
}

/** When each translation is heard, null if it is not shown yet: one that waits for those before it has its turn to come.
 * @param {TranscriptLine[]} lines */
function inTurn(lines) {
  let latest = -Infinity;
  return lines.map((line) => {
    const at = line.translation ? (line.at.spoken ?? line.at.translated) : undefined;
    if (!at || at < latest) return null;
    latest = at;
    return at;
  });
}

/** Words in the room up to the next ones, or hidden where that is too little.
 * @param {any} block @param {string} text @param {number} left @param {number} next where the next words begin, px
 * @returns {boolean} are they shown? */
function put(block, text, left, next) {
  const room = Math.floor(next - left - GAP);
  say(block, text);
  mark(block, "title", text);
  mark(block, "hidden", room < LEAST_WIDTH ? "" : null);
  block.style.left = `${left}px`;
  block.style.maxWidth = `${room}px`;
  return room >= LEAST_WIDTH;
}

/** When a line began, as well as is known. @param {TranscriptLine} line */
function started(line) {
  return line.start ?? (line.at.final ?? 0) - 1;
}
