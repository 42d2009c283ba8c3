// The conversation of /pilot/{id}: as it happens, and what is written into it.
import { send } from "./http.js";
import { belongs } from "./keyed.js";
import { refresh } from "./regions.js";
import { announce } from "./say.js";
import { watchSecrets } from "./secrets.js";

const AGAIN = 2000;
const AT_MOST = 60000;
const STORED = ["message", "step", "fact", "task", "removed", "session", "presence"];
let pinned = true;
let soon = 0;
let stay = () => undefined;

export function startChat() {
  keepAtEnd();
  follow();
  compose();
  watchSecrets();
  document.addEventListener("click", (event) => event.target.closest("[data-show-all]")?.closest(".msgs").classList.add("all"));
}

/** The session's own stream. What is stored is read from the page again; a reply that grows is written in place.
 * A tab that nobody looks at gives its stream up: browsers allow six connections to a host, and more tabs than that. */
function follow() {
  let source = null;
  let timer = 0;
  let pause = AGAIN;
  const open = () => {
    clearTimeout(timer);
    if (source || document.visibilityState !== "visible") return;
    const { session, version } = document.body.dataset;
    source = new EventSource(`/api/v1/ai-sessions/${session}/stream?after=${version}`);
    source.addEventListener("open", () => (pause = AGAIN));
    source.addEventListener("error", ({ target }) => {
      if (target !== source || target.readyState !== EventSource.CLOSED) return; // a broken line is mended by the browser
      close(); // a refused one (too many pages open, a server that starts) is not
      timer = setTimeout(open, pause);
      pause = Math.min(pause * 2, AT_MOST);
    });
    for (const kind of STORED) source.addEventListener(kind, later);
    for (const [kind, told] of Object.entries(REPLY)) {
      source.addEventListener(kind, (event) => {
        const data = JSON.parse(event.data);
        if (belongs(data.session_id, "reply")) told(data);
      });
    }
  };
  const close = () => {
    source?.close();
    source = null;
  };
  document.addEventListener("visibilitychange", () => (document.visibilityState === "visible" ? open() : close()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);
  document.addEventListener("fp:refreshed", draw);
  open();
}

const writing = { id: null, text: "" };
const REPLY = {
  "reply.start": (reply) => {
    Object.assign(writing, { id: reply.id, text: reply.content });
    if (!draw()) later(); // the page brings its place, and the button that stops it
  },
  "reply.delta": ({ reply_id, at, text }) => {
    if (reply_id !== writing.id || at !== writing.text.length) return;
    writing.text += text;
    draw();
  },
  "reply.done": (reply) => ended(reply, `FlowPilot: ${reply.content}`),
  "reply.stopped": (reply) => ended(reply, "FlowPilot was stopped."),
  "reply.failed": (reply) => ended(reply, ""),
};

/** Puts what has come into its place; false while the page has none. */
function draw() {
  const place = document.querySelector(`[data-reply="${writing.id}"] [data-reply-text]`);
  if (!place) return false;
  if (place.textContent !== writing.text) place.textContent = writing.text;
  stay();
  return true;
}

/** The finished reply is read out once; while it grows its place is silent. */
function ended(reply, words) {
  if (reply.id === writing.id) Object.assign(writing, { id: null, text: "" });
  if (words) announce(words);
  later();
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
  stay = () => {
    if (!pinned) return;
    end();
    if (document.querySelector(".pc[open]")) scroller().scrollTop = scroller().scrollHeight;
  };
  new MutationObserver(stay).observe(chat.querySelector(".msgs"), { childList: true });
  end();
}

function compose() {
  const form = document.querySelector("[data-composer]");
  if (!form) return;
  const text = form.elements.content;
  const failed = document.querySelector("[data-send-failed]");
  if (matchMedia("(max-width: 639.98px)").matches) text.placeholder = text.placeholder.split(",")[0];
  const button = form.querySelector("button");
  let next = false; // pressed while the message before was on its way: sent when that one is there
  const go = async () => {
    next = button.disabled;
    if (!text.value.trim() || button.disabled) return;
    button.disabled = true;
    failed.hidden = true;
    pinned = true;
    const said = text.value;
    try {
      await send(form.getAttribute("action"), new FormData(form));
      text.value = text.value.startsWith(said) ? text.value.slice(said.length).trimStart() : text.value; // what came meanwhile stays
      text.dispatchEvent(new Event("input", { bubbles: true })); // what was said of a secret in it goes with it
      document.dispatchEvent(new CustomEvent("fp:sent"));
    } catch (error) {
      next = false;
      failed.querySelector("span").textContent = error.status ? `Not sent. ${error.message} Your text is kept.` : "Not sent. Your text is kept.";
      failed.hidden = false;
      return;
    } finally {
      button.disabled = false; // the page may take its time to draw anew, and the next message does not wait for that
      text.focus();
    }
    if (next && text.value.trim()) go();
    else await refresh();
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
