// /escalations: selection, live arrival and departure, picking up. Nothing moves under the hand.
import { shown } from "./alerts.js";
import { claim } from "./claim.js";
import { now } from "./clock.js";
import { onKey } from "./keys.js";
import { refresh, twin } from "./regions.js";
import { apart } from "./say.js";
import { startSwipe, hintDone } from "./swipe.js";
import { markOpened, markUnread } from "./unread.js";

const HOLD_FATE = 2400;
const KEY_REST = 500;
const narrow = matchMedia("(max-width: 959.98px)");
const fates = new Map();
const arrivals = new Map();
const inView = new WeakSet();
let pointerDown = false;
let restUntil = 0;
let waiting = 0;
let freed = 0;
let open = false; // on a phone: this person reads the panel, which covers the list
let wanted = null; // {id, focus}: what was chosen by hand, until it is there
let before = null;

const panel = () => document.getElementById("context");
const selected = () => panel().dataset.selected;
const rows = () => [...document.querySelectorAll('[data-testid="escalation-list"] > [data-key]:not(.gone)')];
const row = (id) => document.querySelector(`.rw[data-key="${CSS.escape(id)}"]`);

export function start() {
  // Of a press that opens a menu the page never hears the end.
  document.addEventListener("pointerdown", ({ button }) => (pointerDown = button === 0));
  for (const up of ["pointerup", "pointercancel", "contextmenu"]) document.addEventListener(up, () => (pointerDown = false));
  document.addEventListener("click", click);
  document.addEventListener("submit", submit);
  document.addEventListener("fp:queue", ({ detail }) => changed(detail));
  document.addEventListener("fp:leave", leave);
  document.addEventListener("fp:arrive", (event) => arrive(event.target));
  document.addEventListener("fp:refreshed", afterRefresh);
  document.addEventListener("fp:changed", (event) => acknowledge(event.target));
  document.addEventListener("fp:arrived", ({ detail }) => arrivals.set(detail.id, detail));
  document.body.addEventListener("htmx:beforeSwap", remember);
  // Not at the swap: until it has settled what is new wears the attributes of what it replaces.
  document.body.addEventListener("htmx:afterSettle", () => {
    readOn();
    mark();
    rows().forEach(watch);
  });
  for (const kind of ["responseError", "sendError", "timeout"]) {
    document.body.addEventListener(`htmx:${kind}`, () => {
      wanted = null; // it did not come, which is said: the row is marked that the panel tells of
      mark();
    });
  }
  addEventListener("popstate", closeOverlay);
  keys();
  startSwipe((id, button) => take(id, button));
  rows().forEach(watch);
  open = panel().matches(".open");
  if (open) markOpened(row(selected()));
  mark();
  forgetProblem();
  document.addEventListener("fp:refreshed", lookWhenFree);
  lookWhenFree();
}

/** What is kept for one person can be claimed by all when their minutes are over: the list says so then. */
function lookWhenFree() {
  clearTimeout(freed);
  const times = [...document.querySelectorAll("[data-free]")].map((one) => Date.parse(one.dataset.free));
  if (!times.length) return;
  freed = setTimeout(() => {
    bring();
    if (panel().querySelector("[data-free]")) load(selected());
  }, Math.max(500, Math.min(...times) - now() + 300));
}

/** Rows count as shown once most of them is in sight: not below the fold, not under the panel of a phone. */
const sight = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (isIntersecting) inView.add(target);
      else inView.delete(target);
      acknowledge(target);
    }
  },
  { threshold: 0.6 },
);

function watch(one) {
  sight.observe(one);
}

const covered = () => narrow.matches && panel().matches(".open");

function acknowledge(one) {
  if (one.dataset.meant === "yes" && inView.has(one) && !covered()) shown(one.dataset.key, one.dataset.rung);
}

/** What has arrived and cannot be seen in the list (filtered out, further down, under the panel) is said beside it. */
function announceUnseen() {
  for (const [id, { seq, put }] of arrivals) {
    if (Number(document.body.dataset.seq) < seq) continue; // the list has not caught up yet
    arrivals.delete(id);
    const one = row(id);
    const box = one?.getBoundingClientRect();
    const list = document.querySelector(".ql").getBoundingClientRect();
    if (!box || covered() || box.top < list.top || box.bottom > Math.min(list.bottom, innerHeight)) put();
  }
}

