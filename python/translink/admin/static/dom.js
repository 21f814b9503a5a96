// Elements, made and changed. Text from callers and providers goes in as text, never as markup.

/**
 * @param {string} tag `div`, or with classes: `div.lane.muted`
 * @param {Record<string, unknown>} [props] attributes; `onclick` and the like are listeners,
 *   `text` is the content, false and null leave an attribute out
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {any} typed loosely: the caller knows what `tag` is
 */
export function h(tag, props = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (key === "text") element.textContent = String(value);
    else if (typeof value === "function") element.addEventListener(key.slice(2), /** @type {EventListener} */ (value));
    else element.setAttribute(key, value === true ? "" : String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** @param {string} id @returns {any} */
export const byId = (id) => document.getElementById(id);

/** Set text only when it changed: an unchanged write still costs layout.
 * @param {Element} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** The same for an attribute; null takes it away.
 * @param {Element} element @param {string} name @param {string | null} value */
export function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** A row of exclusive choices: radio buttons that look like one switch.
 * @param {Element} into has the role `radiogroup`
 * @param {Record<string, string>} choices value → what it is called
 * @param {(value: string) => void} choose
 * @returns {(value: string | null) => void} shows which is in force */
export function segmented(into, choices, choose) {
  const buttons = new Map();
  for (const [value, name] of Object.entries(choices)) {
    const button = h("button", {
      type: "button", role: "radio", "aria-checked": "false", text: name, "data-value": value,
      onclick: () => choose(value),
    });
    buttons.set(value, button);
    into.append(button);
  }
  into.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[/** @type {KeyboardEvent} */ (event).key];
    if (!step) return;
    event.preventDefault();
    const all = [...buttons.values()];
    const at = all.indexOf(document.activeElement);
    all[(at + step + all.length) % all.length].focus();
  });
  return (value) => {
    let focusable = buttons.values().next().value;
    for (const [each, button] of buttons) {
      mark(button, "aria-checked", String(each === value));
      if (each === value) focusable = button;
    }
    for (const button of buttons.values()) mark(button, "tabindex", button === focusable ? "0" : "-1");
  };
}
