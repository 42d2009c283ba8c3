// /pilot/{id}: the conversation as it happens, the composer, the hand-off block, the context drawer.
import { claim } from "./claim.js";
import { clockTime, now } from "./clock.js";
import { bindEscalate } from "./escalate.js";
import { send } from "./http.js";
import { onKey } from "./keys.js";
import { refresh } from "./regions.js";

const LATE = 22000;
let pinned = true;
let soon = 0;

export function start() {
  follow();
  keepAtEnd();
  compose();
  foldBlock();
  drawer();
  foldStrip();
  lookWhenDue();
  stripOffline();
  bindEscalate();
  document.addEventListener("fp:refreshed", bindEscalate);
  document.addEventListener("click", (event) => event.target.closest("[data-show-all]")?.closest(".msgs").classList.add("all"));
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-claim]");
    if (!form) return;
    event.preventDefault();
    claim(form.dataset.escalationId, [form.querySelector("[data-claim-button]")]).then(({ outcome }) => outcome !== "won" && later());
  });
}

/** The session's own stream; each frame only says that something is new, the page is then read again.
 * A tab that nobody looks at gives its stream up: browsers allow six connections to a host, and more tabs than that. */
function follow() {
  let source = null;
  const open = () => {
    if (source || document.visibilityState !== "visible") return;
    const { session, version } = document.body.dataset;
    source = new EventSource(`/api/v1/ai-sessions/${session}/stream?after=${version}`);
    for (const kind of ["message", "step", "fact", "session"]) source.addEventListener(kind, later);
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? open() : close()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  open();
}

function later() {
  clearTimeout(soon);
  soon = setTimeout(() => refresh().catch((error) => console.warn("The session was not refreshed.", error)), 20);
}

const scroller = () => (document.querySelector(".pc[open]") ? document.scrollingElement : document.querySelector("[data-chat-scroll]"));

function keepAtEnd() {
  const chat = document.querySelector("[data-chat-scroll]");
  const end = () => (chat.scrollTop = chat.scrollHeight);
  chat.addEventListener("scroll", () => (pinned = chat.scrollHeight - chat.scrollTop - chat.clientHeight < 60));
  new MutationObserver(() => {
    if (!pinned) return;
    end();
    if (document.querySelector(".pc[open]")) scroller().scrollTop = scroller().scrollHeight;
  }).observe(chat.querySelector(".msgs"), { childList: true });
  end();
}

function compose() {
  const form = document.querySelector("[data-composer]");
  if (!form) return;
  const text = form.elements.content;
  const failed = document.querySelector("[data-send-failed]");
  if (matchMedia("(max-width: 639.98px)").matches) text.placeholder = text.placeholder.split(",")[0];
  const button = form.querySelector("button");
  const go = async () => {
    if (!text.value.trim() || button.disabled) return;
    button.disabled = true;
    failed.hidden = true;
    pinned = true;
    try {
      await send(form.getAttribute("action"), new FormData(form));
      text.value = "";
      await refresh();
    } catch (error) {
      failed.querySelector("span").textContent = error.status ? `Not sent. ${error.message} Your text is kept.` : "Not sent. Your text is kept.";
      failed.hidden = false;
    } finally {
      button.disabled = false;
      text.focus();
    }
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    go();
  });
  failed.querySelector("[data-send-retry]").addEventListener("click", go);
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    go();
  });
}

/** Open until the senior has acted, then one line; what a person chose is kept for that hand-off. */
function foldBlock() {
  const block = document.querySelector("[data-claim-context]");
  if (!block) return;
  const key = `fp.block.${document.body.dataset.user}.${block.dataset.claimContext}`;
  const kept = localStorage.getItem(key);
  if (kept) block.open = kept === "open";
  const sync = () => {
    block.dataset.collapsed = String(!block.open);
  };
  let acted = block.dataset.collapsed === "true";
  document.addEventListener("fp:refreshed", ({ detail }) => {
    const now = detail.fresh.querySelector("[data-claim-context]")?.dataset.collapsed === "true";
    if (now && !acted && !localStorage.getItem(key)) block.open = false; // the first action; a person's choice stands
    acted ||= now;
  });
  sync();
  block.addEventListener("toggle", sync);
  block.querySelector("summary").addEventListener("click", () => localStorage.setItem(key, block.open ? "closed" : "open"));
}

function drawer() {
  const aside = document.getElementById("context");
  const toggle = document.querySelector("[data-context-toggle]");
  const set = (open) => {
    aside.classList.toggle("open", open);
    document.querySelector("[data-context-toggle]")?.setAttribute("aria-expanded", String(open));
    if (open) aside.querySelector("a, button")?.focus();
  };
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-context-toggle]")) set(!aside.matches(".open"));
    else if (aside.matches(".open") && (!aside.contains(event.target) || event.target.closest("[data-dialog]"))) set(false);
  });
  onKey("Escape", () => {
    if (aside.matches(".open")) {
      set(false);
      toggle?.focus();
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
