// Secrets at paste time: what looks like one is named before it is sent, and can become a link that shows it once.
// The server judges (one set of rules) and keeps nothing of what it is asked about.
const ASK_AFTER = 400;

/** Watches every text field of the page's forms, those that come later too. */
export function watchSecrets() {
  let timer = 0;
  const soon = (field, wait) => {
    clearTimeout(timer);
    timer = setTimeout(() => look(field).catch((error) => console.warn("The text was not looked at.", error)), wait);
  };
  const ours = (target) => target?.closest?.("form[data-secrets] textarea, form[data-secrets] input[type=text], form[data-escalate] textarea");
  document.addEventListener("paste", ({ target }) => ours(target) && soon(ours(target), 0));
  document.addEventListener("input", ({ target }) => ours(target) && soon(ours(target), ASK_AFTER));
  document.addEventListener("submit", ({ target }) => target.querySelectorAll?.(".secret-note").forEach((note) => note.remove()), true);
}

async function call(path, body) {
  const response = await fetch(`/api/v1/secrets${path}`, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf },
  });
  if (!response.ok) throw new Error(`secrets answered ${response.status}`);
  return response.json();
}

async function look(field) {
  const text = field.value;
  if (text.trim().length < 4) return show(field, null);
  const { findings } = await call("/check", { text });
  if (field.value !== text) return undefined; // typed on meanwhile: the next look tells
  return show(field, findings.find((one) => field.dataset.left !== text.slice(one.start, one.end)));
}

function show(field, found) {
  const form = field.form;
  form.querySelector(".secret-note")?.remove();
  if (!found) return;
  const note = document.querySelector("[data-secret-template]").content.cloneNode(true).firstElementChild;
  note.querySelector("[data-slot=what]").textContent = `This looks like ${found.label}.`;
  note.querySelector("[data-slot=mark]").textContent = `[redacted: ${found.kind}]`;
  note.querySelector("[data-dismiss-note]").addEventListener("click", () => {
    field.dataset.left = field.value.slice(found.start, found.end);
    note.remove();
    field.focus();
  });
  note.querySelector("[data-make-link]").addEventListener("click", async ({ currentTarget }) => {
    currentTarget.disabled = true;
    try {
      const text = field.value;
      const { url } = await call("", { content: text.slice(found.start, found.end), session_id: document.body.dataset.session });
      field.value = text.slice(0, found.start) + url + text.slice(found.end);
      note.remove();
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    } catch {
      note.querySelector("[data-slot=what]").textContent = "The link was not made. The server did not answer.";
      currentTarget.disabled = false;
    }
  });
  (field.closest(".in, .field") ?? field).before(note);
}
