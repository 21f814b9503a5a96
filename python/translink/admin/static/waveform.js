// The outline of a sound: the least and the greatest value of every 20 ms, as the media core measures it.
// 50 pairs a second, two minutes kept; a page never sees the sound itself. The server says when the first pair of
// each message was. So a sound that comes late, or after a pause, is drawn where it happened.

export const PER_SECOND = 50;
const KEPT = 120 * PER_SECOND;

/** Full height of a value 0 to 127. Speech is quiet most of the time: a power makes it visible, and leaves loud
 * louder than soft. */
const HEIGHTS = Float32Array.from({ length: 129 }, (_, value) => Math.min(1, value / 127) ** 0.6);

export class Envelope {
  constructor() {
    /** Unix seconds of slot 0; null before the first pair. @type {number | null} */
    this._zero = null;
    this._pairs = new Int8Array(2 * KEPT);
    /** Number of the slot after the newest one. Slots are 20 ms each of the server's monotonic clock. */
    this.next = 0;
    this._first = 0;
  }

  /**
   * Take pairs as the server sends them.
   * @param {number} first slot of the first pair
   * @param {string} text base64 of int8 pairs: least, greatest
   * @param {number} at Unix seconds of the first pair
   */
  push(first, text, at) {
    const bytes = atob(text);
    const count = bytes.length >> 1;
    if (!count) return;
    // A gap of a whole ring, or a leg that began anew: nothing of what is kept is of use.
    if (first + count < this.next || first - this.next > KEPT || this.next === 0) this._restart(first);
    for (let slot = this.next; slot < first; slot += 1) this._set(slot, 0, 0);
    for (let index = 0; index < count; index += 1) {
      this._set(first + index, signed(bytes.charCodeAt(2 * index)), signed(bytes.charCodeAt(2 * index + 1)));
    }
    this.next = Math.max(this.next, first + count);
    this._first = Math.max(this._first, this.next - KEPT);
    this._zero = at - first / PER_SECOND;
  }

  /** Unix seconds of a slot's beginning; null before the first pair. @param {number} slot */
  time(slot) {
    return this._zero === null ? null : this._zero + slot / PER_SECOND;
  }

  /**
   * The greatest swing, 0 to 1, since a moment.
   * @param {number} from Unix seconds
   */
  peak(from) {
    if (this._zero === null) return 0;
    let most = 0;
    for (let slot = Math.max(this._first, Math.floor((from - this._zero) * PER_SECOND)); slot < this.next; slot += 1) {
      const at = 2 * (slot % KEPT);
      most = Math.max(most, this._pairs[at + 1], -this._pairs[at]);
    }
    return most / 127;
  }

  /**
   * Add the outline between two moments to a path.
   * @param {CanvasRenderingContext2D | Path2D} path
   * @param {number} from Unix seconds @param {number} to
   * @param {(at: number) => number} x where a moment is drawn
   * @param {number} middle y of silence @param {number} half height of full swing
   */
  trace(path, from, to, x, middle, half) {
    const zero = this._zero;
    if (zero === null) return;
    const low = Math.max(this._first, Math.floor((from - zero) * PER_SECOND));
    const high = Math.min(this.next, Math.ceil((to - zero) * PER_SECOND));
    if (high <= low) return;
    const left = x(zero + low / PER_SECOND);
    const step = x(zero + (low + 1) / PER_SECOND) - left;
    for (let slot = low; slot < high; slot += 1) {
      const top = middle - Math.max(0.5, HEIGHTS[Math.max(0, this._pairs[2 * (slot % KEPT) + 1])] * half);
      path.lineTo(left + (slot - low) * step, top);
    }
    for (let slot = high - 1; slot >= low; slot -= 1) {
      const bottom = middle + Math.max(0.5, HEIGHTS[Math.max(0, -this._pairs[2 * (slot % KEPT)])] * half);
      path.lineTo(left + (slot - low) * step, bottom);
    }
  }

  /** @param {number} first */
  _restart(first) {
    this._pairs.fill(0);
    this._first = this.next = first;
  }

  /** @param {number} slot @param {number} least @param {number} greatest */
  _set(slot, least, greatest) {
    const at = 2 * (slot % KEPT);
    this._pairs[at] = least;
    this._pairs[at + 1] = greatest;
  }
}

/** @param {number} byte */
const signed = (byte) => (byte << 24) >> 24;