/** An address that names nothing is told once; the page that is kept up to date is the plain list. */
function forgetProblem() {
  if (document.querySelector("[data-missing]")) history.replaceState(history.state, "", location.pathname);
}

/** Brings the list up to date as soon as the hand is off it. */
function bring() {
  clearTimeout(waiting);
  const rest = Math.max(pointerDown ? 50 : 0, restUntil - Date.now());
  if (rest > 0) waiting = setTimeout(bring, rest);
  else refresh().catch((error) => console.warn("The list was not refreshed.", error));
}

function changed({ kind, data }) {
  const id = data.handoff_id;
  const me = document.body.dataset.user;
  if (kind === "handoff.claimed" || kind === "handoff.reassigned") fates.set(id, data.claimed_by.id === me ? "Claimed by you" : `Claimed by ${apart(data.claimed_by.name)}`);
  else if (kind === "handoff.withdrawn") fates.set(id, `Withdrawn by ${apart(data.actor?.name ?? data.handed_off_by?.name) ?? "the technician"}`);
  else if (kind === "handoff.resolved") fates.set(id, "Resolved");
  else fates.delete(id);
  if (fates.has(id)) arrivals.delete(id);
  if (id === selected()) {
    const words = fates.get(id);
    if (words) outcome(words, data);
    else if (["handoff.updated", "handoff.assessed", "handoff.realerted", "handoff.released"].includes(kind)) load(id);
  }
  bring();
}

function outcome(words, data) {
  const place = panel().querySelector("[data-context-outcome]");
  if (!place) return;
  const mine = data.claimed_by?.id === document.body.dataset.user;
  const note = document.createElement("div");
  note.className = "er note";
  const who = apart(data.claimed_by?.name.split(" ")[0]);
  note.textContent = who && !mine ? `${words}. ${who} is opening the session. You do not need to do anything.` : data.note ? `${words}: “${apart(data.note)}”` : `${words}.`;
  place.replaceChildren(note);
  panel().querySelector("[data-context-wait]").textContent = words; // its clock ran for nobody
  panel().querySelectorAll("[data-claim-button]").forEach((button) => (button.disabled = true));
}

function leave(event) {
  const one = event.target;
  const words = fates.get(event.detail.key);
  if (!words) return;
  event.preventDefault();
  one.dataset.leaving = "yes";
  one.dataset.state = words.startsWith("Claimed") ? "claimed" : words.startsWith("Withdrawn") ? "withdrawn" : "resolved";
  one.classList.add("gone");
  const fate = document.querySelector("[data-gone-template]")?.content.cloneNode(true);
  if (fate) {
    fate.querySelector("[data-slot=fate]").textContent = words;
    one.querySelector(".cd").append(fate);
  }
  setTimeout(() => {
    one.classList.add("leaving");
    setTimeout(() => {
      one.remove();
      bring();
    }, 280);
  }, HOLD_FATE);
}

function arrive(one) {
  if (!one.matches?.(".rw")) return;
  markUnread([one]);
  one.classList.add("new");
  one.classList.toggle("sel", one.dataset.key === selected());
  watch(one);
}

function afterRefresh() {
  mark();
  announceUnseen();
  if (!selected() && rows().length && !narrow.matches) load(rows()[0].dataset.key);
}

function mark() {
  markUnread(rows());
  for (const one of rows()) {
    const on = one.dataset.key === selected();
    one.classList.toggle("sel", on);
    if (on) one.querySelector("[data-select]").setAttribute("aria-current", "true");
    else one.querySelector("[data-select]").removeAttribute("aria-current");
  }
}

/** Where the reader of the panel is, for when what it tells of has changed and it is drawn anew. */
function remember() {
  const focused = panel().contains(document.activeElement) ? document.activeElement : null;
  before = { id: selected(), top: panel().querySelector(".bd")?.scrollTop ?? 0, focused };
}

