// What the page knows, and nothing it merely hopes: every value here came from the server.
//
// Messages go in through `apply`; panes read; `changed` says which parts are new since the last
// frame. Everything is bounded: events, lines of a call, calls remembered after their end, and what belongs to them.

import { become, further, identity, inOrder, joined, key, longer } from "./transcript-lines.js";
import { Envelope } from "./waveform.js";

const EVENTS_KEPT = 1_000;
const LINES_KEPT = 1_000;
const ENDED_KEPT = 500;
const CALLS_WITH_LINES = 8;
/** Seconds by which no message is late: the clock of the server was set. */
const CLOCK_SET = 60;

/** @typedef {import("./transcript-lines.js").TranscriptLine} TranscriptLine */
/** @typedef {{text: string, firm: string, since: number}} Interim being said; `firm` is final already */
/** @typedef {{said: Envelope, heard: Envelope}} Sounds */
/** @typedef {Record<string, any>} Row */

export class Store {
  constructor() {
    this.hello = /** @type {any} */ (null);
    this.calls = /** @type {Map<string, Row>} */ (new Map());
    this.ended = /** @type {Map<string, Row>} */ (new Map());
    this.legs = /** @type {Map<string, Row>} */ (new Map());
    this.lines = /** @type {Map<string, TranscriptLine[]>} */ (new Map());
    this.interims = /** @type {Map<string, Interim>} */ (new Map());
    this.losses = /** @type {{leg: string, call: string, from: number, to: number}[]} */ ([]);
    this.stages = /** @type {Map<string, Record<string, any>>} */ (new Map());
    this.sounds = /** @type {Map<string, Sounds>} */ (new Map());
    this.events = /** @type {Row[]} */ ([]);
    this.eventsSeen = 0;
    this.system = /** @type {Row} */ ({});
    /** Settings in force, as `/api/settings` has them. @type {Row} */
    this.config = {};
    this.mode = /** @type {string | null} */ (null);
    this.share = /** @type {number | null} */ (null);
    this.selected = /** @type {string | null} */ (null);
    /** The call on screen is the last one, shown because none runs. */
    this.showsLast = false;
    /** Parts that changed since the last frame. @type {Set<string>} */
    this.changed = new Set();
    this.onEvent = (/** @type {Row} */ _event) => {};
    this._behind = Infinity;
  }

  /** May this page change anything? */
  get controls() {
    return this.hello?.role === "control";
  }

  /** The server's clock now, Unix seconds: what moves with it is smooth between messages. */
  now() {
    return performance.timeOrigin / 1000 + performance.now() / 1000 - (this._behind === Infinity ? 0 : this._behind);
  }

  /** The row of a call, running or ended. @param {string | null} name @returns {Row | undefined} */
  call(name) {
    return name === null ? undefined : (this.calls.get(name) ?? this.ended.get(name));
  }

  /** @param {string | null} name */
  select(name) {
    if (this.selected === name) return;
    this.selected = name;
    this._mark("selected", "calls", "legs", "lines", "stages");
  }

  /** Take a message of `/api/live`. @param {any} message */
  apply(message) {
    if (typeof message.at === "number") {
      // The least delay seen is the difference of the clocks; it may grow slowly, or at once where a clock was set.
      const behind = performance.timeOrigin / 1000 + performance.now() / 1000 - message.at;
      this._behind = behind > this._behind + CLOCK_SET ? behind : Math.min(this._behind + 0.0005, behind);
    }
    if (message.hello) this._begin(message);
    for (const row of message.calls ?? []) this._row(row);
    for (const name of message.gone ?? []) this._gone(name);
    for (const [name, leg] of Object.entries(message.legs ?? {})) this.leg(name, leg);
    for (const [name, of] of Object.entries(message.levels ?? {})) this._levels(name, of);
    for (const [call, stages] of Object.entries(message.stages ?? {})) {
      this.stages.set(call, /** @type {any} */ (stages));
      this._mark("stages");
    }
    if (message.gone?.length) this._forget();
    if (message.system) this._whole(message.system);
    for (const event of message.events ?? []) this._event(event);
  }

  /** A leg as it now is, wherever it came from. @param {string} name @param {any} leg */
  leg(name, leg) {
    this.legs.set(name, leg);
    this._mark("legs");
  }

  /** All settings in force, as `/api/settings` has them. @param {Row} config */
  configured(config) {
    this.config = config;
    this._mark("system", "calls");
    this.settings(config);
  }

