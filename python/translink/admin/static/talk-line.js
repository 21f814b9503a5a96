// One connection of a talk: microphone → worklet → WebSocket, and back to the ear. It knows nothing of the page.

const RATE = 16_000;

/** @typedef {{message: (message: any) => void, level: (of: "me" | "other", level: number) => void,
 *   over: (code: number, reason: string) => void}} Heard */

export class TalkLine {
  /** @param {Heard} heard */
  constructor(heard) {
    this._heard = heard;
    this.muted = false;
    this._socket = /** @type {WebSocket | null} */ (null);
    this._context = /** @type {AudioContext | null} */ (null);
    this._stream = /** @type {MediaStream | null} */ (null);
    /** Counts the hang-ups: what began before one must not go on behind it. */
    this._turn = 0;
  }

  /** Ask for the microphone and connect, unless `end` comes meanwhile: a browser's question stays open behind it.
   * Throws what the browser throws. @param {string} token @param {string} language */
  async begin(token, language) {
    const turn = this._turn;
    try {
      const context = await this._prepare(turn);
      if (context === null) return;
      await context.resume();
    } catch (error) {
      if (turn === this._turn) throw error;
    }
    if (turn === this._turn) this._connect(token, language);
  }

  /** The sound of the microphone; null if that is not wanted any more. @param {number} turn */
  async _prepare(turn) {
    const stream = this._stream ?? (await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    }));
    if (turn !== this._turn) {
      release(stream);
      return null;
    }
    this._stream = stream;
    const context = this._context ?? (await this._sound(stream, turn));
    if (turn !== this._turn) {
      await context.close();
      return null;
    }
    this._context = context;
    return context;
  }

  /** @param {string} token @param {string} language */
  _connect(token, language) {
    const query = `language=${encodeURIComponent(language)}`;
    const url = `${location.origin.replace(/^http/, "ws")}/api/talks/audio?${query}`;
    const socket = new WebSocket(url, ["translink.talk", `talk.${token}`]);
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data }) => {
      if (typeof data === "string") {
        this._heard.message(JSON.parse(data));
        return;
      }
      this._heard.level("other", loudness(new Int16Array(data)));
      this._ear.port.postMessage(data, [data]);
    };
    socket.onclose = (event) => {
      if (socket !== this._socket) return;
      this._socket = null;
      this._heard.over(event.code, event.reason);
    };
    this._socket = socket;
  }

  /** @param {object} message */
  send(message) {
    if (this._socket?.readyState === WebSocket.OPEN) this._socket.send(JSON.stringify(message));
  }

  /** @param {boolean} muted */
  mute(muted) {
    this.muted = muted;
    this.send({ muted });
  }

  /** Hang up, and give the microphone back. For `rest` milliseconds what has come is still heard. @param {number} [rest] */
  end(rest = 0) {
    this._turn += 1;
    const socket = this._socket;
    const context = this._context;
    this._socket = null;
    socket?.close(1000);
    release(this._stream);
    this._context = this._stream = null;
    if (rest > 0) setTimeout(() => context?.close(), rest);
    else context?.close();
  }

  /** @param {MediaStream} stream @param {number} turn */
  async _sound(stream, turn) {
    const context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule("/static/talk-worklets.js");
    if (turn !== this._turn) return context; // what it plays through may be the next turn's
    const mouth = new AudioWorkletNode(context, "mouth", { numberOfOutputs: 0 });
    this._ear = new AudioWorkletNode(context, "ear", { numberOfInputs: 0, outputChannelCount: [1] });
    mouth.port.onmessage = ({ data }) => {
      const samples = new Int16Array(data);
      if (this.muted) samples.fill(0);
      this._heard.level("me", loudness(samples));
      // What a network has not taken for 5 s is not followed by more.
      if (this._socket?.readyState === WebSocket.OPEN && this._socket.bufferedAmount < 10 * RATE) this._socket.send(data);
    };
    context.createMediaStreamSource(stream).connect(mouth);
    this._ear.connect(context.destination);
    return context;
  }

  _ear = /** @type {any} */ (null);
}

/** Give the microphone back. @param {MediaStream | null} stream */
function release(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

/** 0 to 1 for -60 dB to 0. @param {Int16Array} samples */
function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length / 2 ** 30 + 1e-9);
  return Math.max(0, Math.min(1, 1 + decibels / 60));
}