/** Drawn anew, the panel neither covers a list that somebody works in nor loses the reader's place. */
function readOn() {
  const chosen = wanted?.id === selected() && wanted;
  if (chosen) [open, wanted] = [narrow.matches, null];
  panel().classList.toggle("open", open && narrow.matches);
  if (before?.id === selected()) {
    const body = panel().querySelector(".bd");
    if (body) body.scrollTop = before.top;
    if (before.focused && !before.focused.isConnected) twin(panel(), before.focused)?.focus({ preventScroll: true });
  }
  before = null;
  if (chosen?.focus) panel().querySelector(".bd")?.focus();
}

function load(id) {
  const address = new URL(location.href);
  address.searchParams.delete("handoff");
  address.searchParams.set("selected", id);
  window.htmx
    .ajax("GET", `${address.pathname}${address.search}`, { target: "#context", select: "#context", swap: "outerHTML settle:0ms" })
    .catch(() => undefined); // said where swaps.js hears of it
}

function select(id, focus) {
  document.querySelectorAll(".rw.sel").forEach((one) => one.classList.remove("sel"));
  row(id)?.classList.add("sel");
  markOpened(row(id));
  wanted = { id, focus };
  if (narrow.matches && !history.state?.overlay) history.pushState({ overlay: true }, "", location.href);
  load(id);
}

function click(event) {
  const link = event.target.closest("[data-select]");
  if (link && !event.metaKey && !event.ctrlKey && !event.shiftKey) {
    event.preventDefault();
    select(link.closest(".rw").dataset.key, narrow.matches || event.detail === 0);
  } else if (event.target.closest("[data-close-context]")) {
    event.preventDefault();
    if (history.state?.overlay) history.back();
    else closeOverlay();
  }
}

function closeOverlay() {
  if (!narrow.matches) return;
  const id = selected();
  [open, wanted] = [false, null];
  panel().classList.remove("open");
  rows().forEach(acknowledge);
  if (new URLSearchParams(location.search).has("handoff")) history.replaceState(history.state, "", location.pathname);
  row(id)?.querySelector("[data-select]")?.focus({ preventScroll: true });
}

function submit(event) {
  const form = event.target.closest("form[data-claim]");
  if (!form) return;
  event.preventDefault();
  const button = event.submitter ?? form.querySelector("[data-claim-button]");
  take(button.getAttribute("formaction").split("/").at(-2), button);
}

async function take(id, button) {
  markOpened(row(id));
  const all = document.querySelectorAll(`[data-claim-button][formaction="/escalations/${CSS.escape(id)}/claim"]`);
  const result = await claim(id, [...new Set([button, ...all])].filter(Boolean));
  if (result.outcome === "won") hintDone();
  else if (result.words) fates.set(id, result.words);
  bring();
}

function keys() {
  const move = (step) => (event) => {
    restUntil = Date.now() + KEY_REST;
    const list = rows();
    if (!list.length) return false;
    const at = list.findIndex((one) => one.dataset.key === selected() || one.matches(".sel"));
    const next = list[Math.min(list.length - 1, Math.max(0, at < 0 ? 0 : at + step))];
    next.querySelector("[data-select]").focus();
    document.querySelectorAll(".rw.sel").forEach((one) => one.classList.remove("sel"));
    next.classList.add("sel");
    markOpened(next);
    wanted = null;
    clearTimeout(move.timer);
    move.timer = setTimeout(() => load(next.dataset.key), event.repeat ? 150 : 0);
    return true;
  };
  onKey("j", move(1));
  onKey("ArrowDown", move(1));
  onKey("k", move(-1));
  onKey("ArrowUp", move(-1));
  onKey("c", (event) => {
    if (event.repeat) return;
    const one = document.querySelector(".rw.sel [data-claim-button]") ?? panel().querySelector("[data-claim-button]");
    if (one && !one.disabled) one.form.requestSubmit(one);
  });
  onKey("v", () => panel().querySelector("[data-view]")?.click());
  onKey("f", () => {
    const filter = document.querySelector('[data-testid="queue-filter-priority"]');
    filter.selectedIndex = (filter.selectedIndex + 1) % filter.options.length;
    filter.dispatchEvent(new Event("change", { bubbles: true }));
  });
  onKey("Escape", () => panel().matches(".open") && (history.state?.overlay ? history.back() : closeOverlay()));
}
