// The Escalate dialog: preview while typing, a draft that survives, checks in words, one escalation however often sent.
import { closeDialog } from "./dialogs.js";
import { busy, showError } from "./forms.js";
import { Refused, send } from "./http.js";
import { keep as put, kept } from "./kept.js";
import { refresh } from "./regions.js";

const FIELDS = ["reason", "need", "impact", "target", "priority"];
const draftKey = () => `fp.draft.${document.body.dataset.user}.${document.body.dataset.session}`;
const SHORT = {
  reason: [10, "Say why you are stuck, at least 10 characters."],
  need: [5, "Say what you need, at least 5 characters."],
};

/** Binds the dialog's form once; the dialog comes and goes with the state of the session. */
export function bindEscalate() {
  const form = document.querySelector("form[data-escalate]");
  if (!form) over();
  if (!form || form.dataset.bound) return;
  form.dataset.bound = "yes";
  restore(form);
  preview(form);
  // Who can be reached is true for a moment only: asked again when the dialog opens.
  form.closest("dialog").addEventListener("fp:opened", () => refresh().catch(() => undefined));
  form.addEventListener("input", () => {
    keep(form);
    preview(form);
  });
  form.addEventListener("focusout", (event) => event.target.dataset.touched && check(form, event.target.name));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
  form.querySelector(".pv-tabs").addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (!tab) return;
    form.querySelector(".cols").dataset.tab = tab.dataset.tab;
    for (const one of form.querySelectorAll("[role=tab]")) one.setAttribute("aria-selected", String(one === tab));
  });
  const again = document.querySelector("[data-send-again]");
  again.onclick = () => submit(form);
}

/** The session waits now, or has ended: what was said of a try whose answer was lost is not true any more. */
function over() {
  const failed = document.querySelector("[data-escalate-failed]");
  if (failed.hidden) return;
  put(draftKey(), null);
  failed.hidden = true;
  delete failed.dataset.testid;
}

function values(form) {
  return Object.fromEntries(FIELDS.map((name) => [name, form.elements[name].value]));
}

function keep(form) {
  put(draftKey(), JSON.stringify(values(form)));
}

function restore(form) {
  let draft = null;
  try {
    draft = JSON.parse(kept(draftKey()));
  } catch {
    put(draftKey(), null);
  }
  if (!draft || form.querySelector("[aria-invalid], [data-form-error]:not([hidden])")) return; // refused: the text is there
  for (const name of FIELDS) if (typeof draft[name] === "string") form.elements[name].value = draft[name];
}

function preview(form) {
  const now = values(form);
  for (const hint of form.querySelectorAll("[data-suggested]")) {
    const field = form.elements[hint.dataset.suggested];
    hint.hidden = field.value !== field.defaultValue;
  }
  for (const name of ["need", "reason", "impact"]) form.querySelector(`[data-pv=${name}]`).textContent = now[name];
  form.querySelector("[data-pv=you]").hidden = !now.target;
  const mark = document.querySelector(`[data-priority-template="${now.priority}"]`);
  form.querySelector("[data-pv=priority]").replaceChildren(mark.content.cloneNode(true));
  form.querySelector("[data-impact-optional]").hidden = now.priority === "urgent";
  const chosen = form.elements.target.selectedOptions[0];
  const hint = form.querySelector("[data-target-hint]");
  hint.hidden = !now.target;
  const alone = form.dataset.targetFirst;
  const told = alone ? `is alerted alone for the first ${alone} min, then everyone.` : "sees it marked For you. The other seniors can still claim it.";
  hint.textContent = now.target ? `${chosen.dataset.first} ${told}` : "";
}

function problems(form) {
  const now = values(form);
  const found = {};
  for (const [name, [least, words]] of Object.entries(SHORT)) if (now[name].trim().length < least) found[name] = words;
  if (now.priority === "urgent" && !now.impact.trim()) found.impact = "Say what it does to the customer. Urgent needs that.";
  return found;
}

function check(form, only = null) {
  const found = problems(form);
  for (const place of form.querySelectorAll("[data-error-for]")) {
    const name = place.dataset.errorFor;
    if (only && name !== only) continue;
    place.textContent = found[name] ?? "";
    form.elements[name].dataset.touched = "yes";
    if (found[name]) form.elements[name].setAttribute("aria-invalid", "true");
    else form.elements[name].removeAttribute("aria-invalid");
  }
  return found;
}

async function submit(form) {
  const failed = document.querySelector("[data-escalate-failed]");
  const found = check(form);
  const first = Object.keys(found)[0];
  if (first) {
    form.querySelector(".cols").dataset.tab = "form";
    form.elements[first].focus();
    return;
  }
  const ready = busy(form);
  if (!ready) return;
  showError(form, "");
  failed.hidden = true;
  delete failed.dataset.testid;
  try {
    await send(form.getAttribute("action"), new FormData(form));
  } catch (error) {
    if (!(error instanceof Refused) || error.status >= 500) return await unanswered(form, failed);
    if (error.problem.code !== "already_escalated") {
      if (error.problem.code === "idempotency_mismatch") form.elements.key.value = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
      return showError(form, error.message);
    }
  } finally {
    ready();
  }
  done(form);
  return refresh().catch((error) => console.warn("It is escalated; the page was not refreshed.", error));
}

function done(form) {
  put(draftKey(), null);
  form.reset();
  closeDialog(form.closest("dialog"));
}

/** No answer does not mean that nothing happened: the page is read again before anything is said. */
async function unanswered(form, failed) {
  closeDialog(form.closest("dialog"));
  const [title, body] = failed.querySelectorAll(".b, .sm");
  try {
    await refresh();
    if (document.querySelector("[data-strip]")) {
      put(draftKey(), null);
      return;
    }
    title.textContent = "Not sent. Nobody has been told.";
    body.textContent = "The server did not answer. Your text is kept.";
  } catch {
    title.textContent = "No answer. It is not known whether this was sent.";
    body.textContent = "Your text is kept. Sending it again cannot escalate twice.";
  }
  failed.dataset.testid = "delivery-strip"; // it stands for the strip that there is not
  failed.hidden = false;
}
