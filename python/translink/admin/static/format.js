// How figures are written. Every function takes null for "not known" and writes a dash.

const DASH = "–";

/** @param {number | null | undefined} value */
const known = (value) => typeof value === "number" && Number.isFinite(value);

/** Length of a call: 0:07, 12:40, 1:02:03. @param {number | null | undefined} seconds */
export function duration(seconds) {
  if (!known(seconds)) return DASH;
  const all = Math.max(0, Math.floor(/** @type {number} */ (seconds)));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const hours = Math.floor(all / 3600);
  const minutes = Math.floor(all / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(all % 60)}` : `${minutes}:${two(all % 60)}`;
}

/** A delay, with three digits: 0.47 ms, 62 ms, 0.74 s. @param {number | null | undefined} ms */
export function delay(ms) {
  if (!known(ms)) return DASH;
  const value = /** @type {number} */ (ms);
  if (value >= 9_950) return `${(value / 1000).toFixed(1)} s`;
  if (value >= 595) return `${(value / 1000).toFixed(2)} s`;
  if (value >= 9.95) return `${Math.round(value)} ms`;
  return `${value.toFixed(value < 0.995 ? 2 : 1)} ms`;
}

/** Sound that was lost. Never rounded down to nothing. @param {number | null | undefined} ms */
export function lost(ms) {
  if (!known(ms)) return DASH;
  const value = Math.ceil(/** @type {number} */ (ms));
  return value < 10_000 ? `${value} ms` : `${(value / 1000).toFixed(1)} s`;
}

/** Speech that waits: 0 s, 4.2 s, 62 s. @param {number | null | undefined} ms */
export function seconds(ms) {
  if (!known(ms)) return DASH;
  const value = /** @type {number} */ (ms) / 1000;
  return value < 0.05 ? "0 s" : `${value.toFixed(value < 19.95 ? 1 : 0)} s`;
}

/** What became of a line that is not spoken, in words. */
const FATES = { final: "being translated", translated: "waits to be spoken", unspoken: "not spoken", untranslated: "not translated",
  captions: "text only", skipped: "left out to catch up", through: "heard in the original" };

/** @param {string} state of a line */
export const fate = (state) => FATES[/** @type {keyof FATES} */ (state)] ?? state;

/** @param {number | null | undefined} value @param {number} [digits] */
export function number(value, digits = 0) {
  if (!known(value)) return DASH;
  return /** @type {number} */ (value).toLocaleString("en", {
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  });
}

/** Time of day with seconds, here. @param {number} unix */
export function clock(unix) {
  const at = new Date(unix * 1000);
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

const names = new Intl.DisplayNames(["en"], { type: "language", fallback: "code" });

/** `fr` → French. @param {string | null | undefined} code */
export function language(code) {
  if (!code) return DASH;
  try {
    return names.of(code) ?? code;
  } catch {
    return code; // not a code that browsers know, as "multi"
  }
}
