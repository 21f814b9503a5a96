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
  }

  /** Ask for the microphone and connect. Throws what the browser throws. @param {string} token @param {string} language */
  async begin(token, language) {
    this._stream ??= await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 },
    });
    const context = (this._context ??= await this._sound(this._stream));
    await context.resume();
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

  /** Hang up, and give the microphone back. */
  end() {
    const socket = this._socket;
    this._socket = null;
    socket?.close(1000);
    for (const track of this._stream?.getTracks() ?? []) track.stop();
    this._context?.close();
    this._context = this._stream = null;
  }

  /** @param {MediaStream} stream */
  async _sound(stream) {
    const context = new AudioContext({ sampleRate: RATE });
    await context.audioWorklet.addModule("/static/talk-worklets.js");
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

/** 0 to 1 for -60 dB to 0. @param {Int16Array} samples */
function loudness(samples) {
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const decibels = 10 * Math.log10(sum / samples.length / 2 ** 30 + 1e-9);
  return Math.max(0, Math.min(1, 1 + decibels / 60));
}