  /** The mode and the share. @param {Row} settings */
  settings(settings) {
    this.mode = settings.mode ?? this.mode;
    this.share = settings.streaming_share ?? this.share;
    this._mark("mode");
  }

  /** A call in full, as `/api/calls/{call}` has it. @param {Row} detail */
  detail(detail) {
    const { legs, names, stages_ms: stages, transcript, ...row } = detail;
    for (const [name, leg] of Object.entries(legs ?? {})) this.leg(name, leg);
    this._row({ ...row, legs: names ?? Object.keys(legs ?? {}) });
    if (stages) this.stages.set(row.call, stages);
    // Events may have said more than the answer knew when it was written: nothing is taken back.
    const known = new Map((this.lines.get(row.call) ?? []).map((line) => [key(line), line]));
    const lines = (transcript ?? []).map((/** @type {Row} */ from) => {
      const line = this._line(row, from);
      const newer = known.get(key(line));
      known.delete(key(line));
      return newer ? further(line, newer) : line;
    });
    lines.push(...known.values());
    this.lines.delete(row.call);
    this.lines.set(row.call, lines.slice(-LINES_KEPT));
    for (const call of this.lines.keys()) {
      if (this.lines.size <= CALLS_WITH_LINES) break;
      if (call !== this.selected) this.lines.delete(call);
    }
    this._mark("lines", "stages");
  }

  /** Milliseconds of speech that wait, and that were lost, over all calls. */
  totals() {
    const sum = (/** @type {string} */ name) => [...this.calls.values()].reduce((total, call) => total + (call[name] ?? 0), 0);
    return {
      waiting: sum("waiting_ms"),
      lost: Math.max(this.system.lost_ms ?? 0, sum("lost_ms")),
    };
  }

  /** The call that has been running longest. */
  first() {
    return [...this.calls.values()].reduce((/** @type {Row | null} */ oldest, row) => (oldest && oldest.began <= row.began ? oldest : row), null);
  }

  /** The newest call that is over. */
  last() {
    return [...this.ended.values()].reduce((/** @type {Row | null} */ newest, row) => (newest && newest.began > row.began ? newest : row), null);
  }

  /** What happened before this page was open: events in order of time. @param {Row[]} past */
  history(past) {
    const known = new Set(this.events.map(identity));
    const fresh = past.filter((event) => event.type !== "interim" && !known.has(identity(event)));
    if (!fresh.length) return;
    for (const event of fresh) if (event.type === "loss") this._lost(event);
    const all = [...fresh, ...this.events].sort((one, two) => one.at - two.at).slice(-EVENTS_KEPT);
    this.events = all.map((event, index) => ({ ...event, n: index }));
    this.eventsSeen = this.events.length;
    this._mark("events", "history", "lines");
  }

  /** Rows of ended calls. @param {Row[]} rows */
  past(rows) {
    for (const row of rows) if (row.state === "ended") this._row(row);
  }

  /** @param {string} leg @returns {Sounds} */
  sound(leg) {
    let sounds = this.sounds.get(leg);
    if (!sounds) this.sounds.set(leg, (sounds = { said: new Envelope(), heard: new Envelope() }));
    return sounds;
  }

  // --- Parts of a message ---

  /** @param {any} message the first of a connection: all there is */
  _begin(message) {
    this.hello = message.hello;
    this._behind = Infinity;
    this.calls.clear();
    this.ended.clear();
    this.interims.clear();
    // A server that began anew numbers its calls anew: no line and no event may be of the call of that name. What
    // has happened, the losses with it, is asked for again.
    this.lines.clear();
    this.events = [];
    this.eventsSeen = 0;
    this.stages.clear();
    this.losses.length = 0;
    this.sounds.clear();
    this._mark("hello", "calls", "legs", "lines", "system", "stages", "history");
  }

  /** @param {Row} sent */
  _row(sent) {
    const row = inOrder(sent);
    if (row.state === "ended") {
      this.calls.delete(row.call);
      for (const leg of row.legs ?? []) this.interims.delete(leg);
      this.ended.set(row.call, { ...this.ended.get(row.call), ...row });
      if (this.ended.size > ENDED_KEPT) {
        this.ended.delete(this.ended.keys().next().value ?? "");
        this._forget();
      }
    } else {
      this.calls.set(row.call, { ...row, receivedAt: this.now() });
    }
    this._mark("calls");
  }

