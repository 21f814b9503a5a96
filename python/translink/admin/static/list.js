// All calls, as strips on a board. Only the strips on screen exist: a hundred calls or a thousand cost the same.

import { get } from "./api.js";
import { elapsed, silence } from "./call-pane.js";
import { h, mark, say, segmented } from "./dom.js";
import { delay, duration, lost, number, seconds } from "./format.js";
import { LONG_WAIT } from "./trouble.js";

const HEIGHT = 56; // as in page.css
const SPARE = 4;
const SEARCH_PAUSE = 250;
const WORST = ["streaming", "prerecorded", "idle", "connecting", "recovering"];

export class CallList {
  /**
   * @param {HTMLElement} list @param {HTMLInputElement} search @param {Element} which
   * @param {import("./store.js").Store} store
   * @param {(call: string) => void} open
   */
  constructor(list, search, which, store, open) {
    this._list = list;
    this._search = search;
    this._store = store;
    this._open = open;
    this._strips = /** @type {Map<string, any>} */ (new Map());
    this._rows = /** @type {any[]} */ ([]);
    this._state = "running";
    this._found = /** @type {Set<string> | null} */ (null);
    this._asked = 0;
    this._room = h("div.room", { role: "presentation" });
    this._none = h("p.none", { role: "presentation" });
    list.append(this._room, this._none);
    this._choose = segmented(which, { running: "Running", ended: "Ended" }, (state) => this._show(state));
    this._choose("running");
    list.addEventListener("scroll", () => this._place(), { passive: true });
    list.addEventListener("keydown", (event) => this._key(event));
    search.addEventListener("input", () => this._type());
    new ResizeObserver(() => this._place()).observe(list);
  }

  /** Show what is new. */
  update() {
    const all = [...(this._state === "running" ? this._store.calls : this._store.ended).values()];
    const text = this._search.value.trim().toLowerCase();
    this._rows = text ? all.filter((row) => this._found?.has(row.call) || matches(row, text)) : all;
    this._rows.sort(this._state === "running" ? oldest : newest);
    const what = this._state === "running" ? "No call is running." : "No call has ended yet.";
    say(this._none, this._rows.length ? "" : text ? "Nothing found." : what);
    mark(this._list, "role", this._rows.length ? "listbox" : "group"); // a listbox without options is none
    this._room.style.height = `${this._rows.length * HEIGHT}px`;
    this._place();
  }

  /** The clocks of running calls go on between messages. */
  tick() {
    if (this._state === "running") this._place();
  }

  /** The next call in the list, or the one before. @param {number} step */
  move(step) {
    if (!this._rows.length) return;
    const at = this._rows.findIndex((row) => row.call === this._store.selected);
    const index = Math.min(this._rows.length - 1, Math.max(0, at < 0 ? 0 : at + step));
    this._open(this._rows[index].call);
    const top = index * HEIGHT;
    if (top < this._list.scrollTop) this._list.scrollTop = top;
    const bottom = top + HEIGHT - this._list.clientHeight;
    if (bottom > this._list.scrollTop) this._list.scrollTop = bottom;
  }

  /** @param {string} state */
  async _show(state) {
    this._state = state;
    this._choose(state);
    this._list.scrollTop = 0;
    this.update();
    if (state !== "ended") return;
    const answer = await get("/api/calls?state=ended").catch(() => null);
    if (answer) this._store.past(answer.calls);
  }

  _type() {
    clearTimeout(this._asked);
    this._found = null;
    this.update();
    const text = this._search.value.trim();
    if (text.length < 2) return;
    this._asked = window.setTimeout(async () => {
      const answer = await get(`/api/calls?state=all&q=${encodeURIComponent(text)}`).catch(() => null);
      if (!answer || this._search.value.trim() !== text) return;
      this._store.past(answer.calls);
      this._found = new Set(answer.calls.map((/** @type {any} */ row) => row.call));
      this.update();
    }, SEARCH_PAUSE);
  }

