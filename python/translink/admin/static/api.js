// The REST half of the API. A refusal is an exception with the server's own words.

/** The server said no, or nothing. `status` is 0 when it could not be reached. */
export class Refused extends Error {
  /** @param {number} status @param {string} reason */
  constructor(status, reason) {
    super(reason);
    this.status = status;
  }
}

/** Called when an answer was 401. */
let onLoggedOut = () => {};

/** @param {() => void} handler */
export function whenLoggedOut(handler) {
  onLoggedOut = handler;
}

/** @param {string} path @returns {Promise<any>} */
export const get = (path) => ask("GET", path);

/** @param {string} path @param {object} [body] @returns {Promise<any>} */
export const post = (path, body = {}) => ask("POST", path, body);

/** @param {string} path @param {object} body @returns {Promise<any>} */
export const patch = (path, body) => ask("PATCH", path, body);

/** @param {string} method @param {string} path @param {object} [body] @returns {Promise<any>} */
async function ask(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: body ? { "Content-Type": "application/json" } : {},
      body: body ? JSON.stringify(body) : undefined,
      credentials: "same-origin",
      signal: AbortSignal.timeout(10_000),
    });
  } catch {
    throw new Refused(0, "the server does not answer");
  }
  const answer = await response.json().catch(() => null);
  if (response.status === 401 && path !== "/login") onLoggedOut();
  if (!response.ok) throw new Refused(response.status, answer?.error ?? `${response.status} ${response.statusText}`);
  // Broken off, or too late: half an answer is none.
  if (answer === null) throw new Refused(0, "the server's answer broke off");
  return answer;
}
