// /pilot/{id}: the hand-off block, the strip, the context drawer. The conversation itself is chat.js.
import { later, startChat } from "./chat.js";
import { claim } from "./claim.js";
import { startClaimed } from "./claimed.js";
import { clockTime, now } from "./clock.js";
import { startContext } from "./context.js";
import { bindEscalate } from "./escalate.js";
import { onKey } from "./keys.js";

const LATE = 22000;

export function start() {
  startChat();
  startClaimed();
  startContext();
  guidance();
  drawer();
  foldStrip();
  lookWhenDue();
  lookWhenFree();
  followNotes();
  stripOffline();
  bindEscalate();
  document.addEventListener("fp:refreshed", bindEscalate);
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-claim]");
    if (!form) return;
    event.preventDefault();
    claim(form.dataset.escalationId, [form.querySelector("[data-claim-button]")]).then(({ outcome }) => outcome !== "won" && later());
  });
}

function drawer() {
  const aside = document.getElementById("context");
  const toggle = () => document.querySelector("[data-context-toggle]"); // drawn anew with what the session allows
  const set = (open) => {
    aside.classList.toggle("open", open);
    toggle()?.setAttribute("aria-expanded", String(open));
    if (open) aside.querySelector("a, button")?.focus();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-context-toggle]")) {
      set(!aside.matches(".open"));
      if (!aside.matches(".open")) toggle()?.focus();
    } else if (aside.matches(".open") && (!aside.contains(event.target) || event.target.closest("[data-dialog]"))) set(false);
  });
  onKey("Escape", () => {
    if (aside.matches(".open")) {
      set(false);
      toggle()?.focus();
    }
  });
}

/** On a phone the strip is open at first and folds to its first line once the conversation is scrolled. */
function foldStrip() {
  const chat = document.querySelector("[data-chat-scroll]");
  let touched = false;
  chat.addEventListener("pointerdown", () => (touched = true));
  chat.addEventListener("wheel", () => (touched = true), { passive: true });
  let folded = false;
  const set = (fold) => {
    folded = fold;
    document.querySelector("[data-strip]")?.classList.toggle("folded", fold);
  };
  chat.addEventListener("scroll", () => touched && set(true));
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-strip]") && !event.target.closest("a, button, summary")) set(!folded);
  });
  document.addEventListener("fp:refreshed", () => set(folded)); // the strip is drawn anew with each receipt
}

/** The policy's next step is told by an event. Where none comes in time, the page is read again and says so. */
function lookWhenDue() {
  let timer = 0;
  let looks = 0;
  const plan = () => {
    clearTimeout(timer);
    const strip = document.querySelector("[data-strip][data-waiting]");
    const due = strip?.querySelector("[data-due]")?.dataset.due;
    const unplanned = strip && !strip.querySelector('[data-testid="delivery-next-step"]');
    if (unplanned && looks < 5) timer = setTimeout(later, 2000 * 2 ** looks++); // the worker plans it in a moment
    else if (due && Date.parse(due) - now() < 86400000) timer = setTimeout(later, Math.max(1000, Date.parse(due) - now() + LATE));
  };
  document.addEventListener("fp:refreshed", plan);
  plan();
}

/** What is kept for one person can be claimed by all when their minutes are over: the button comes then. */
function lookWhenFree() {
  let timer = 0;
  const plan = () => {
    clearTimeout(timer);
    const free = document.querySelector("[data-free]")?.dataset.free;
    if (free) timer = setTimeout(later, Math.max(500, Date.parse(free) - now() + 300));
  };
  document.addEventListener("fp:refreshed", plan);
  plan();
}

/** A note on the ticket goes its way without an event: the page looks again, less and less often, until it is there. */
function followNotes() {
  let timer = 0;
  let pause = 2000;
  const plan = () => {
    clearTimeout(timer);
    if (!document.querySelector('[data-testid="psa-notes"][data-going]')) pause = 2000;
    else timer = setTimeout(later, (pause = Math.min(pause * 1.5, 60000)));
  };
  document.addEventListener("fp:refreshed", plan);
  plan();
}

/** Without a link the strip tells what was last known, and that the escalation itself goes on. */
function stripOffline() {
  let stand = null;
  const back = () => {
    const strip = document.querySelector("[data-strip]");
    if (strip) strip.hidden = false;
    if (strip && stand) strip.dataset.testid = "delivery-strip";
    stand?.remove();
    stand = null;
  };
  document.addEventListener("fp:link", ({ detail }) => {
    const strip = document.querySelector("[data-strip][data-waiting]");
    if (detail.state !== "offline") return back();
    if (!strip || stand) return;
    stand = document.querySelector("[data-strip-offline]").content.cloneNode(true).firstElementChild;
    const said = strip.querySelector('[data-testid="delivery-summary"]').textContent;
    stand.querySelector("[data-slot=known]").textContent = `Last known at ${clockTime(detail.heard, true)}: ${said}`;
    strip.hidden = true;
    delete strip.dataset.testid; // there is one strip at a time
    strip.closest("[data-region]").after(stand);
  });
}

/** A note of guidance that an address or the strip leads to: in sight, and the focus on it. */
function guidance() {
  const go = (hash) => {
    const named = /^#m-[\w-]+$/.test(hash) && document.getElementById(hash.slice(1));
    const note = hash === "#guidance" ? document.querySelector(".msg.guidance") : named;
    if (!note) return;
    note.tabIndex = -1;
    note.scrollIntoView({ block: "center" });
    note.focus({ preventScroll: true });
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-to-message]");
    if (!link) return;
    event.preventDefault();
    go(link.hash);
  });
  addEventListener("hashchange", () => go(location.hash));
  go(location.hash);
}