  /** Strips for the rows that can be seen. */
  _place() {
    const first = Math.max(0, Math.floor(this._list.scrollTop / HEIGHT) - SPARE);
    const last = Math.min(this._rows.length, Math.ceil((this._list.scrollTop + this._list.clientHeight) / HEIGHT) + SPARE);
    const wanted = new Set();
    for (let index = first; index < last; index += 1) {
      const row = this._rows[index];
      wanted.add(row.call);
      let strip = this._strips.get(row.call);
      if (!strip) {
        strip = this._make(row.call);
        this._strips.set(row.call, strip);
        this._room.append(strip.element);
      }
      strip.element.style.transform = `translateY(${index * HEIGHT}px)`;
      mark(strip.element, "aria-posinset", String(index + 1));
      mark(strip.element, "aria-setsize", String(this._rows.length));
      this._fill(strip, row);
    }
    for (const [call, strip] of this._strips) {
      if (wanted.has(call)) continue;
      strip.element.remove();
      this._strips.delete(call);
    }
    const selected = this._strips.get(this._store.selected ?? "");
    mark(this._list, "aria-activedescendant", selected ? selected.element.id : null);
  }

  /** @param {string} call */
  _make(call) {
    const parts = { legs: h("strong"), langs: h("span.langs"), time: h("span.figure"), facts: h("span.facts"), lost: h("span.lost"), ear: h("i.listening", { text: "●", title: "Somebody listens in" }), tape: h("i.recording", { text: "REC", title: "What is said and heard in this call is being recorded" }) };
    const element = h("div.strip", { role: "option", id: `call-${call}`, onclick: () => this._open(call) },
      h("div.row", {}, parts.legs, parts.langs, parts.ear, parts.tape, parts.time), h("div.row", {}, parts.facts, parts.lost));
    return { element, ...parts };
  }

  /** @param {any} strip @param {any} row */
  _fill(strip, row) {
    say(strip.legs, row.legs.join(" ⇄ "));
    mark(strip.legs, "title", row.legs.join(" ⇄ "));
    say(strip.langs, row.languages.join("–"));
    say(strip.time, duration(elapsed(row, this._store.now())));
    const ear = row.mouth_to_ear_p50_ms;
    const facts = [silence(row, this._store.now()) || `${number(row.words)} words`, ear && delay(ear), row.state === "ended" && row.reason];
    say(strip.facts, facts.filter(Boolean).join(" · "));
    mark(strip.element, "data-state", silence(row, this._store.now()) ? "silent" : null);
    mark(strip.facts, "title", ear ? `mouth to ear ${delay(ear)} (median)` : null);
    const waiting = row.state !== "ended" && row.waiting_ms > LONG_WAIT ? `${seconds(row.waiting_ms)} waiting` : "";
    say(strip.lost, [waiting, row.lost_ms > 0 && `${lost(row.lost_ms)} lost`].filter(Boolean).join(" · "));
    strip.ear.hidden = !row.listened;
    strip.tape.hidden = !row.recorded || row.state === "ended";
    mark(strip.element, "data-mode", row.state === "ended" ? "ended" : worst(row.modes));
    mark(strip.element, "aria-selected", String(row.call === this._store.selected));
  }

  /** @param {KeyboardEvent} event */
  _key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -1e6, End: 1e6 }[event.key];
    if (!step) return;
    event.preventDefault();
    this.move(step);
  }
}

/** @param {any} row @param {string} text */
const matches = (row, text) => [row.call, ...row.legs, ...row.languages].some((each) => each.toLowerCase().includes(text));

/** @param {any} a @param {any} b */
const oldest = (a, b) => a.began - b.began || (a.call < b.call ? -1 : 1);
/** @param {any} a @param {any} b */
const newest = (a, b) => b.began - a.began || (a.call < b.call ? -1 : 1);

/** The mode of two that asks for attention. @param {string[]} [modes] */
function worst(modes = []) {
  return modes.reduce((most, mode) => (WORST.indexOf(mode) > WORST.indexOf(most) ? mode : most), modes[0] ?? "idle");
}
