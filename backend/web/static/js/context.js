// Steps, facts and tasks in place: shown as changed at once, put right when the server says otherwise, never over
// somebody else's change, and taken out with a way back.
import { later } from "./chat.js";
import { Refused, send } from "./http.js";
import { forget, refresh } from "./regions.js";
import { announce, toast } from "./say.js";

const FIRST = "textarea, input:not([type=hidden])";
const FIELDS = { action: "action", label: "label", value: "value" };

export function startContext() {
  document.addEventListener("submit", (event) => {
    const form = event.target.closest("form[data-entry-form]");
    if (!form) return;
    event.preventDefault();
    const act = { edit, remove, tick }[form.dataset.entryForm];
    act(form, form.closest("[data-entry]"));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-edit]");
    if (link && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      open(link.closest("[data-entry]"));
    }
    const cancel = event.target.closest("a[data-edit-cancel]");
    if (cancel) {
      event.preventDefault();
      close(cancel.closest("[data-entry]"));
    }
  });
  document.addEventListener("keydown", (event) => {
    const form = event.key === "Escape" && event.target.closest?.("form[data-editing]");
    if (form) close(form.closest("[data-entry]"));
  });
}

const region = () => document.querySelector('[data-region="context"]');

/** The entry as a form, as the server draws it. */
async function open(entry) {
  const other = [...document.querySelectorAll("form[data-editing]")].find(changed);
  if (other) {
    announce("Save or cancel what you are changing first.", { shown: true });
    return other.querySelector(FIRST).focus();
  }
  const fresh = await page(`?edit=${entry.dataset.entry}`);
  if (!fresh) return announce("Not opened. The server did not answer.", { shown: true });
  const form = fresh.querySelector(`[data-entry="${entry.dataset.entry}"] form[data-editing]`)?.closest("[data-entry]");
  if (!form) return announce("This cannot be changed any more.", { shown: true });
  if (document.querySelector(`[data-entry="${entry.dataset.entry}"] form[data-editing]`)) return undefined; // pressed twice
  for (const other of document.querySelectorAll("form[data-editing]")) await close(other.closest("[data-entry]"));
  document.querySelector(`[data-entry="${entry.dataset.entry}"]`)?.replaceWith(form);
  forget(region());
  return form.querySelector(FIRST).focus();
}

const changed = (form) => [...form.elements].some((field) => "defaultValue" in field && field.value !== field.defaultValue);

async function page(query) {
  const response = await fetch(`${location.pathname}${query}`, { headers: { "X-FlowPilot-Refresh": "1" } }).catch(() => null);
  if (!response?.ok) return null;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  return fresh.body.dataset.session === document.body.dataset.session ? fresh : null;
}

async function close(entry) {
  const id = entry.dataset.entry;
  entry.querySelector("form[data-editing]")?.removeAttribute("data-editing");
  document.activeElement?.blur();
  forget(region());
  await refresh().catch(() => undefined);
  document.querySelector(`[data-entry="${id}"] a[data-edit]`)?.focus();
}

/** What was typed stands there at once; a change of somebody else in between is shown and nothing is overwritten. */
async function edit(form, entry) {
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  const button = form.querySelector("button");
  button.disabled = true;
  button.textContent = "Saving";
  try {
    await send(form.getAttribute("action"), new FormData(form));
    await close(entry);
    announce("Saved");
  } catch (error) {
    refused(form, error);
  } finally {
    delete form.dataset.busy;
    button.disabled = false;
    button.textContent = "Save";
  }
}

function refused(form, error) {
  const box = form.querySelector("[data-form-error]");
  let words = error instanceof Refused ? error.message : "Not saved. The server did not answer. Your text is kept.";
  const current = error instanceof Refused && error.problem.code === "edit_conflict" && error.problem.current;
  if (current) {
    const theirs = current.action ?? (current.label && `${current.label}: ${current.value}`) ?? current.text;
    words = `${error.message} It says now: “${theirs}”. Save again to put yours in its place.`;
    form.elements.revision.value = current.revision;
  }
  box.querySelector("span").textContent = words;
  box.hidden = false;
}

async function remove(form, entry) {
  const action = form.getAttribute("action");
  const what = entry.querySelector(`[data-slot="${FIELDS.action}"], [data-slot="label"], [data-slot="text"]`)?.textContent ?? "";
  entry.hidden = true;
  forget(region());
  try {
    await send(action, new FormData(form));
  } catch (error) {
    entry.hidden = false;
    announce(error instanceof Refused ? error.message : "Not taken out. The server did not answer.", { shown: true });
    return;
  }
  const box = toast({
    title: "Taken out",
    body: what,
    lasts: 10000,
    data: { undo: entry.dataset.entry },
    buttons: [{ label: "Undo", testid: "undo", press: (shown, pressed) => back(action, shown, pressed) }],
  });
  box.querySelector("[data-testid=undo]").focus({ preventScroll: true });
  later();
}

async function back(action, box, button) {
  button.disabled = true;
  try {
    await send(action.replace(/remove$/, "restore"), {});
    box.remove();
    forget(region());
    await refresh();
    announce("Put back", { shown: true });
    if (document.activeElement === document.body) document.querySelector(`[data-entry="${box.dataset.undo}"] a[data-edit]`)?.focus();
  } catch (error) {
    button.disabled = false;
    announce(error instanceof Refused ? error.message : "Not put back. The server did not answer.", { shown: true });
  }
}

async function tick(form, entry) {
  if (form.dataset.busy) return;
  form.dataset.busy = "yes";
  const box = form.querySelector("[role=checkbox]");
  const before = entry.dataset.done;
  const set = (done) => {
    entry.dataset.done = done;
    box.setAttribute("aria-checked", String(done === "yes"));
  };
  const fields = new FormData(form);
  set(fields.get("done"));
  forget(region());
  try {
    await send(form.getAttribute("action"), fields);
    later();
  } catch (error) {
    set(before);
    announce(error instanceof Refused ? error.message : "Not kept. The server did not answer.", { shown: true });
  } finally {
    delete form.dataset.busy;
  }
}
