// A page is a function of its address. To bring it up to date we ask for it again and take over only what differs:
// keyed lists child by child, other regions as a whole; never one in whose text field somebody writes.
import { tick } from "./clock.js";
import { belongs } from "./keyed.js";

const PATIENCE = 30000;
const AGAIN = 2000;
const AT_MOST = 60000;

let running = null;
const known = new WeakMap();
let again = false;
let leaving = false;
let failed = 0; // looks in a row that came to nothing
let soon = 0;
let held = false; // something was left as it was, for what somebody has in hand there

/** Keeps what the server said of each region, before scripts change anything: what it says later is held against it. */
export function remember() {
  for (const region of document.querySelectorAll("[data-region]")) known.set(region, settled(region));
  for (const kind of ["focusout", "close"]) document.addEventListener(kind, () => held && setTimeout(catchUp, 0), true);
}

/** What was left as it was is drawn as soon as the hand is off it, not with the next change of something else. */
function catchUp() {
  const inHand = textFieldInUse()?.closest("[data-region]") || document.querySelector("dialog[open], form[data-editing]");
  if (held && !inHand) refresh().catch((error) => console.warn("The page was not refreshed.", error));
}

/** Takes a region for unknown: a script has changed it, the next look draws it as the server says. */
export function forget(region) {
  if (region) known.delete(region);
}

/** Brings every region up to date. Calls that come while one is under way are answered by one more look.
 * A look that failed is repeated by itself: no event may come that asks for the next one. */
export function refresh() {
  if (leaving) return Promise.resolve();
  if (running) {
    again = true;
    return running;
  }
  clearTimeout(soon);
  running = (async () => {
    do {
      again = false;
      await once();
    } while (again && !leaving);
    failed = 0;
  })()
    .catch((error) => {
      if (!error.final) soon = setTimeout(() => refresh().catch(() => undefined), Math.min(AGAIN * 2 ** failed++, AT_MOST));
      throw error;
    })
    .finally(() => {
      running = null;
    });
  return running;
}

/** Loads the whole page, once: a second load would begin while the first one is already being read. */
function anew() {
  leaving = true;
  setTimeout(() => (leaving = false), 10000); // it was called off, or came back out of the browser's memory
  location.reload();
}

