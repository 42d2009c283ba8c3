// After the claim: the hand-off block that folds, the ways on, the suggested steps above the composer.
import { later } from "./chat.js";
import { now } from "./clock.js";
import { keep, kept } from "./kept.js";

const user = () => document.body.dataset.user;
const composer = () => document.querySelector("[data-composer] textarea");

export function startClaimed() {
  foldBlock();
  ways();
  chips();
  document.addEventListener("fp:refreshed", hideChips);
  assessment();
}

/** An assessment that does not come is said to be missing, also to somebody who only waits. */
function assessment() {
  let timer = 0;
  const plan = () => {
    clearTimeout(timer);
    const due = document.querySelector("[data-assessment-due]")?.dataset.assessmentDue;
    if (due) timer = setTimeout(later, Math.max(1000, Date.parse(due) - now() + 1000));
  };
  document.addEventListener("fp:refreshed", plan);
  plan();
}

/** Open until the senior has acted, then one line; what a person chose is kept for that hand-off. */
function foldBlock() {
  const block = document.querySelector("[data-claim-context]");
  if (!block) return;
  const key = `fp.block.${user()}.${block.dataset.claimContext}`;
  const chosen = kept(key);
  if (chosen) block.open = chosen === "open";
  const sync = () => {
    block.dataset.collapsed = String(!block.open);
  };
  let acted = block.dataset.collapsed === "true";
  document.addEventListener("fp:refreshed", ({ detail }) => {
    const now = detail.fresh.querySelector("[data-claim-context]")?.dataset.collapsed === "true";
    if (now && !acted && !kept(key)) block.open = false; // the first action; a person's choice stands
    acted ||= now;
  });
  sync();
  block.addEventListener("toggle", sync);
  block.querySelector("summary").addEventListener("click", () => keep(key, block.open ? "closed" : "open"));
}

/** Fold the block and go on writing; the words are the person's to send. */
function goOn(words) {
  const block = document.querySelector("[data-claim-context]");
  block.open = false;
  keep(`fp.block.${user()}.${block.dataset.claimContext}`, "closed");
  write(words);
}

function write(words) {
  const text = composer();
  if (!text) return;
  if (words && !text.value.trim()) {
    text.value = words;
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
  text.scrollIntoView({ block: "nearest" });
}

function ways() {
  document.addEventListener("click", (event) => {
    const way = event.target.closest("button[data-way]");
    if (way?.dataset.way === "continue") goOn(way.dataset.words);
    else if (way?.dataset.way === "take") goOn("");
  });
}

const chipsKey = () => `fp.chips.${user()}.${document.querySelector("[data-chips]")?.dataset.chips}`;

function hideChips() {
  const row = document.querySelector("[data-chips]");
  if (row && kept(chipsKey())) row.hidden = true;
}

/** A chip puts its words into the composer, after what is written there unless a chip wrote that; the first message that is sent, or the cross, puts the chips away. */
function chips() {
  const away = () => {
    if (!document.querySelector("[data-chips]")) return;
    keep(chipsKey(), "away");
    hideChips();
  };
  document.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-chip]");
    if (chip) {
      const text = composer();
      const written = text?.value.trim();
      const own = written && [...document.querySelectorAll("[data-chip]")].every((one) => one.textContent.trim() !== written);
      if (text) text.value = "";
      write(`${own ? `${written}\n` : ""}${chip.textContent.trim()}`);
    } else if (event.target.closest("[data-chips-close]")) {
      away();
      composer()?.focus();
    }
  });
  document.addEventListener("fp:sent", away);
  hideChips();
}
