// A control that changes something at the server. It never shows what was asked for as if it were so:
// pending until the answer, then whatever the answer says, or the reason of the refusal.

import { byId, h, mark } from "./dom.js";
import { Refused } from "./api.js";

const NOTE_FOR = 6_000;
const NOTES = 4;
const CHOOSING_FOR = 15_000;

/** What was asked of a control while it was pending: the last wish only. @type {WeakMap<Element, () => void>} */
const wishes = new WeakMap();

/**
 * Ask, and show that it is being asked. Asked again meanwhile, it asks again afterwards, for the newest wish.
 * @param {Element} control gets `aria-busy`, and `data-refused` with the reason
 * @param {string} what in words, as in "mute 3333"
 * @param {() => Promise<unknown>} asking sends it and takes the answer in
 * @param {() => void} [settle] show what is so, confirmed or refused
 */
export async function ask(control, what, asking, settle = () => {}) {
  if (control.getAttribute("aria-busy") === "true") {
    wishes.set(control, () => ask(control, what, asking, settle));
    return;
  }
  mark(control, "aria-busy", "true");
  mark(control, "data-refused", null);
  try {
    await asking();
    mark(control, "data-confirmed", "");
    setTimeout(() => mark(control, "data-confirmed", null), 900);
  } catch (error) {
    const reason = error instanceof Refused ? error.message : String(error);
    mark(control, "data-refused", reason);
    note(`Could not ${what}: ${reason}`, "bad");
  }
  mark(control, "aria-busy", null);
  const wish = wishes.get(control);
  wishes.delete(control);
  (wish ?? settle)();
}

/** Have a select show what is so, except while somebody chooses in it: from a touch or a key to the choice, or until it is
 * left. The focus alone says nothing, since a select keeps it after the choice; nor does a touch for ever: one that is
 * closed with the choice that it had says nothing of it.
 * @param {HTMLSelectElement} select @returns {(value: string) => void} shows the value */
export function following(select) {
  let touched = -Infinity;
  for (const touch of ["pointerdown", "keydown"]) select.addEventListener(touch, () => (touched = performance.now()));
  for (const done of ["change", "blur"]) select.addEventListener(done, () => (touched = -Infinity));
  return (value) => {
    const choosing = performance.now() - touched < CHOOSING_FOR && document.activeElement === select;
    if (choosing || select.getAttribute("aria-busy") === "true") return;
    select.value = value;
  };
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
 * @param {(button: Element) => void} act @returns {{button: HTMLButtonElement, disarm: () => void}} `disarm` takes the
 * first press back */
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
  return { button, disarm };
}