async function once() {
  const asked = location.href;
  const response = await fetch(asked, { headers: { "X-FlowPilot-Refresh": "1" }, signal: AbortSignal.timeout(PATIENCE) });
  if (response.redirected && new URL(response.url).pathname === "/sign-in") {
    if (!unsent()) anew(); // what is written here cannot be sent, but it can be copied
    return;
  }
  if (!response.ok) {
    const final = response.status < 500 && response.status !== 429;
    throw Object.assign(new Error(`refresh answered ${response.status}`), { final });
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (location.href !== asked) {
    again = true; // the list was narrowed meanwhile: this answer is of another question
    return;
  }
  if (fresh.body.dataset.page !== document.body.dataset.page) return;
  if (!belongs(fresh.body.dataset.session, "refresh")) return;
  if (fresh.body.dataset.holds !== document.body.dataset.holds && !busyTyping() && !unsent()) {
    anew(); // the page is laid out anew when the hand-off comes to this person or leaves them
    return;
  }
  held = false;
  for (const region of document.querySelectorAll("[data-region]")) {
    const next = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
    if (next) takeOver(region, next);
  }
  for (const name of ["seq", "version"]) if (fresh.body.dataset[name]) document.body.dataset[name] = fresh.body.dataset[name];
  tick();
  document.dispatchEvent(new CustomEvent("fp:refreshed", { detail: { fresh } }));
}

function busyTyping() {
  const field = document.activeElement?.closest("input:not([type=checkbox]):not([type=radio]), textarea, select");
  return Boolean(field && (field.value || "").length) || Boolean(document.querySelector("dialog[open]"));
}

/** True while something is written on this page that a new one would not have: the focus may be elsewhere. */
function unsent() {
  const fields = [...document.querySelectorAll("textarea, input:not([type]), input[type=text]")];
  return fields.some((field) => field.value !== field.defaultValue && (!field.closest("dialog") || field.closest("dialog[open]")));
}

/** What a region says, without what differs at each look: ticking times, one-time and anti-forgery values of forms. */
const settled = (node) =>
  node.innerHTML.replace(/(<time[^>]*data-since[^>]*>)[^<]*/g, "$1").replace(/(name="(?:key|csrf)" value=")[^"]*/g, "$1");

function takeOver(region, next) {
  const mine = region.matches("[data-keyed]") ? region : region.querySelector("[data-keyed]");
  const theirs = next.matches("[data-keyed]") ? next : next.querySelector("[data-keyed]");
  if (mine && theirs) {
    reconcile(mine, theirs);
    return;
  }
  if (mine && ![...mine.children].every((child) => send(child, "fp:leave") && !child.remove())) return;
  const says = settled(next);
  if ((known.get(region) ?? settled(region)) === says) return;
  if (region.contains(textFieldInUse()) || region.querySelector("dialog[open], form[data-editing]")) {
    held = true;
    return;
  }
  known.set(region, says);
  const focused = region.contains(document.activeElement) ? document.activeElement : null;
  const open = [...region.querySelectorAll("details[data-keep][open]")].map((one) => one.dataset.keep);
  region.replaceChildren(...next.childNodes);
  for (const one of region.querySelectorAll("details[data-keep]")) one.open = open.includes(one.dataset.keep);
  if (focused) twin(region, focused)?.focus();
  for (const child of theirs?.children ?? []) send(child, "fp:arrive");
}

/** Tells of a child that comes or goes; false when someone keeps it for a while. */
function send(child, kind) {
  if (child.dataset.leaving) return false;
  return child.dispatchEvent(new CustomEvent(kind, { detail: { key: child.dataset.key }, bubbles: true, cancelable: true }));
}

/** An empty line is none: it is drawn anew, and has the focus again. */
function textFieldInUse() {
  const field = document.activeElement?.closest("input, textarea, select");
  return field?.value === "" && !field.matches("select") ? null : field;
}

/** What a control is known by: its kind, and where it leads or sends to. Rows that look alike differ in that. */
const named = (one) => JSON.stringify([one.tagName, one.dataset.testid, one.getAttribute("href"), one.getAttribute("formaction") ?? one.form?.getAttribute("action")]);

/** The control of a part drawn anew that `old` was; never that of another row. */
export function twin(part, old) {
  const same = [...part.querySelectorAll(old.tagName)].find((one) => named(one) === named(old));
  if (same || !old.dataset.testid) return same;
  const alike = part.querySelectorAll(`[data-testid="${CSS.escape(old.dataset.testid)}"]`);
  return alike.length === 1 ? alike[0] : null;
}

function reconcile(list, next) {
  const keep = new Map([...list.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  const wanted = [...next.children].filter((one) => one.dataset.key);
  const keys = new Set(wanted.map((one) => one.dataset.key));
  for (const [key, child] of keep) {
    if (!keys.has(key) && send(child, "fp:leave")) child.remove();
  }
  const behind = (one) => {
    let next = one ? one.nextElementSibling : list.firstElementChild;
    while (next && !keys.has(next.dataset.key)) next = next.nextElementSibling;
    return next;
  };
  let after = null;
  for (const child of wanted) {
    const present = keep.get(child.dataset.key);
    let placed = present;
    if (!present) {
      placed = child;
      insertAfter(list, placed, after);
      send(placed, "fp:arrive");
    } else if (!present.dataset.leaving && (settled(present) !== settled(child) || present.dataset.rung !== child.dataset.rung)) {
      patch(present, child);
      send(present, "fp:changed");
    }
    if (present && !present.dataset.leaving && behind(after) !== present) move(list, present, after);
    after = placed;
  }
}

/** To its new place, which another priority has given it; a focus in it is not lost on the way. */
function move(list, child, after) {
  const focused = child.contains(document.activeElement) ? document.activeElement : null;
  child.classList.remove("new"); // it has arrived before
  insertAfter(list, child, after);
  focused?.focus({ preventScroll: true });
}

/** Takes over what a child says now. What holds the focus stays as it is; the parts beside it are still told anew. */
function patch(present, child) {
  Object.assign(present.dataset, child.dataset);
  for (const { name } of [...present.attributes]) if (name.startsWith("aria-") && !child.hasAttribute(name)) present.removeAttribute(name);
  const open = new Set([...present.querySelectorAll("details[data-keep][open]")].map((one) => one.dataset.keep));
  for (const one of child.querySelectorAll("details[data-keep]")) one.open ||= open.has(one.dataset.keep);
  if (!present.contains(document.activeElement)) {
    present.replaceChildren(...child.childNodes);
    return;
  }
  for (const part of present.querySelectorAll("[data-part]")) {
    const fresh = child.querySelector(`[data-part="${part.dataset.part}"]`);
    if (fresh && !part.contains(document.activeElement)) part.replaceWith(fresh);
  }
}

function insertAfter(list, node, after) {
  if (after && after.parentElement === list) after.after(node);
  else list.prepend(node);
}
