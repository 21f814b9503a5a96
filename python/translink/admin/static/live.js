// The live half of the API: one WebSocket, kept open. State is the server's: after every reconnection
// its first message has all of it, and what this page wants to watch is asked for again.

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8_000;
const WATCH_PAUSE = 100; // the server takes at most 20 messages a second
const SILENT_FOR = 15_000; // `system` comes once a second, so a silent server is a dead connection

/** @typedef {{calls: string[], levels: string[], events: "watched" | "all" | "none"}} Watch */

export class Live {
  /**
   * @param {(message: any) => void} take every message, parsed
   * @param {(state: "open" | "closed", why: string) => void} tell
   */
  constructor(take, tell) {
    this._take = take;
    this._tell = tell;
    this._pause = FIRST_PAUSE;
    this._socket = /** @type {WebSocket | null} */ (null);
    this._watch = "";
    this._asked = "";
    this._telling = 0;
    this._retrying = 0;
    this._silent = 0;
  }

  /** Connect now, whatever pause is running. */
  open() {
    clearTimeout(this._retrying);
    this._socket?.close();
    const socket = new WebSocket(`${location.origin.replace(/^http/, "ws")}/api/live`);
    this._socket = socket;
    socket.onmessage = (message) => {
      if (socket !== this._socket) return;
      this._alive();
      const value = JSON.parse(message.data);
      if (value.hello) this._asked = "";
      this._take(value);
      if (value.hello) this._opened();
    };
    socket.onclose = (event) => {
      if (socket === this._socket) this._closed(event.reason || (event.code === 1006 ? "" : `code ${event.code}`));
    };
    this._alive();
  }

  /** No more, until `open`. */
  close() {
    clearTimeout(this._retrying);
    clearTimeout(this._silent);
    const socket = this._socket;
    this._socket = null;
    socket?.close();
  }

  /** What is on screen. Cheap to call often: only changes are sent. @param {Watch} watch */
  watch(watch) {
    this._watch = JSON.stringify({ watch });
    if (this._telling) return;
    this._send();
    this._telling = window.setTimeout(() => this._again(), WATCH_PAUSE);
  }

  _again() {
    this._telling = 0;
    this._send();
  }

  _send() {
    if (this._socket?.readyState !== WebSocket.OPEN || this._watch === this._asked) return;
    this._socket.send(this._watch);
    this._asked = this._watch;
  }

  _opened() {
    this._pause = FIRST_PAUSE;
    this._tell("open", "");
    if (this._watch) this._send();
  }

  _alive() {
    clearTimeout(this._silent);
    this._silent = window.setTimeout(() => {
      const socket = this._socket;
      this._closed("the server fell silent");
      socket?.close();
    }, SILENT_FOR);
  }

  /** @param {string} why */
  _closed(why) {
    this._socket = null;
    clearTimeout(this._silent);
    this._tell("closed", why);
    // Many pages lose one server at the same moment and should not all come back at the same moment.
    const pause = this._pause * (0.75 + Math.random() / 2);
    this._pause = Math.min(this._pause * 2, LONGEST_PAUSE);
    this._retrying = window.setTimeout(() => this.open(), pause);
  }
}
