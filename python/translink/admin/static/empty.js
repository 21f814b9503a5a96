// What is there when no call is: where to send sound, and one command to try.

import { h } from "./dom.js";
import { language } from "./format.js";

export class Empty {
  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this._store = store;
    this._shown = "";
    this._legs = h("tbody");
    this._table = h("table.ports", { hidden: true },
      h("thead", {}, h("tr", {}, ...["Leg", "Language", "Send sound to", "Hear it at"].map((text) => h("th", { scope: "col", text })))),
      this._legs);
    this._command = h("code");
    this._try = h("p.try", { hidden: true }, "Try it with any WAV file:", this._command);
    this.element = h("div.empty", {}, h("h2", { text: "No call yet" }),
      h("p", { text: "A call begins when sound arrives on a leg." }),
      h("p.try", {}, h("a", { href: "/talk", text: "Talk from two browsers" }), ": yours and another tab, or a telephone's."),
      this._table, this._try);
    /** Beside the last call, when that is shown instead. */
    this.beside = h("p.last-call", { hidden: true }, "No call is running. This is the last one. To begin another: ", (this._again = h("code")),
      " ", h("a", { href: "/talk", text: "Talk from two browsers" }));
  }

  /** Show what is new. @param {boolean} last the last call is shown */
  update(last) {
    this.beside.hidden = !last;
    const { legs = [], pairs = [] } = this._store.config;
    const now = JSON.stringify([legs, pairs]);
    if (now === this._shown) return;
    this._shown = now;
    this._table.hidden = this._try.hidden = !legs.length;
    this._legs.replaceChildren(...legs.map((/** @type {any} */ leg) => h("tr", {},
      h("th", { scope: "row", text: leg.name }), h("td", { text: language(leg.language) }),
      h("td", {}, h("code", { text: leg.listen })), h("td", {}, h("code", { text: hears(leg) })))));
    const command = `translink call --leg ${legs[0]?.name ?? ""} --play hello.wav${alone(this._store.config)}`;
    for (const code of [this._command, this._again]) code.replaceChildren(...whole(command));
  }

  _again = /** @type {any} */ (null);
}

/** Words that are not cut at their hyphens. @param {string} text */
const whole = (text) => text.split(" ").flatMap((word, place) => [place ? " " : "", h("span.whole", { text: word })]);

/** Somebody who calls alone hears their words, translated, at the other leg's ear: where that is on this machine.
 * @param {any} config */
function alone({ legs = [], pairs = [] }) {
  const pair = pairs.find((/** @type {string[]} */ each) => each.includes(legs[0]?.name)) ?? [];
  const other = legs.find((/** @type {any} */ leg) => leg !== legs[0] && pair.includes(leg.name));
  return /^(127\.|\[::1\])/.test(other?.play_to ?? "") ? ` --ear ${other.play_to}` : "";
}

/** Where a leg's sound comes out. @param {any} leg */
const hears = (leg) => leg.play_to ?? "where its sound comes from";
