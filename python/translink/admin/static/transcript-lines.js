// A line of a transcript: a segment of speech and what the events say of its journey. Also what a row and an event
// need before the store takes them.

const UNSPOKEN = { flushed: "flushed" };
/** Shown and not spoken, on purpose. */
const SHOWN = ["captions", "skipped", "through"];
const STATES = ["final", "translated", "spoken", "untranslated", "unspoken", ...SHOWN];

/**
 * @typedef {object} TranscriptLine one segment of speech and what became of it; times are Unix seconds
 * @property {string} leg @property {number} segment
 * @property {number | null} start @property {number | null} end when it was said
 * @property {string} text @property {string | null} translation
 * @property {string} state final | translated | spoken | unspoken | untranslated | captions | skipped | through
 * @property {Record<string, number>} at when it became final, translated, spoken, finished
 * @property {number | null} toEar mouth-to-ear, ms, as the server counted it
 * @property {string | null} reason why it was not translated or not spoken
 */
/** @typedef {Record<string, any>} Row */

/** @param {TranscriptLine} line @param {Row} event */
export function become(line, event) {
  if (event.type === "translation") {
    line.translation = event.text;
    line.at.translated = event.at;
    line.state = "translated";
  } else if (event.type === "untranslated") {
    line.state = "untranslated";
    line.reason = event.reason ?? null;
  } else if (event.type === "speech" && event.state === "started") {
    line.at.spoken = event.at;
    line.state = "spoken";
    line.toEar = event.ms?.mouth_to_ear ?? null;
  } else if (event.type === "speech" && SHOWN.includes(event.state)) {
    line.state = event.state;
  } else if (event.type === "speech") {
    line.at.finished = event.at;
    if (event.state !== "finished") {
      line.state = "unspoken";
      line.reason = event.reason ?? UNSPOKEN[/** @type {keyof UNSPOKEN} */ (event.state)] ?? null;
    }
  }
}

/** One line of two accounts of it. @param {TranscriptLine} line @param {TranscriptLine} known @returns {TranscriptLine} */
export function further(line, known) {
  const ahead = STATES.indexOf(known.state) > STATES.indexOf(line.state) ? known : line;
  return {
    ...ahead,
    translation: line.translation ?? known.translation,
    at: { ...line.at, ...known.at },
    toEar: known.toEar,
    reason: known.reason ?? line.reason,
  };
}

/** The legs of a call in an order of their own. The server names the one that was heard first, and colours must
 * not change with that. @param {Row} row @returns {Row} */
export function inOrder(row) {
  const legs = row.legs ?? [];
  const by = legs.map((/** @type {string} */ _, /** @type {number} */ index) => index)
    .sort((/** @type {number} */ one, /** @type {number} */ two) => legs[one].localeCompare(legs[two], "en", { numeric: true }));
  const sorted = (/** @type {any[] | undefined} */ values) => values && by.map((/** @type {number} */ index) => values[index]);
  return { ...row, legs: sorted(legs), languages: sorted(row.languages), modes: sorted(row.modes) };
}

/** What makes an event that one. @param {Row} event */
export const identity = (event) => [event.at, event.type, event.call, event.leg, event.segment, event.state, event.provider].join();

/** @param {TranscriptLine} line */
export const key = (line) => `${line.leg}/${line.segment}`;

/** An interim may already be ahead of the final that comes. @param {string} firm @param {string | undefined} text */
export const longer = (firm, text) => (text && text.startsWith(firm) ? text : firm);

/** As `translink.text.sentences.join`: nothing stands between two stretches of Chinese, Japanese or Thai.
 * @param {string} left @param {string} right */
export function joined(left, right) {
  const gap = UNSPACED.test(left.slice(-1)) && UNSPACED.test(right.slice(0, 1)) ? "" : " ";
  return left && right ? left + gap + right : left || right;
}

const UNSPACED = /[\u0e00-\u0e7f\u3000-\u30ff\u3400-\u9fff\uff00-\uff64]/;
