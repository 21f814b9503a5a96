// What is drawn on: a canvas in CSS pixels, and the stretch of time that is on it.

export const FONT = '11px Inter, system-ui, "Liberation Sans", sans-serif';

/** Which stretch of time is on screen, and where. */
export class Viewport {
  /** @param {number} now @param {number} pixels a second @param {number} nowX @param {number} width @param {number} anchor */
  constructor(now, pixels, nowX, width, anchor) {
    this.now = now;
    this.pixels = pixels;
    this.nowX = nowX;
    this.width = width;
    this.anchor = anchor;
    this.from = now - nowX / pixels;
    this.to = now + (width - nowX) / pixels;
  }

  /** @param {number} at Unix seconds */
  x(at) {
    return this.nowX + (at - this.now) * this.pixels;
  }
}

/** A canvas's context, cleared, in CSS pixels.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height */
export function sized(canvas, width, height) {
  const ratio = Math.min(2, devicePixelRatio || 1);
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}
