// The page to talk. Without a link it makes a talk (for people who may control the server); with one it asks for the
// language and the microphone, and connects. The link's token is behind the #, which no browser sends to a server.
//
// A call that ends leaves the talk: while the last words are being said the server is asked again every second.

import { Refused, get, post } from "./api.js";
import { byId, h, mark, say } from "./dom.js";
import { language as named } from "./format.js";
import { TalkCaptions } from "./talk-captions.js";
import { TalkLine } from "./talk-line.js";
import { startTheme } from "./theme.js";

const BUSY = 4503;
const AGAIN = 1_000; // ms
const DRAWN = 100; // ms
const LAST_WORDS = 500; // ms: the server hangs up as soon as it has sent them, and the ear has up to 400 in hand
const STATES = {
  idle: "A call from two browsers", connecting: "Connecting …", waiting: "Waiting for them …",
  talking: "Talking", over: "The call is over",
};

const captions = new TalkCaptions(byId("captions"));
const levels = { me: 0, other: 0 };
const line = new TalkLine({ message, level, over });
let token = location.hash.slice(1);
let language = "";
let again = 0;
let drawn = 0;

/** @param {keyof typeof STATES} name */
function state(name) {
  document.body.dataset.state = name;
  say(byId("state"), STATES[name]);
  const live = name === "connecting" || name === "waiting" || name === "talking";
  byId("live").hidden = !(live || (name === "over" && byId("captions").children.length));
  byId("join").hidden = live || !token;
  byId("begin").hidden = !!token;
  byId("invite").hidden = !history.state?.guest || name === "talking";
  for (const id of ["mute", "leave", "change"]) byId(id).disabled = !live;
}

/** @param {string} text empty: all is well */
function trouble(text) {
  byId("trouble").hidden = !text;
  say(byId("trouble"), text);
}

async function create() {
  try {
    const { links } = await post("/api/talks");
    const [mine, guest] = links.map((/** @type {string} */ link) => link.split("#")[1]);
    history.replaceState({ guest }, "", `/talk#${mine}`);
    token = mine;
    trouble("");
    invite();
    state("idle");
  } catch (error) {
    const reason = error instanceof Refused && error.status === 401 ? "Sign in on the dashboard first, or ask the people who run this server for a link." : String(error);
    trouble(reason);
  }
}

/** The other one's link, and whether another machine can use it. */
function invite() {
  if (!history.state?.guest) return;
  byId("link").value = `${location.origin}/talk#${history.state.guest}`;
  const here = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  byId("far").hidden = !here;
  say(byId("far"), "It works in another tab on this machine. For a telephone or another computer, serve HTTPS on an address it "
    + "reaches: translink serve --tls-self-signed --host 0.0.0.0, with admin.token set.");
}

async function go() {
  clearTimeout(again);
  trouble("");
  language = byId("language").value;
  localStorage.setItem("talk-language", language);
  byId("change").value = language;
  state("connecting");
  try {
    await line.begin(token, language);
  } catch (error) {
    line.end();
    state("idle");
    const name = error instanceof DOMException ? error.name : "";
    trouble(name === "NotAllowedError" ? "The browser was not allowed to use the microphone."
      : name === "NotFoundError" ? "There is no microphone." : `The microphone cannot be used: ${error}`);
  }
}

/** @param {any} said */
function message(said) {
  if (said.type !== "state") captions.take(said);
  else if (said.state !== "over") {
    if (said.state === "talking" && document.body.dataset.state !== "talking") captions.clear();
    if (line.muted) line.send({ muted: true });
    state(said.state);
  }
}

/** Connected no more. @param {number} code @param {string} reason */
function over(code, reason) {
  if (code === BUSY && document.body.dataset.state === "connecting") {
    say(byId("state"), `${reason} …`);
    again = setTimeout(go, AGAIN);
    return;
  }
  const connecting = document.body.dataset.state === "connecting";
  const waiting = document.body.dataset.state === "waiting";
  if (code === 1000 || code === 1005) {
    if (waiting) return void go(); // the other one left before the call began: wait for them anew
    state("over");
  } else {
    state(connecting ? "idle" : "over");
    trouble(reason || "The connection to the server broke.");
  }
  line.end(LAST_WORDS);
}

function leave() {
  clearTimeout(again);
  line.end();
  state("over");
}

function mute() {
  line.mute(!line.muted);
  mark(byId("mute"), "aria-pressed", String(line.muted));
  say(byId("mute"), line.muted ? "Muted" : "Mute");
}

/** Fifty times a second; shown ten times, and where it changed. @param {"me" | "other"} of @param {number} value */
function level(of, value) {
  levels[of] = Math.max(value, levels[of] * 0.9);
  const now = performance.now();
  if (now < drawn + DRAWN) return;
  drawn = now;
  for (const [which, loud] of Object.entries(levels)) {
    const shown = `${5 * Math.round(20 * loud)}%`;
    const meter = byId(`level-${which}`);
    if (meter.style.getPropertyValue("--level") !== shown) meter.style.setProperty("--level", shown);
  }
}

/** @param {string[]} codes */
function offer(codes) {
  const wanted = [localStorage.getItem("talk-language") ?? "", ...navigator.languages, ...navigator.languages.map((code) => code.split("-")[0])];
  const mine = wanted.find((code) => codes.includes(code)) ?? codes[0];
  for (const id of ["language", "change"]) {
    byId(id).replaceChildren(...codes.map((code) => h("option", { value: code, text: named(code) })));
    byId(id).value = mine;
  }
}

startTheme();
byId("create").addEventListener("click", create);
byId("go").addEventListener("click", go);
byId("mute").addEventListener("click", mute);
byId("leave").addEventListener("click", leave);
byId("change").addEventListener("change", () => {
  byId("language").value = language = byId("change").value;
  localStorage.setItem("talk-language", language);
  line.send({ language });
});
byId("copy").addEventListener("click", async () => {
  await navigator.clipboard?.writeText(byId("link").value);
  say(byId("copy"), "Copied");
});
addEventListener("hashchange", () => location.reload());
addEventListener("pagehide", () => line.end());
state("idle");
invite();
if (!navigator.mediaDevices) {
  byId("go").disabled = true;
  trouble("A browser gives a page the microphone only on localhost or over HTTPS. Start the server with "
    + "translink serve --tls-self-signed, and open this page with https.");
}
get("/api/talks/languages").then(({ languages }) => offer(languages), (error) => trouble(String(error.message)));
