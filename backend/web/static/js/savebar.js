// A form that is saved as a whole: how many changes wait, discarding them, and one question before they are lost.
export function startSaveBar() {
  const form = document.querySelector("form[data-savebar]");
  if (!form) return;
  const bar = document.querySelector("[data-dirty]");
  const save = document.querySelector("[data-save]");
  // What the server said, even where somebody has typed before this script was there.
  const said = form.cloneNode(true);
  said.reset();
  const before = snapshot(said);
  let leaving = false;
  const look = () => {
    const n = changes(before, snapshot(form));
    const wrong = Number(form.dataset.wrong || 0);
    form.dataset.changes = n;
    bar.textContent = words(n, wrong);
    save.disabled = n === 0 || wrong > 0;
    document.querySelector("[data-discard]").setAttribute("aria-disabled", String(n === 0));
  };
  form.addEventListener("input", look);
  form.addEventListener("change", look);
  form.addEventListener("fp:changes", look);
  form.addEventListener("submit", () => (leaving = true));
  document.querySelector("[data-discard]").addEventListener("click", (event) => {
    event.preventDefault();
    if (event.currentTarget.getAttribute("aria-disabled") === "true") return;
    leaving = true;
    location.reload();
  });
  addEventListener("beforeunload", (event) => {
    if (!leaving && Number(form.dataset.changes)) event.preventDefault();
  });
  if (!form.dataset.refused) look();
  else {
    // What came back refused is not what is kept: it counts as changed until it is saved.
    form.dataset.changes = 1;
    save.disabled = false;
  }
}

const snapshot = (form) => {
  const values = new Map();
  for (const [name, value] of new FormData(form)) if (name !== "csrf") values.set(name, [...(values.get(name) ?? []), value]);
  return values;
};

/** Fields that differ; a list counts each of its places. */
function changes(before, after) {
  let n = 0;
  for (const name of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(name) ?? [], after.get(name) ?? []];
    for (let at = 0; at < Math.max(was.length, is.length); at += 1) if (was[at] !== is[at]) n += 1;
  }
  return n;
}

function words(n, wrong) {
  if (!n) return "No unsaved changes";
  const changed = `${n} unsaved change${n === 1 ? "" : "s"}`;
  if (!wrong) return changed;
  return `${changed}. ${wrong === 1 ? "One" : wrong} must be fixed first.`;
}
