// Listening in: the sound of one side of a call, in this browser. Only where the server's settings allow it and
// the role is control. Meanwhile every page marks the call. One at a time.

import { note } from "./controls.js";
import { h, mark, say } from "./dom.js";

const RATE = 16_000;
const AHEAD = 0.12; // seconds kept in hand against a network that stutters
const MOST_AHEAD = 0.6;

export class Listening {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    this._buttons = new Set();
    this._socket = /** @type {WebSocket | null} */ (null);
    this._context = /** @type {AudioContext | null} */ (null);
    this._what = "";
    /** Seconds of sound received. */
    this.received = 0;
  }

  /** A button that starts and stops it. @param {string} leg @param {"said" | "heard"} of */
  button(leg, of) {
    const what = `${leg} ${of}`;
    const button = h("button", {
      type: "button", "aria-pressed": "false", text: "Listen", hidden: true, "data-what": what,
      "aria-label": `Listen to what ${leg} ${of === "said" ? "says" : "hears"}`,
      onclick: () => (this._what === what ? this.stop() : this._start(leg, of)),
    });
    this._buttons.add(new WeakRef(button));
    return button;
  }

  /** Show and hide the buttons. */
  update() {
    const allowed = this._store.controls && !!this._store.hello?.listen_in;
    for (const reference of this._buttons) {
      const button = reference.deref();
      if (!button) {
        this._buttons.delete(reference);
        continue;
      }
      button.hidden = !allowed;
      const on = button.dataset.what === this._what;
      mark(button, "aria-pressed", String(on));
      say(button, on ? "Stop" : "Listen");
    }
  }

  stop() {
    this._socket?.close();
    this._context?.close();
    this._socket = this._context = null;
    this._what = "";
    this.update();
  }

  /** @param {string} leg @param {"said" | "heard"} of */
  _start(leg, of) {
    this.stop();
    this._what = `${leg} ${of}`;
    const context = new AudioContext({ sampleRate: RATE });
    const url = `${location.origin.replace(/^http/, "ws")}/api/legs/${encodeURIComponent(leg)}/audio?of=${of}`;
    const socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    let next = 0;
    socket.onmessage = (message) => {
      if (!(message.data instanceof ArrayBuffer)) return;
      const samples = new Int16Array(message.data, 0, message.data.byteLength >> 1);
      if (!samples.length) return;
      this.received += samples.length / RATE;
      const buffer = context.createBuffer(1, samples.length, RATE);
      const into = buffer.getChannelData(0);
      for (let index = 0; index < samples.length; index += 1) into[index] = samples[index] / 32_768;
      const now = context.currentTime;
      if (next < now || next > now + MOST_AHEAD) next = now + AHEAD;
      const source = context.createBufferSource();
      source.buffer = buffer;
      source.connect(context.destination);
      source.start(next);
      next += buffer.duration;
    };
    socket.onclose = (event) => {
      if (socket !== this._socket) return;
      note(`Listening ended${event.reason ? `: ${event.reason}` : ""}`, event.code === 1000 ? "" : "bad");
      this.stop();
    };
    this._socket = socket;
    this._context = context;
    this.update();
  }
}
