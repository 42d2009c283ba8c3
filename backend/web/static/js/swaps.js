// Parts of a page that htmx brings. What does not come is said; what is no part of this page is never put into it.
import { refresh } from "./regions.js";
import { announce } from "./say.js";

export function startSwaps() {
  const on = (kind, act) => document.body.addEventListener(`htmx:${kind}`, act);
  on("beforeSwap", (event) => {
    if (!event.detail.xhr.responseURL || new URL(event.detail.xhr.responseURL).pathname !== "/sign-in") return;
    event.preventDefault(); // the sign-in has ended: its page would take the list away, and nothing would seem to wait
    refresh().catch((error) => console.warn("The page was not refreshed.", error));
  });
  for (const kind of ["responseError", "sendError", "timeout"]) {
    on(kind, () => announce("Not shown. The server did not answer. Try again.", { shown: true }));
  }
}
