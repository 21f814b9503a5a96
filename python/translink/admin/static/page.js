"use strict";
// Text from callers and providers goes into the page as text, never as markup.
const MOST = 200;
const $ = (id) => document.getElementById(id);
const token = () => sessionStorage.getItem("token") || "";
const interims = new Map();

async function api(path) {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  const response = await fetch(path, { headers });
  $("sign-in").hidden = response.status !== 401;
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function cell(row, value) {
  row.insertCell().textContent = value ?? "–";
}

async function refresh() {
  try {
    const stats = await api("/api/stats");
    const rows = Object.entries(stats.legs || {}).map(([name, leg]) => {
      const row = document.createElement("tr");
      const stt = leg.stt || {};
      cell(row, name);
      cell(row, leg.language);
      cell(row, stt.mode);
      cell(row, stt.connections_active);
      cell(row, leg.datagrams_in);
      cell(row, leg.datagrams_out);
      cell(row, (leg.drops_kernel || 0) + (leg.drops_ring || 0));
      cell(row, stt.errors);
      return row;
    });
    $("legs").replaceChildren(...rows);
    const quality = stats.offline && "offline demo quality: no keys, local engines";
    $("state").textContent = [stats.mode, quality].filter(Boolean).join(" · ") || "running";
  } catch (error) {
    $("state").textContent = String(error.message || error);
  }
}

function line(event, kind, text) {
  const item = document.createElement("li");
  item.className = kind;
  const who = document.createElement("b");
  who.textContent = event.leg || "";
  item.append(who, text);
  return item;
}

function show(event) {
  const list = $("captions");
  const open = interims.get(event.leg);
  if (event.type === "interim") {
    const item = line(event, "interim", event.text || "");
    if (open) open.replaceWith(item);
    else list.prepend(item);
    interims.set(event.leg, item);
  } else if (event.type === "segment") {
    if (open) open.remove();
    interims.delete(event.leg);
    list.prepend(line(event, "segment", event.text || ""));
  } else if (event.type === "translation" || event.type === "untranslated") {
    list.prepend(line(event, event.type, event.text || ""));
  } else if (event.type === "loss") {
    list.prepend(line(event, "loss", `${Math.round(event.ms)} ms were lost`));
  } else if (event.type === "failover" || event.type === "breaker") {
    list.prepend(line(event, "notice", [event.type, event.to, event.reason].filter(Boolean).join(": ")));
  }
  while (list.children.length > MOST) list.lastElementChild.remove();
}

function base64url(text) {
  const bytes = String.fromCharCode(...new TextEncoder().encode(text));
  return btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

function listen(pause = 500) {
  const protocols = ["translink.events"];
  if (token()) protocols.push(`bearer.${base64url(token())}`);
  const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/events`, protocols);
  socket.onopen = () => { pause = 500; };
  socket.onmessage = (message) => show(JSON.parse(message.data));
  socket.onclose = () => setTimeout(listen, pause, Math.min(pause * 2, 10000));
}

$("sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value);
  $("token").value = "";
  refresh();
});
refresh();
setInterval(refresh, 2000);
listen();
