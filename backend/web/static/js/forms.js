// Forms that stay on the page: sent once, the text kept until the server has it, the refusal shown where they stand.
import { announce } from "./say.js";
import { closeDialog } from "./dialogs.js";
import { Refused, send } from "./http.js";
import { refresh } from "./regions.js";

const SAID = 15000;
const AWAY = 10000;

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
  // A form of one line, which is entered again and again, hears of the next Enter only while its button can be pressed.
  const button = form.dataset.refocus ? null : form.querySelector("button[data-busy], button:not([type=button])");
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
  const line = form.dataset.refocus && form.querySelector(`[data-testid="${form.dataset.refocus}"]`);
  const said = line?.value;
  const at = form.contains(document.activeElement) ? document.activeElement : null;
  const ready = busy(form);
  if (!ready) {
    if (line) form.dataset.next = "yes"; // the next line, entered while the one before is on its way
    return;
  }
  showError(form, "");
  showFieldErrors(form);
  let next = null;
  try {
    next = await send(form.getAttribute("action"), fields);
  } catch (error) {
    ready();
    backTo(at);
    refused(form, error);
    return;
  }
  if (next && new URL(next, location.href).pathname !== location.pathname) {
    setTimeout(ready, AWAY); // busy until the page has gone: what is pressed again meanwhile would be done twice
    location.assign(next);
    return;
  }
  const more = line && (line.value.startsWith(said) ? line.value.slice(said.length).trimStart() : line.value); // came meanwhile
  const go = more && form.dataset.next;
  delete form.dataset.next;
  form.reset();
  if (line) line.value = more;
  ready();
  closeDialog(form.closest("dialog"));
  backTo(line || at);
  if (go) form.requestSubmit();
  if (next && new URL(next, location.href).search) lead(next);
  // It is sent, whatever comes of this look.
  await refresh().catch((error) => console.warn("The page was not refreshed.", error));
  if (form.dataset.added) tellAdded(form.dataset.added);
}

/** The button that was pressed could not keep the focus while it was busy; the person may have gone on meanwhile.
 * In the conversation it goes with what it was pressed for: a focus there would hold that. */
function backTo(element) {
  if (document.activeElement === document.body && !element?.closest("[data-keyed]")) element?.focus({ preventScroll: true });
}

function refused(form, error) {
  delete form.dataset.next;
  const wrong = error instanceof Refused ? error.problem.fields : null;
  if (wrong && showFieldErrors(form, wrong)) return;
  const words = error instanceof Refused ? error.message : "Not sent. The server did not answer. Your text is kept.";
  if (wrong) showError(form, Object.values(wrong).join(" "));
  else if (form.querySelector("[data-form-error]")) showError(form, words);
  else announce(words, { shown: true });
}

/** The address names what was added, so that the page says it where it stands; after a while it is a page like before. */
function lead(next) {
  const plain = new URL(location.href);
  const there = new URL(location.href);
  for (const [name, value] of new URL(next, location.href).searchParams) {
    plain.searchParams.delete(name);
    there.searchParams.set(name, value); // beside what the address says already: which runbook is followed
  }
  history.replaceState(history.state, "", there);
  setTimeout(() => location.href === there.href && history.replaceState(history.state, "", plain), SAID);
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
  // Behind every other listener: a form that leads to a page is sent once, however often it is pressed until that is there.
  addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
    if (form.dataset.sent) return event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => delete form.dataset.sent, AWAY);
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
