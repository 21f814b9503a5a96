// The page: one store, fed by one connection; one loop that shows, with every frame, what has changed.

import { get } from "./api.js";
import { CallPane } from "./call-pane.js";
import { byId, mark, say } from "./dom.js";
import { EventLog } from "./events.js";
import { startKeys } from "./keys.js";
import { CallList } from "./list.js";
import { Listening } from "./listen.js";
import { Live } from "./live.js";
import { mayLook, startLogin } from "./login.js";
import { Probe } from "./probe.js";
import { Store } from "./store.js";
import { System } from "./system.js";
import { next as nextTheme, startTheme } from "./theme.js";
import { Banner } from "./trouble.js";

const FINALS_KEPT = 20;
const SETTLED = 700;
let later = 0;

startTheme();
const store = new Store();
const probe = new Probe();
const listening = new Listening(store);
const live = new Live(take, tell);
const pane = new CallPane({ call: byId("call"), score: byId("score"), script: byId("script"), stages: byId("stages") }, store, listening);
const events = new EventLog(byId("events"), store, watch);
const system = new System(byId("vitals"), byId("mode"), byId("system"), store, probe);
const banner = new Banner(byId("banner"), store);
const list = new CallList(byId("list"), byId("search"), byId("which"), store, (call) => open(call));

store.onEvent = (/** @type {any} */ event) => {
  if (event.call === store.selected) probe.event(event.at);
  if (event.type === "segment" && event.call === store.selected) readAloud(`${event.leg}: ${event.text}`);
};

startLogin(() => live.open());
startKeys({
  "/": ["search", () => byId("search").focus()],
  j: ["next call", () => list.move(1)],
  k: ["previous call", () => list.move(-1)],
  c: ["captions of the call", () => byId("script").querySelector("ol").focus()],
  e: ["event log", () => byId("events").querySelector("ol").focus()],
  t: ["light, dark or as the system", nextTheme],
  "?": ["this help", () => byId("help").showModal()],
});
for (const tab of document.querySelectorAll(".tabs button")) {
  tab.addEventListener("click", () => turn(/** @type {HTMLElement} */ (tab).dataset.to ?? "call"));
}
turn("call");
addEventListener("hashchange", fromAddress);
document.addEventListener("visibilitychange", seen);
mayLook().then((may) => may && live.open());
requestAnimationFrame(frame);

/** Every frame. @param {number} now */
function frame(now) {
  const changed = new Set(store.changed);
  store.changed.clear();
  if (changed.size) show(changed);
  pane.draw();
  if (probe.frame(now)) {
    system.updatePage();
    pane.tick();
    list.tick();
    seeHealth();
  }
  requestAnimationFrame(frame);
}

/** @param {Set<string>} changed */
function show(changed) {
  if (changed.has("calls") || changed.has("selected")) list.update();
  pane.update(changed);
  const anew = changed.has("selected") || changed.has("history");
  if (changed.has("events") || anew) events.update(anew);
  if (changed.has("system") || changed.has("calls")) system.update();
  if (changed.has("system")) seeHealth();
  if (changed.has("mode") || changed.has("hello")) system.updateMode();
  if (changed.has("hello")) listening.update();
  openByItself();
}

/** Somebody who comes to the page sees a call: one that runs, or else the last one. Whatever the board lists. */
function openByItself() {
  if (store.selected === null || (store.showsLast && store.calls.size)) {
    store.showsLast = !store.calls.size;
    open((store.first() ?? store.last())?.call ?? null, false);
  }
}

/** Is anything wrong? The lamp beside the name says so too. */
function seeHealth() {
  const level = banner.update() || null;
  mark(byId("link"), "data-health", level);
  mark(document.body, "data-trouble", level);
}

/** @param {any} message */
function take(message) {
  store.apply(message);
  if (!message.hello) return;
  store.showsLast = false;
  fromAddress();
  // Another server, or one that began anew, knows nothing of the call that was looked at.
  if (!store.call(store.selected)) store.select(null);
  get("/api/settings").then((settings) => store.configured(settings)).catch(() => {});
  fetchPast(null);
  fetchPast("");
  // What was missed while the connection was away is in what the call has kept.
  watch();
  if (store.selected !== null) fetchTwice(store.selected);
}

/** @param {"open" | "closed"} state @param {string} why */
async function tell(state, why) {
  const link = byId("link");
  mark(link, "data-state", state);
  const role = store.hello?.role;
  say(link, state === "open" ? `live${role ? ` · ${role}` : ""}` : "reconnecting…");
  banner.connection(state === "open" ? "" : `The connection is gone${why ? `: ${why}` : ""}.`);
  if (state === "closed") {
    listening.stop();
    if (!(await mayLook())) {
      live.close();
      banner.connection("");
    }
  }
}

/** Look at a call. @param {string | null} call @param {boolean} [turning] on a narrow screen, go there */
function open(call, turning = true) {
  if (call === null) return;
  if (turning) store.showsLast = false;
  store.select(call);
  const address = `#call=${encodeURIComponent(call)}`;
  if (location.hash !== address) history.replaceState(null, "", address);
  if (turning) turn("call");
  watch();
  fetchTwice(call);
}

/** What a call has kept, now and once more: what happened between the first answer and the moment from which the
 * server tells this page of the call would be in neither. @param {string} call */
function fetchTwice(call) {
  clearTimeout(later);
  later = window.setTimeout(() => store.selected === call && fetchDetail(call), SETTLED);
  fetchDetail(call);
  fetchPast(call);
}

/** The newest events that the server has kept. @param {string | null} call null: of all; empty: of no call, which those
 * of all calls soon push out */
async function fetchPast(call) {
  const path = "/api/events/recent";
  const past = await get(call === null ? path : `${path}?call=${encodeURIComponent(call)}`).catch(() => null);
  if (past) store.history(past.events);
}

/** @param {string} call */
async function fetchDetail(call) {
  const detail = await get(`/api/calls/${encodeURIComponent(call)}`).catch(() => null);
  if (detail) store.detail(detail);
}

/** Tell the server what is on screen. A page that nobody sees watches nothing. */
function watch() {
  const call = document.hidden ? undefined : store.calls.get(store.selected ?? "");
  live.watch({
    calls: call ? [call.call] : [],
    levels: call ? call.legs : [],
    events: document.hidden ? "none" : events.scope,
  });
}

/** Seen again: what was missed is in what the call has kept, and what is of no single call is asked for by itself. */
function seen() {
  watch();
  if (document.hidden || !store.hello) return;
  fetchPast("");
  if (events.scope === "all") fetchPast(null);
  if (store.selected !== null) fetchTwice(store.selected);
}

function fromAddress() {
  const call = decodeURIComponent(/^#call=(.+)$/.exec(location.hash)?.[1] ?? "");
  if (store.call(call) && call !== store.selected) open(call, false);
}

/** On a narrow screen one pane is seen at a time. @param {string} to */
function turn(to) {
  document.body.dataset.pane = to;
  for (const tab of document.querySelectorAll(".tabs button")) {
    mark(tab, "aria-current", /** @type {HTMLElement} */ (tab).dataset.to === to ? "true" : null);
  }
}

/** For screen readers: finals only, the rest would never let them finish. @param {string} text */
function readAloud(text) {
  const log = byId("finals");
  log.append(Object.assign(document.createElement("p"), { textContent: text }));
  while (log.children.length > FINALS_KEPT) log.firstElementChild.remove();
}
