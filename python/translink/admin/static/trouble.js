// What is wrong: since when, what it means for the callers, and what to do about it.
//
// `troubles` reads it off the server's own account: the providers in line for each service, the state of
// each, and the class of the error that put it there. A service is down when every provider of its line-up is;
// one provider that is down while another serves is a warning. The banner stands above everything else.

import { clock, duration, lost, number, seconds } from "./format.js";
import { h, mark, say } from "./dom.js";

const SHOWN = 3;
const SHOWN_TALKING = 8;
const VENDORS = { deepgram: "Deepgram", deepl: "DeepL", elevenlabs: "ElevenLabs", openai: "OpenAI", offline: "The local engine" };
/** The local engines stand in for these, where they have no key (`endpoints.needs_of`). Without one the others are
 * servers of one's own. */
const STOOD_IN_FOR = ["deepgram", "deepl"];
const PARTS = { listen: "streaming", prerecorded: "prerecorded", speak: "speech", translate: "translation" };
const ORDER = ["recognition", "translation", "speech"];
const DOWN = ["open", "half-open"];

/**
 * @typedef {object} Trouble
 * @property {"bad" | "warn"} level
 * @property {string} title what is down
 * @property {string} cause in one sentence, with the provider
 * @property {string} means for the callers
 * @property {string} todo
 * @property {string} reason the provider's own words, in full
 * @property {number | null} since Unix seconds
 * @property {number | null} until when the provider is asked again, Unix seconds
 */
/** @typedef {Record<string, any>} Row */

/** Speech that waits longer than this is a sign of trouble, ms: a final result takes a few seconds. */
export const LONG_WAIT = 6_000;

/** All that is wrong, worst first.
 * @param {Row} system as the server tells it @param {Row} config its settings @returns {Trouble[]} */
export function troubles(system, config) {
  const providers = system.providers ?? {};
  const services = system.services ?? {};
  const is = (/** @type {string} */ name, /** @type {string[]} */ states) => states.includes(providers[name]?.state);
  // A provider that asks for a moment is not down; one that asks for long is, for those who wait.
  const off = (/** @type {string} */ name) => is(name, DOWN) || (is(name, ["held"]) && providers[name].down === true);
  const down = ORDER.filter((service) => services[service]?.length && services[service].every(off));
  const found = machine(system);
  const named = new Set();
  for (const group of byCause(down, services, providers)) {
    for (const service of group) for (const name of services[service]) named.add(name);
    const name = services[group[0]][0];
    found.push({ level: "bad", title: upper(`${listed(group)} ${group.length > 1 ? "are" : "is"} down`),
      means: meaning(group, down, config), ...blame(name, providers[name], system, config) });
  }
  for (const [name, state] of Object.entries(providers)) {
    if (named.has(name) || !is(name, [...DOWN, "held"])) continue;
    const service = ORDER.find((each) => services[each]?.includes(name)) ?? "recognition";
    const others = (services[service] ?? []).filter((/** @type {string} */ other) => other !== name && !off(other));
    found.push({ level: "warn", title: `${provider(name)} ${state.state === "held" ? "has to wait" : "is down"}`,
      means: relief(name, others, system), ...blame(name, state, system, config) });
  }
  return found.sort((one, two) => Number(two.level === "bad") - Number(one.level === "bad"));
}

/** What is wrong with the machine that translink runs on. @param {Row} system @returns {Trouble[]} */
function machine(system) {
  const one = { cause: "", reason: "", since: null, until: null };
  const found = /** @type {Trouble[]} */ ([]);
  const dead = system.legs_out_of_service ?? [];
  if (system.media === "dead") {
    found.push({ ...one, level: "bad", title: "No sound comes in or goes out", means: "No call can be heard.",
      todo: "Restart translink, and send its log with the report: this is a bug." });
  } else if (dead.length) {
    found.push({ ...one, level: "bad", title: `Out of service: ${listed(dead)}`, means: "Calls on these legs have ended, and no new ones begin.",
      todo: "Restart translink, and send its log with the report: this is a bug." });
  }
  for (const { leg, format, port } of system.legs_unheard ?? []) {
    found.push({ ...one, level: "warn", title: `RTP comes to leg ${leg}`, cause: `Port ${port} gets ${format} in RTP, and expects headerless PCM.`,
      means: "Nothing of it is heard, and no call begins.", todo: `Set transport = "rtp" (or "auto") for leg ${leg}.` });
  }
  if (system.drain && !system.draining) {
    const { calls = [], left_s: left } = system.drain;
    const talking = calls.flatMap((/** @type {Row} */ call) => call.talking);
    const runs = calls.length === 1 ? "1 call runs" : `${number(calls.length)} calls run`;
    found.push({ ...one, level: "warn", title: "The server is draining",
      cause: `${runs}; ${talking.length ? `talking: ${listed(talking.slice(0, SHOWN_TALKING))}` : "nobody is talking"}.`,
      means: "Running calls go on to their end. No new call begins.",
      todo: `The server ends with the last of them, in ${duration(left)} at the latest.` });
  }
  if (system.draining) {
    found.push({ ...one, level: "warn", title: "The server is stopping", means: "Running calls end in good order. No new call begins.", todo: "" });
  } else if (String(system.pressure ?? "").toLowerCase() === "refuse") {
    found.push({ ...one, level: "warn", title: "The machine is overloaded", means: "Running calls go on. New calls are refused until the load falls.",
      todo: "Use more processors, or send fewer calls here." });
  }
  return found;
}

