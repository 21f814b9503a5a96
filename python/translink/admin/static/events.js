// The event log: what happened, newest first, in the call on screen or in all. A thousand events are kept, also from
// before the page was opened; the newest hundred that pass the filters are shown. While the pointer or the focus
// is in the list it stands still.

import { h, say, segmented } from "./dom.js";
import { clock, delay, number } from "./format.js";

const SHOWN = 100;
const KINDS = {
  words: ["final", "segment", "translation", "untranslated", "speech", "echo"],
  links: ["connection", "failover", "replay", "breaker", "mode", "keyterm", "source"],
  calls: ["call", "settings", "control", "language", "notice", "recording", "listening", "pause", "source", "pressure", "drain"],
  trouble: ["loss", "untranslated", "failover", "breaker", "rtp", "quota", "pressure", "node_lost"],
};
const TELLING = ["provider", "what", "value", "calls", "state", "mode", "lane", "language", "to", "by", "kind", "share", "how", "volume", "original", "keyterm", "voice_for", "behind_s", "name", "reason", "format", "port"];
/** What is switched: in words where it is on, and where it is off. */
const SWITCHES = { muted: ["muted", "not muted"], record: ["recorded", "not recorded"], echo_guard: ["echo guard", "no echo guard"] };

export class EventLog {
  /** @param {Element} into @param {import("./store.js").Store} store @param {() => void} rewatch */
  constructor(into, store, rewatch) {
    this._store = store;
    this._kind = "all";
    /** "watched" or "all", for the server. @type {"watched" | "all"} */
    this.scope = "watched";
    this._still = false;
    this._late = false;
    this._shown = -1;
    const kinds = h("div.segmented.small", { role: "radiogroup", "aria-label": "Kind of event" });
    const choose = segmented(kinds, { all: "All", words: "Words", links: "Links", calls: "Calls", trouble: "Trouble" }, (kind) => {
      this._kind = kind;
      choose(kind);
      this.update(true);
    });
    choose("all");
    const scope = h("div.segmented.small", { role: "radiogroup", "aria-label": "Of which calls" });
    const limit = segmented(scope, { watched: "This call", all: "Every call" }, (value) => {
      this.scope = value === "all" ? "all" : "watched";
      limit(value);
      rewatch();
      this.update(true);
    });
    limit("watched");
    this._filter = h("input", { type: "search", placeholder: "Filter", "aria-label": "Filter events", maxlength: "100", spellcheck: "false" });
    this._filter.addEventListener("input", () => this.update(true));
    this._paused = h("span.quiet", { text: "" });
    this._list = h("ol", { tabindex: "0", "aria-label": "Events, newest first" });
    for (const [on, off] of [["pointerenter", "pointerleave"], ["focusin", "focusout"]]) {
      this._list.addEventListener(on, () => this._stand(true));
      this._list.addEventListener(off, () => this._stand(false));
    }
    into.append(
      h("header", {}, h("h2", { id: "events-title", text: "Events" }), this._paused),
      h("div.filters", {}, kinds, scope, this._filter),
      h("div.scroll", {}, this._list));
  }

  /** Show what is new. @param {boolean} [anew] a filter changed */
  update(anew = false) {
    if (this._still && !anew) {
      this._late = true;
      say(this._paused, "paused");
      return;
    }
    if (anew) {
      this._list.replaceChildren();
      this._shown = -1;
    }
    const fresh = [];
    const events = this._store.events;
    for (let index = events.length - 1; index >= 0 && events[index].n > this._shown && fresh.length < SHOWN; index -= 1) {
      if (this._wanted(events[index])) fresh.push(item(events[index]));
    }
    this._shown = events.at(-1)?.n ?? this._shown;
    if (fresh.length) this._list.prepend(...fresh);
    while (this._list.children.length > SHOWN) this._list.lastElementChild.remove();
  }

  /** @param {any} event */
  _wanted(event) {
    if (this._kind !== "all" && !KINDS[/** @type {keyof KINDS} */ (this._kind)].includes(event.type)) return false;
    if (this.scope === "watched" && event.call && event.call !== this._store.selected) return false;
    const text = this._filter.value.trim().toLowerCase();
    return !text || `${event.type} ${event.call} ${event.leg} ${summary(event)}`.toLowerCase().includes(text);
  }

  /** @param {boolean} still */
  _stand(still) {
    this._still = still;
    if (still) return;
    say(this._paused, "");
    if (this._late) this.update();
    this._late = false;
  }
}

/** @param {any} event */
function item(event) {
  return h("li", { "data-type": event.type, "data-state": event.state ?? null }, h("time", { text: clock(event.at) }),
    h("p", {}, h("b", { text: event.type }), " ", h("span.who", { text: event.leg ?? event.call ?? "" }), " ", h("span.summary", { text: summary(event) })));
}

/** An event in words. @param {any} event */
function summary(event) {
  const parts = TELLING.map((name) => [event[name] ?? []].flat().join(", ")).filter((text) => text);
  if (event.segment !== undefined && event.segment !== null) parts.unshift(`#${event.segment}`);
  // With several nodes every event has one: it tells something where there is no call.
  if (event.node && !event.call) parts.unshift(event.node);
  for (const [name, [on, off]] of Object.entries(SWITCHES)) {
    if (typeof event[name] === "boolean") parts.push(event[name] ? on : off);
  }
  if (event.before) parts.push(`${event.before} → ${event.now ?? event.level}`);
  if (typeof event.used === "number") parts.push(`${number(event.used)} of ${number(event.limit)} characters`);
  if (event.text) parts.push(`“${event.text}”`);
  if (typeof event.ms === "number") parts.push(delay(event.ms));
  if (typeof event.ms?.mouth_to_ear === "number") parts.push(`mouth to ear ${delay(event.ms.mouth_to_ear)}`);
  return parts.join(" · ");
}