  /** A call that the server does not keep any more. @param {string} name */
  _gone(name) {
    this.calls.delete(name);
    if (name !== this.selected) this.ended.delete(name);
    this._mark("calls");
  }

  /** What is of no call that is known. Legs that were opened for one call have names that never come again. */
  _forget() {
    const known = new Set([...this.calls.values(), ...this.ended.values()].flatMap((call) => call.legs ?? []));
    for (const leg of [...this.legs.keys()]) if (!known.has(leg)) this.legs.delete(leg);
    for (const leg of [...this.sounds.keys()]) if (!known.has(leg)) this.sounds.delete(leg);
    for (const name of [...this.stages.keys()]) if (!this.call(name)) this.stages.delete(name);
  }

  /** @param {Row} system */
  _whole(system) {
    this.system = system;
    if (system.mode !== undefined && (system.mode !== this.mode || system.share !== this.share)) {
      this.settings({ mode: system.mode, streaming_share: system.share });
    }
    this._mark("system");
  }

  /** @param {string} name @param {any} of for each lane: first slot, pairs, moment of the first slot */
  _levels(name, of) {
    const sounds = this.sound(name);
    if (of.said) sounds.said.push(of.said[0], of.said[1], of.said[2]);
    if (of.heard) sounds.heard.push(of.heard[0], of.heard[1], of.heard[2]);
  }

  /** @param {Row} event */
  _event(event) {
    if (event.type !== "interim") {
      this.events.push({ ...event, n: this.eventsSeen });
      this.eventsSeen += 1;
      if (this.events.length > EVENTS_KEPT) this.events.splice(0, this.events.length - EVENTS_KEPT);
      this._mark("events");
    }
    if (event.call === this.selected || event.type === "loss") this._happened(event);
    if (event.type === "settings" && event.leg === null) {
      this.mode = event.mode ?? this.mode;
      this.share = event.share ?? this.share;
      this._mark("mode");
    }
    this.onEvent(event);
  }

  /** What an event says of a segment's journey. @param {Row} event */
  _happened(event) {
    const { leg, call } = event;
    if (event.type === "interim") {
      const now = this.interims.get(leg);
      this.interims.set(leg, { text: event.text, firm: now?.firm ?? "", since: now?.since ?? event.at });
    } else if (event.type === "final") {
      const now = this.interims.get(leg);
      const firm = joined(now?.firm ?? "", event.text);
      this.interims.set(leg, { text: longer(firm, now?.text), firm, since: now?.since ?? event.at });
    } else if (event.type === "segment") {
      this.interims.delete(leg);
      const line = this._find(call, leg, event.segment) ?? this._add(call, this._line(this.call(call), event));
      if (event.text) line.text = event.text;
      line.at.final = event.at;
    } else if (event.type === "loss") {
      this._lost(event);
    } else {
      const line = this._find(call, leg, event.segment);
      if (line) become(line, event);
    }
    this._mark("lines");
  }

  /** @param {Row} event */
  _lost(event) {
    const to = event.ended ?? event.at;
    this.losses.push({ leg: event.leg, call: event.call, from: event.began ?? to - (event.ms ?? 0) / 1000, to });
    this.losses.splice(0, Math.max(0, this.losses.length - 100));
  }

  /** @param {string} call @param {string} leg @param {number} segment */
  _find(call, leg, segment) {
    return this.lines.get(call)?.findLast((line) => line.leg === leg && line.segment === segment);
  }

  /** @param {string} call @param {TranscriptLine} line */
  _add(call, line) {
    const lines = this.lines.get(call) ?? [];
    this.lines.set(call, lines);
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.splice(0, lines.length - LINES_KEPT);
    return line;
  }

  /** A line as the API writes it, with moments instead of seconds since the call began.
   * @param {Row | undefined} call @param {Row} from @returns {TranscriptLine} */
  _line(call, from) {
    const moment = (/** @type {number | undefined} */ seconds) =>
      typeof seconds === "number" && call ? call.began + seconds : null;
    return {
      leg: from.leg,
      segment: from.segment,
      start: from.began ?? moment(from.start_s),
      end: from.ended ?? moment(from.end_s),
      text: from.text ?? "",
      translation: from.translation ?? null,
      state: from.state ?? "final",
      at: typeof from.at === "object" && from.at ? { ...from.at } : {},
      toEar: null,
      reason: from.reason ?? null,
    };
  }

  /** @param {...string} parts */
  _mark(...parts) {
    for (const part of parts) this.changed.add(part);
  }
}