/** Services that are down for the same reason belong together.
 * @param {string[]} down @param {Row} services @param {Row} providers @returns {string[][]} */
function byCause(down, services, providers) {
  const groups = /** @type {Map<string, string[]>} */ (new Map());
  for (const service of down) {
    const name = services[service][0];
    const cause = `${name.split(".")[0]} ${providers[name]?.kind} ${providers[name]?.status ?? ""}`;
    groups.set(cause, [...(groups.get(cause) ?? []), service]);
  }
  return [...groups.values()];
}

/** What the callers notice. @param {string[]} group down for one reason @param {string[]} down all of them @param {Row} config */
function meaning(group, down, config) {
  const kept = Math.min(...(config.legs ?? []).map((/** @type {Row} */ leg) => leg.ledger_seconds ?? 60), 60);
  if (group.includes("recognition")) {
    return `Callers hear no translation. What they say is kept for ${kept} s and translated if the service comes back in time. Anything older is lost.`;
  }
  if (group.includes("translation")) {
    return down.includes("recognition") ? "Nothing can be translated until it works again."
      : "Callers hear no translation. What they say is shown here as text, and is not translated later.";
  }
  return down.length > 1 ? "Nothing can be spoken until it works again." : "Callers hear no translation. It is shown here as text, and is not spoken later.";
}

/** What the callers notice of one provider in a line. @param {string} name @param {string[]} others @param {Row} system */
function relief(name, others, system) {
  if (name === system.stream) return "Calls are recognised in pieces, at pauses. Translations come a few seconds later than usual.";
  if (!others.length) return "Requests wait. Translations come later than usual.";
  return `${provider(others[0])} serves instead. Callers should notice little.`;
}

/** The cause and the mend. @param {string} name @param {Row} state @param {Row} system @param {Row} config */
function blame(name, state, system, config) {
  const family = name.split(".")[0];
  const local = family === "offline" || (STOOD_IN_FOR.includes(family) && !!system.offline && !config[family]?.api_key);
  const vendor = local ? VENDORS.offline : (VENDORS[/** @type {keyof VENDORS} */ (family)] ?? name);
  const { kind, status, reason = "", since = null, until = null } = state ?? {};
  return { ...mend(vendor, keySetting(name), local, kind, status), reason, since, until };
}

/** Which setting has its key, as `settings.vendors.key_setting` has it. @param {string} name as in `deepl.2` */
function keySetting(name) {
  const [family, ...rest] = name.split(".");
  const number = Number(rest[rest.length - 1]);
  if (number) return `fallback.${family}.${number - 2}.api_key`;
  return family in VENDORS ? `${family.toUpperCase()}_API_KEY` : `vendors.${family}.api_key`;
}

