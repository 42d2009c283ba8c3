// The administrators' pages: filters that apply at once, copying, and forms that are saved as a whole.
import { refresh } from "./regions.js";
import { announce } from "./say.js";
import { startSaveBar } from "./savebar.js";

let soon = 0;

export async function start() {
  for (const field of document.querySelectorAll("[data-submit]")) field.addEventListener("change", () => field.form.requestSubmit());
  document.addEventListener("click", copy);
  showTab();
  lookAgain();
  document.addEventListener("fp:refreshed", lookAgain);
  startSaveBar();
  if (document.querySelector("[data-policy]")) (await import("./policy.js")).startPolicy();
}

/** The tab at hand is in sight on a phone. The tabs alone move: the page may stand at a form, with a hand on it. */
function showTab() {
  const tabs = document.querySelector(".an");
  const here = tabs?.querySelector('[aria-current="page"]');
  if (here) tabs.scrollLeft = here.offsetLeft - tabs.offsetLeft - (tabs.clientWidth - here.offsetWidth) / 2;
}

/** An invitation whose e-mail is on its way is looked at until the mail server has said what came of it. */
function lookAgain() {
  clearTimeout(soon);
  if (!document.querySelector("[data-sending]")) return;
  soon = setTimeout(() => refresh().catch((error) => console.warn("The page was not refreshed.", error)), 2000);
}

async function copy(event) {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
    announce(button.dataset.copied ?? "Copied", { shown: true });
  } catch {
    announce("Not copied: this browser does not let the page use the clipboard.", { shown: true });
  }
}
