// Everything on a session page belongs to one session. What comes for another one is never shown: silently while the
// person is on the way to another page, and told to the server with both ids when nobody expected it.
let leaving = false;

export function startKeyed() {
  addEventListener("pagehide", () => (leaving = true));
  addEventListener("pageshow", () => (leaving = false));
}

/** The person is about to see another session: answers that still come for this one are expected, and dropped. */
export function expectSwitch() {
  leaving = true;
}

/** True when an answer is of the session on the page. `source`: refresh, stream, reply or form. */
export function belongs(session, source) {
  const shown = document.body.dataset.session;
  if (!shown || session === shown) return true;
  if (!leaving) report(shown, session ?? "", source);
  return false;
}

function report(shown, got, source) {
  console.warn(`An answer of session ${got || "none"} came to the page of session ${shown} and was dropped.`);
  const body = new URLSearchParams({ csrf: document.body.dataset.csrf, source, shown, got });
  fetch("/client-reports", { method: "POST", body, headers: { "X-FlowPilot-Script": "1" }, keepalive: true }).catch(() => undefined);
}
