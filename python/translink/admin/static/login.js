// Signing in: a server with a token wants it here. The token becomes a session cookie that scripts cannot read;
// this page keeps nothing of it.

import { get, post, Refused, whenLoggedOut } from "./api.js";
import { byId, h } from "./dom.js";

/** @param {() => void} entered called after a login that worked */
export function startLogin(entered) {
  const dialog = byId("login");
  const token = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true, id: "token", maxlength: "512" });
  const wrong = h("p.bad", { role: "alert" });
  const button = h("button.primary", { text: "Sign in" });
  dialog.append(h("form", { method: "dialog", onsubmit: submit }, h("h2", { id: "login-title", text: "translink" }),
    // Password managers want a name to go with it.
    h("input", { type: "text", autocomplete: "username", value: "translink", hidden: true, tabindex: "-1", "aria-hidden": "true" }),
    h("label", { for: "token", text: "Token" }), token, wrong, button));
  dialog.addEventListener("cancel", (/** @type {Event} */ event) => event.preventDefault());
  whenLoggedOut(() => {
    if (!dialog.open) dialog.showModal();
  });
  byId("sign-out").addEventListener("click", async () => {
    await post("/logout").catch(() => null);
    location.reload();
  });

  /** @param {Event} event */
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    wrong.textContent = "";
    try {
      await post("/login", { token: token.value });
      token.value = "";
      dialog.close();
      await mayLook();
      entered();
    } catch (error) {
      wrong.textContent = error instanceof Refused ? error.message : String(error);
    } finally {
      button.disabled = false;
    }
  }
}

/** Ask whether this browser may look; opens the login when not. @returns {Promise<boolean>} */
export async function mayLook() {
  try {
    const session = await get("/api/session");
    byId("sign-out").hidden = !session.token_needed;
    return true;
  } catch (error) {
    return !(error instanceof Refused && error.status === 401);
  }
}
