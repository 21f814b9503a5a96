// What is there when no call is: where to send sound, and one command to try.

import { h, say } from "./dom.js";
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
    const { legs = [] } = this._store.config;
    const now = JSON.stringify(legs);
    if (now === this._shown) return;
    this._shown = now;
    this._table.hidden = this._try.hidden = !legs.length;
    this._legs.replaceChildren(...legs.map((/** @type {any} */ leg) => h("tr", {},
      h("th", { scope: "row", text: leg.name }), h("td", { text: language(leg.language) }),
      h("td", {}, h("code", { text: leg.listen })), h("td", {}, h("code", { text: hears(leg) })))));
    const command = `translink call --leg ${legs[0]?.name ?? ""} --play hello.wav`;
    say(this._command, command);
    say(this._again, command);
  }

  _again = /** @type {any} */ (null);
}

/** Where a leg's sound comes out. @param {any} leg */
const hears = (leg) => leg.play_to ?? "where its sound comes from";
