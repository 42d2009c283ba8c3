// Forms that stay on the page: sent once, the text kept until the server has it, the refusal shown where they stand.
import { announce } from "./say.js";
import { closeDialog } from "./dialogs.js";
import { Refused, send } from "./http.js";
import { refresh } from "./regions.js";

const SAID = 15000;

export function showError(form, words) {
  const box = form.querySelector("[data-form-error]");
  if (!box) return;
  box.querySelector("span").textContent = words;
  box.hidden = !words;
}

/** Puts each refusal under its field and the focus into the first; answers false when none is about a field. */
export function showFieldErrors(form, problems = {}) {
  let first = null;
  for (const place of form.querySelectorAll("[data-error-for]")) {
    const field = form.elements[place.dataset.errorFor];
    const words = problems[place.dataset.errorFor] ?? "";
    place.textContent = words;
    if (words) field.setAttribute("aria-invalid", "true");
    else field.removeAttribute("aria-invalid");
    if (words) first ??= field;
  }
  first?.focus();
  return Boolean(first);
}

/** Marks the form busy; answers a function that ends it, or null when it is busy already. */
export function busy(form) {
  if (form.dataset.busy) return null;
  form.dataset.busy = "yes";
  const button = form.querySelector("button[data-busy], button:not([type=button])");
  const words = button?.innerHTML;
  if (button) {
    button.disabled = true;
    if (button.dataset.busy) button.textContent = button.dataset.busy;
  }
  return () => {
    delete form.dataset.busy;
    if (button) {
      button.disabled = false;
      button.innerHTML = words;
    }
  };
}

async function submit(form, submitter) {
  const fields = new FormData(form, submitter); // before the button is disabled: it may carry a value
  const ready = busy(form);
  if (!ready) return;
  showError(form, "");
  showFieldErrors(form);
  let wrong = null;
  try {
    const next = await send(form.getAttribute("action"), fields);
    const here = next && new URL(next, location.href).pathname === location.pathname;
    if (!here && next) {
      location.assign(next);
      return;
    }
    form.reset();
    closeDialog(form.closest("dialog"));
    if (next && new URL(next, location.href).search) lead(next);
    if (form.dataset.refocus) document.activeElement?.blur(); // a region that holds the focus is not drawn anew
    await refresh();
    if (form.dataset.added) tellAdded(form.dataset.added);
    const idle = document.activeElement === document.body; // else the person has gone on meanwhile
    if (form.dataset.refocus && idle) document.querySelector(`[data-testid="${form.dataset.refocus}"]`)?.focus();
  } catch (error) {
    const words = error instanceof Refused ? error.message : "Not sent. The server did not answer. Your text is kept.";
    wrong = error instanceof Refused ? error.problem.fields : null;
    if (wrong) return;
    if (form.querySelector("[data-form-error]")) showError(form, words);
    else announce(words, { shown: true });
  } finally {
    ready();
    if (wrong && !showFieldErrors(form, wrong)) showError(form, Object.values(wrong).join(" "));
  }
}

/** The address names what was added, so that the page says it where it stands; after a while it is a page like before. */
function lead(next) {
  history.replaceState(history.state, "", next);
  setTimeout(() => new URL(next, location.href).href === location.href && history.replaceState(history.state, "", location.pathname), SAID);
}

/** Said beside the entry where that is in sight, in the corner where it is not. */
function tellAdded(words) {
  const line = [...document.querySelectorAll('[data-testid="entry-added"]')].some((one) => one.checkVisibility());
  announce(words, { shown: !line });
}

export function startForms() {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("form[data-enhance]")) return;
    event.preventDefault();
    submit(form, event.submitter);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.repeat) return;
    const form = event.target.closest?.("form");
    if (form?.getAttribute("method") === "post") {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}
