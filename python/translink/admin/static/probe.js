// How this page itself is doing: frames a second, and how late an event is shown. Shown in the system
// panel, so that a slow browser is not taken for a slow server.

const KEPT = 500;

export class Probe {
  constructor() {
    /** Milliseconds from an event's `at` to the frame that shows it; the server's clock is taken for ours. */
    this.delays = /** @type {number[]} */ ([]);
    this.frames = 0;
    this._pending = /** @type {number[]} */ ([]);
    this._since = performance.now();
    this._counted = 0;
    this._slowest = 0;
    this._last = 0;
  }

  /** An event is about to be shown with the next frame. @param {number} at Unix seconds */
  event(at) {
    if (this._pending.length < KEPT) this._pending.push(at);
  }

  /** Called once a frame, after drawing. @param {number} now of `requestAnimationFrame`
   * @returns {boolean} true once a second, when `frames` is new */
  frame(now) {
    const shown = Date.now() / 1000;
    for (const at of this._pending) this.delays.push(Math.max(0, (shown - at) * 1000));
    this._pending.length = 0;
    if (this.delays.length > KEPT) this.delays.splice(0, this.delays.length - KEPT);
    this._counted += 1;
    if (this._last) this._slowest = Math.max(this._slowest, now - this._last);
    this._last = now;
    const passed = performance.now() - this._since;
    if (passed < 1000) return false;
    this.frames = (this._counted * 1000) / passed;
    this.slowest = this._slowest;
    this._counted = this._slowest = 0;
    this._since = performance.now();
    return true;
  }

  /** Quantile of the delays, null when there are none. @param {number} q */
  delay(q) {
    if (!this.delays.length) return null;
    const sorted = [...this.delays].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(q * sorted.length) - 1)];
  }

  /** Milliseconds of the longest frame of the last second. @type {number} */
  slowest = 0;
}
