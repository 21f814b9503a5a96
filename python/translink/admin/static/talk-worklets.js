// In the browser's audio thread: the microphone in pieces of 20 ms, and the ear's buffer. Both at the context's 16 kHz.
//
// The buffer begins with `FIRST` of sound in hand; each time that it runs dry it wants twice as much, up to `LAST`, and
// is refilled to that. After a network that stood
// still too much waits: then silence is left out, so that it is on time again in the next pause and no word is lost.
// When more than `MOST` waits, the oldest goes.


const PIECE = 320;
const FIRST = 1_280; // 80 ms
const LAST = 6_400; // 400 ms
const MORE = 3_200; // 200 ms above what is wanted is enough
const MOST = 64_000; // 4 s

/** @type {any} */
const Processor = /** @type {any} */ (globalThis).AudioWorkletProcessor;
/** @type {any} */
const register = /** @type {any} */ (globalThis).registerProcessor;

class Mouth extends Processor {
  constructor() {
    super();
    this._piece = new Int16Array(PIECE);
    this._filled = 0;
  }

  /** @param {Float32Array[][]} inputs */
  process(inputs) {
    const samples = inputs[0][0];
    if (!samples) return true;
    for (const sample of samples) {
      this._piece[this._filled] = Math.max(-32_768, Math.min(32_767, Math.round(sample * 32_768)));
      this._filled += 1;
      if (this._filled === PIECE) {
        this.port.postMessage(this._piece.buffer, [this._piece.buffer]);
        this._piece = new Int16Array(PIECE);
        this._filled = 0;
      }
    }
    return true;
  }
}

class Ear extends Processor {
  constructor() {
    super();
    /** @type {Int16Array[]} */
    this._waiting = [];
    this._at = 0;
    this._held = 0;
    this._wanted = FIRST;
    this._playing = false;
    this.port.onmessage = (/** @type {MessageEvent} */ { data }) => {
      const piece = new Int16Array(data);
      if (this._held > this._wanted + MORE && piece.every((sample) => sample === 0)) return;
      this._waiting.push(piece);
      this._held += piece.length;
      while (this._held > MOST) {
        this._held -= this._waiting[0].length - this._at;
        this._waiting.shift();
        this._at = 0;
      }
    };
  }

  /** @param {unknown} _ @param {Float32Array[][]} outputs */
  process(_, outputs) {
    const into = outputs[0][0];
    if (!this._playing && this._held >= this._wanted) this._playing = true;
    if (!this._playing) return true;
    for (let index = 0; index < into.length; index += 1) {
      const piece = this._waiting[0];
      if (!piece) {
        this._playing = false;
        this._held = 0;
        this._wanted = Math.min(LAST, 2 * this._wanted);
        break;
      }
      into[index] = piece[this._at] / 32_768;
      this._at += 1;
      this._held -= 1;
      if (this._at === piece.length) {
        this._waiting.shift();
        this._at = 0;
      }
    }
    return true;
  }
}

register("mouth", Mouth);
register("ear", Ear);
