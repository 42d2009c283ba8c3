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
  if (text.trim().length < 4) return show(field, text, null);
  const found = await firstIn(field, text);
  if (field.value !== text) return undefined; // typed on meanwhile: the next look tells
  return show(field, text, found);
}

/** The first secret in the text that was not left as it is; `cut` is the text before it, itself, and after it. */
async function firstIn(field, text) {
  const { findings } = await call("/check", { text });
  const signs = Array.from(text); // the server counts characters, a string here counts halves of some
  const cut = ({ start, end }) => [signs.slice(0, start), signs.slice(start, end), signs.slice(end)].map((part) => part.join(""));
  return findings.map((one) => ({ ...one, cut: cut(one) })).find((one) => field.dataset.left !== one.cut[1]);
}

function show(field, text, found) {
  const form = field.form;
  form.querySelector(".secret-note")?.remove();
  if (!found) return;
  const note = document.querySelector("[data-secret-template]").content.cloneNode(true).firstElementChild;
  note.querySelector("[data-slot=what]").textContent = `This looks like ${found.label}.`;
  note.querySelector("[data-slot=mark]").textContent = `[redacted: ${found.kind}]`;
  note.querySelector("[data-dismiss-note]").addEventListener("click", () => {
    field.dataset.left = found.cut[1];
    note.remove();
    field.focus();
  });
  note.querySelector("[data-make-link]").addEventListener("click", async ({ currentTarget }) => {
    currentTarget.disabled = true;
    field.readOnly = true; // what is replaced is what was looked at
    try {
      const one = field.value === text ? found : await firstIn(field, field.value);
      if (one) {
        const [before, secret, after] = one.cut;
        const { url } = await call("", { content: secret, session_id: document.body.dataset.session });
        field.value = before + url + after;
      }
      note.remove();
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
    } catch {
      note.querySelector("[data-slot=what]").textContent = "The link was not made. The server did not answer.";
      currentTarget.disabled = false;
    } finally {
      field.readOnly = false;
    }
  });
  (field.closest(".in, .field") ?? field).before(note);
}
