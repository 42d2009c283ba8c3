// Keyboard. Single letters act only outside text fields and can be turned off on this browser.
import { openDialog } from "./dialogs.js";
import { keep, kept } from "./kept.js";

const OFF = "fp.single-keys";
const actions = new Map();
let leader = 0;

/** Registers what a key does on this page; returns nothing. */
export function onKey(key, act) {
  actions.set(key, act);
}

const typing = (target) => Boolean(target.closest?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]"));
const go = { e: "nav-escalations", s: "nav-sessions", a: "nav-analytics" };

export function startKeys() {
  const box = document.querySelector("[data-single-keys]");
  if (box) {
    box.checked = kept(OFF) !== "off";
    box.addEventListener("change", () => keep(OFF, box.checked ? "on" : "off"));
  }
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") escape(event);
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    press(event);
  });
}

function escape(event) {
  const field = event.target.closest?.("[data-search]");
  if (field) {
    if (field.value) {
      field.value = "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.dispatchEvent(new Event("search", { bubbles: true }));
    } else field.blur();
    event.preventDefault();
    return;
  }
  actions.get("Escape")?.(event);
}

function press(event) {
  const single = event.key.length === 1;
  if (single && kept(OFF) === "off") return;
  const key = single ? event.key.toLowerCase() : event.key;
  if (leader && Date.now() - leader < 1500 && go[key]) {
    leader = 0;
    document.querySelector(`[data-testid="${go[key]}"]`)?.click();
    event.preventDefault();
    return;
  }
  leader = key === "g" ? Date.now() : 0;
  if (key === "?") openDialog(document.getElementById("keys-dialog"));
  else if (key === "/") document.querySelector("[data-search]")?.focus();
  else if (key === "n" && !event.repeat) document.querySelector('[data-key="n"]')?.click();
  else if (actions.has(key)) {
    if (actions.get(key)(event) === false) return;
  } else return;
  event.preventDefault();
}
