// The conversation of /pilot/{id}: as it happens, and what is written into it.
import { send } from "./http.js";
import { refresh } from "./regions.js";

let pinned = true;
let soon = 0;

export function startChat() {
  follow();
  keepAtEnd();
  compose();
  document.addEventListener("click", (event) => event.target.closest("[data-show-all]")?.closest(".msgs").classList.add("all"));
}

/** The session's own stream; each frame only says that something is new, the page is then read again.
 * A tab that nobody looks at gives its stream up: browsers allow six connections to a host, and more tabs than that. */
function follow() {
  let source = null;
  const open = () => {
    if (source || document.visibilityState !== "visible") return;
    const { session, version } = document.body.dataset;
    source = new EventSource(`/api/v1/ai-sessions/${session}/stream?after=${version}`);
    for (const kind of ["message", "step", "fact", "task", "removed", "presence", "session"]) source.addEventListener(kind, later);
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

/** Reads the page again in a moment; what comes meanwhile is in the same look. */
export function later() {
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
      document.dispatchEvent(new CustomEvent("fp:sent"));
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