/** @param {string} vendor @param {string} variable @param {boolean} local @param {string} kind @param {number | null} status */
function mend(vendor, variable, local, kind, status) {
  const code = status ? ` (${status})` : "";
  if (local && kind !== "busy") return { cause: `${vendor} on this machine does not answer${code}.`, todo: "Look into translink's log. Restarting translink starts the engines again." };
  if (status === 402) return { cause: `${vendor} wants to be paid first${code}.`, todo: `Add credit to the ${vendor} account. translink notices by itself.` };
  if (status === 456) return { cause: `${vendor}'s quota is used up${code}.`, todo: `Raise the quota, or set another key in ${variable} and restart translink.` };
  if (status === 403 && vendor === VENDORS.deepgram) return { cause: `${vendor} does not let this key do that${code}.`, todo: `Choose another model or voice (deepgram.model, pieces_model, voices), or set a key that may use them in ${variable}, and restart translink.` };
  if (status === 403 && vendor === VENDORS.deepl) return { cause: `${vendor} refused the key${code}.`, todo: `Set ${variable} to a valid key, or DEEPL_SERVER_URL to its host: one that ends in :fx is of api-free.deepl.com, others of api.deepl.com. Then restart translink.` };
  if (kind === "denied") return { cause: `${vendor} refused the key${code}.`, todo: `Set ${variable} to a valid key and restart translink.` };
  if (kind === "busy") return { cause: `${vendor} wants fewer requests${code}.`, todo: `translink asks again by itself. If this lasts, raise the limit of the ${vendor} account.` };
  return { cause: `${vendor} does not answer${code}.`, todo: `translink keeps trying. Check this machine's network and ${vendor}'s status page.` };
}

/** @param {string} text */
const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** a, b and c. @param {string[]} names */
const listed = (names) => (names.length > 1 ? `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}` : (names[0] ?? ""));

/** `deepgram.listen` in words. @param {string} name */
export function provider(name) {
  const [family, ...rest] = name.split(".");
  const vendor = { ...VENDORS, offline: "Local" }[/** @type {keyof VENDORS} */ (family)];
  if (!vendor) return name;
  return [vendor, ...rest.map((part) => PARTS[/** @type {keyof PARTS} */ (part)] ?? part)].join(" ");
}

export class Banner {
  /** @param {Element} into @param {import("./store.js").Store} store */
  constructor(into, store) {
    this._into = into;
    this._store = store;
    this._cut = "";
    this._list = h("div.troubles", { role: "alert" });
    // Figures that change every second stand outside of what is read aloud.
    this._waiting = h("dd");
    this._lost = h("dd");
    this._figures = h("dl.banner-figures", {},
      h("div", { title: WAITING }, h("dt", { text: "waiting" }), this._waiting),
      h("div", { title: LOST }, h("dt", { text: "lost" }), this._lost));
    into.append(this._list, this._figures);
  }

  /** The connection to the server, or "" while there is one. @param {string} text */
  connection(text) {
    this._cut = text;
    this.update();
  }

  /** Show what is new. @returns {"bad" | "warn" | ""} how bad it is */
  update() {
    const { system, config } = this._store;
    const all = this._cut ? [{ ...GONE, cause: this._cut }] : troubles(system, config);
    const level = all[0]?.level ?? "";
    /** @type {HTMLElement} */ (this._into).hidden = !all.length;
    mark(this._into, "data-level", level || null);
    while (this._list.children.length > Math.min(all.length, SHOWN)) this._list.lastElementChild.remove();
    all.slice(0, SHOWN).forEach((trouble, index) => fill(this._list.children[index] ?? this._list.appendChild(item()), trouble, this._store.now()));
    const { waiting, lost: gone } = this._store.totals();
    this._figures.hidden = !!this._cut;
    say(this._waiting, seconds(waiting));
    say(this._lost, lost(gone));
    mark(this._waiting, "data-warn", waiting > LONG_WAIT ? "" : null);
    mark(this._lost, "data-bad", gone > 0 ? "" : null);
    document.title = level === "bad" ? `${all[0].title} – translink` : "translink";
    return level;
  }
}

export const WAITING = "Speech that is kept but not recognised yet, in all running calls";
export const LOST = "Speech that was never recognised, since translink started";

/** @type {Trouble} */
const GONE = {
  level: "bad", title: "No connection to the server", cause: "", since: null, until: null, reason: "",
  means: "What you see may be old. Calls may well be going on.", todo: "This page keeps trying. Nothing need be done here.",
};

function item() {
  return h("article.trouble", {},
    h("p.trouble-head", {}, h("strong"), h("span.since")), h("p.trouble-means"), h("p.trouble-todo"), h("p.trouble-reason"));
}

/** @param {any} element @param {Trouble} trouble @param {number} now */
function fill(element, trouble, now) {
  const [head, means, todo, reason] = element.children;
  mark(element, "data-level", trouble.level);
  say(head.children[0], trouble.title);
  say(head.children[1], trouble.since === null ? "" : `since ${clock(trouble.since)}`);
  mark(head.children[1], "title", trouble.since === null ? null : `for ${duration(now - trouble.since)}`);
  say(means, [trouble.cause, trouble.means].filter(Boolean).join(" "));
  say(todo, trouble.todo);
  say(reason, trouble.reason);
}
