// A page is a function of its address. To bring it up to date we ask for it again and take over only what differs:
// keyed lists child by child, other regions as a whole; never one that holds the focus of a text field.
import { tick } from "./clock.js";
import { belongs } from "./keyed.js";

let running = null;
const known = new WeakMap();
let again = false;
let leaving = false;

/** Keeps what the server said of each region, before scripts change anything: what it says later is held against it. */
export function remember() {
  for (const region of document.querySelectorAll("[data-region]")) known.set(region, settled(region));
}

/** Takes a region for unknown: a script has changed it, the next look draws it as the server says. */
export function forget(region) {
  if (region) known.delete(region);
}

/** Brings every region up to date. Calls that come while one is under way are answered by one more look. */
export function refresh() {
  if (leaving) return Promise.resolve();
  if (running) {
    again = true;
    return running;
  }
  running = (async () => {
    do {
      again = false;
      await once();
    } while (again && !leaving);
  })().finally(() => {
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
  const response = await fetch(location.href, { headers: { "X-FlowPilot-Refresh": "1" } });
  if (response.redirected && new URL(response.url).pathname === "/sign-in") {
    anew();
    return;
  }
  if (!response.ok) throw new Error(`refresh answered ${response.status}`);
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  if (fresh.body.dataset.page !== document.body.dataset.page) return;
  if (!belongs(fresh.body.dataset.session, "refresh")) return;
  if (fresh.body.dataset.holds !== document.body.dataset.holds && !busyTyping()) {
    anew(); // the page is laid out anew when the hand-off comes to this person or leaves them
    return;
  }
  for (const region of document.querySelectorAll("[data-region]")) {
    const next = fresh.querySelector(`[data-region="${region.dataset.region}"]`);
    if (next) takeOver(region, next);
  }
  for (const name of ["seq", "version"]) if (fresh.body.dataset[name]) document.body.dataset[name] = fresh.body.dataset[name];
  tick();
  document.dispatchEvent(new CustomEvent("fp:refreshed", { detail: { fresh } }));
}

export function busyTyping() {
  const field = document.activeElement?.closest("input:not([type=checkbox]):not([type=radio]), textarea, select");
  return Boolean(field && (field.value || "").length) || Boolean(document.querySelector("dialog[open]"));
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
  if (region.contains(textFieldInUse()) || region.querySelector("dialog[open], form[data-editing]")) return;
  known.set(region, says);
  const focused = region.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  const open = [...region.querySelectorAll("details[data-keep][open]")].map((one) => one.dataset.keep);
  region.replaceChildren(...next.childNodes);
  for (const one of region.querySelectorAll("details[data-keep]")) one.open = open.includes(one.dataset.keep);
  if (focused) region.querySelector(`[data-testid="${CSS.escape(focused)}"]`)?.focus();
  for (const child of theirs?.children ?? []) send(child, "fp:arrive");
}

/** Tells of a child that comes or goes; false when someone keeps it for a while. */
function send(child, kind) {
  if (child.dataset.leaving) return false;
  return child.dispatchEvent(new CustomEvent(kind, { detail: { key: child.dataset.key }, bubbles: true, cancelable: true }));
}

function textFieldInUse() {
  return document.activeElement?.closest("input, textarea, select");
}

function reconcile(list, next) {
  const keep = new Map([...list.children].filter((one) => one.dataset.key).map((one) => [one.dataset.key, one]));
  const wanted = [...next.children].filter((one) => one.dataset.key);
  const keys = new Set(wanted.map((one) => one.dataset.key));
  for (const [key, child] of keep) {
    if (!keys.has(key) && send(child, "fp:leave")) child.remove();
  }
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
    after = placed;
  }
}

/** Takes over what a child says now. What holds the focus stays as it is; the parts beside it are still told anew. */
function patch(present, child) {
  Object.assign(present.dataset, child.dataset);
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
