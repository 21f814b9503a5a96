// A control that changes something at the server. It never shows what was asked for as if it were so:
// pending until the answer, then whatever the answer says, or the reason of the refusal.

import { byId, h, mark } from "./dom.js";
import { Refused } from "./api.js";

const NOTE_FOR = 6_000;
const NOTES = 4;

/**
 * Ask, and show that it is being asked.
 * @template T
 * @param {Element} control gets `aria-busy`, and `data-refused` with the reason
 * @param {string} what in words, as in "mute 3333"
 * @param {() => Promise<T>} asking
 * @returns {Promise<T | null>} null when refused
 */
export async function ask(control, what, asking) {
  if (control.getAttribute("aria-busy") === "true") return null;
  mark(control, "aria-busy", "true");
  mark(control, "data-refused", null);
  try {
    const answer = await asking();
    mark(control, "data-confirmed", "");
    setTimeout(() => mark(control, "data-confirmed", null), 900);
    return answer;
  } catch (error) {
    const reason = error instanceof Refused ? error.message : String(error);
    mark(control, "data-refused", reason);
    mark(control, "title", reason);
    note(`Could not ${what}: ${reason}`, "bad");
    return null;
  } finally {
    mark(control, "aria-busy", null);
  }
}

/** A line at the foot of the page, read aloud, that goes away by itself.
 * @param {string} text @param {"" | "bad"} [kind] */
export function note(text, kind = "") {
  const notes = byId("notes");
  const item = h("p", { text, class: kind || null });
  notes.append(item);
  while (notes.children.length > NOTES) notes.firstElementChild.remove();
  setTimeout(() => item.remove(), NOTE_FOR);
}

/** A button that wants a second press within 3 s, for what cannot be taken back.
 * @param {string} text @param {string} sure what it then says
 * @param {(button: Element) => void} act @returns {HTMLButtonElement} */
export function twice(text, sure, act) {
  let armed = 0;
  const button = h("button", { type: "button", class: "danger", text, onclick: press });
  function press() {
    if (armed) {
      disarm();
      act(button);
    } else {
      button.textContent = sure;
      button.classList.add("armed");
      armed = window.setTimeout(disarm, 3_000);
    }
  }
  function disarm() {
    clearTimeout(armed);
    armed = 0;
    button.textContent = text;
    button.classList.remove("armed");
  }
  return button;
}
