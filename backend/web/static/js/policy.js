// The escalation policy: rows are added, removed and moved in place; after each change the server says what it would do.
import { announce } from "./say.js";

let form = null;
let timer = 0;
let asked = 0;

const body = () => form.querySelector("[data-steps]");
const steps = () => [...body().querySelectorAll("[data-step]")];

export function startPolicy() {
  form = document.querySelector("form[data-policy]");
  form.addEventListener("click", click);
  form.addEventListener("keydown", keydown);
  form.addEventListener("pointerdown", grab);
  form.addEventListener("input", (event) => later(event.target));
  form.addEventListener("change", (event) => {
    about(event.target);
    later(event.target);
  });
  document.addEventListener("change", (event) => event.target.matches("[data-try]") && answer());
  mark();
}

function click(event) {
  if (event.target.closest("[data-add]")) {
    event.preventDefault();
    if (steps().length >= 10) return announce("A policy has at most 10 steps.", { shown: true });
    const fresh = document.querySelector("[data-step-template]").content.cloneNode(true).firstElementChild;
    body().append(fresh);
    renumber();
    fresh.querySelector("select").focus();
  } else if (event.target.closest("[data-remove]")) {
    event.preventDefault();
    const row = event.target.closest("[data-step]");
    const next = row.nextElementSibling ?? row.previousElementSibling;
    row.remove();
    renumber();
    (next?.querySelector("[data-remove]") ?? form.querySelector("[data-add]")).focus();
  }
}

function keydown(event) {
  const grip = event.target.closest("[data-grip]");
  const way = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (!grip || !event.altKey || !way) return;
  event.preventDefault();
  const row = grip.closest("[data-step]");
  const place = steps().indexOf(row);
  if (!swap(place, place + way)) return;
  steps()[place + way].querySelector("[data-grip]").focus();
  announce(`Now step ${place + way + 2} of ${steps().length + 1}.`);
}

/** Who stands in two places is exchanged; the minutes are those of the place. */
function swap(one, other) {
  const [a, b] = [steps()[one], steps()[other]];
  if (!a || !b) return false;
  const [first, second] = [a.querySelector("select"), b.querySelector("select")];
  [first.value, second.value] = [second.value, first.value];
  about(first);
  about(second);
  changed();
  return true;
}

function grab(event) {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button) return;
  event.preventDefault();
  let place = steps().indexOf(grip.closest("[data-step]"));
  steps()[place].classList.add("held");
  const move = ({ clientY }) => {
    const over = steps().findIndex((row) => {
      const box = row.getBoundingClientRect();
      return clientY >= box.top && clientY < box.bottom;
    });
    if (over < 0 || over === place) return;
    const way = over > place ? 1 : -1;
    while (place !== over) {
      steps()[place].classList.remove("held");
      swap(place, place + way);
      place += way;
      steps()[place].classList.add("held");
    }
  };
  const drop = () => {
    steps()[place]?.classList.remove("held");
    document.removeEventListener("pointermove", move);
  };
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", drop, { once: true });
  document.addEventListener("pointercancel", drop, { once: true });
}

function renumber() {
  steps().forEach((row, at) => {
    const number = at + 2;
    row.querySelector("[data-number]").textContent = number;
    row.querySelector("select").setAttribute("aria-label", `Step ${number}, who`);
    row.querySelector("[data-grip]").setAttribute("aria-label", `Move step ${number} with Alt and the arrow keys`);
    const remove = row.querySelector("[data-remove]");
    remove.value = `remove:${at}`;
    remove.setAttribute("aria-label", `Remove step ${number}`);
    for (const field of row.querySelectorAll("[data-place]")) {
      field.dataset.testid = `policy-step-${number}-${field.dataset.place}`;
      field.setAttribute("aria-label", `Step ${number}, ${field.dataset.place}, minutes`);
    }
  });
  changed();
}

function about(field) {
  if (field.name !== "who") return;
  field.closest("[data-step]").querySelector("[data-about-line]").textContent = field.selectedOptions[0]?.dataset.about ?? "";
}

function changed() {
  form.dispatchEvent(new CustomEvent("fp:changes"));
  answer();
}

function later(field) {
  if (field.matches("[data-try]")) return;
  clearTimeout(timer);
  timer = setTimeout(answer, 350);
}

/** Asks what the policy as it stands would do, and what is wrong with it. The newest question alone is answered. */
async function answer() {
  clearTimeout(timer);
  const turn = ++asked;
  const fields = new URLSearchParams(new FormData(form));
  fields.set("do", "answer");
  let fresh;
  try {
    const response = await fetch(form.getAttribute("action"), { method: "POST", body: fields, headers: { "X-FlowPilot-Script": "1" } });
    if (!response.ok || turn !== asked) return;
    fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch (error) {
    console.warn("The policy could not be tried.", error);
    return;
  }
  if (turn !== asked) return;
  for (const name of ["[data-policy-errors]", "[data-policy-preview]"]) {
    const place = document.querySelector(name);
    const next = fresh.querySelector(name);
    if (place.contains(document.activeElement)) {
      // The choice of priority keeps the focus: what stands around it changes.
      const held = place.querySelector("[data-try]");
      next.querySelector("[data-try]").replaceWith(held);
      place.replaceChildren(...next.childNodes);
      held.focus();
    } else if (place.innerHTML !== next.innerHTML) place.replaceChildren(...next.childNodes);
  }
  const line = form.querySelector("[data-hours-line]");
  line.textContent = `${form.elements.start.value} to ${form.elements.end.value}, ${fresh.querySelector("[data-days]").textContent}.`;
  const wrong = [...fresh.querySelectorAll("[data-wrong] li")].map((one) => one.textContent);
  mark(wrong);
}

const FIELDS = { hours: ["start", "end"], first: ["first_minutes"], exclusive: ["exclusive_minutes"], nudge: ["nudge"], back: ["back"] };

function mark(wrong = null) {
  const first = wrong === null ? [...form.querySelectorAll('[aria-invalid="true"]')].length : wrong.length;
  form.dataset.wrong = first;
  if (wrong !== null) {
    for (const field of form.querySelectorAll(".num-in")) field.removeAttribute("aria-invalid");
    for (const place of wrong) {
      const repeat = place.startsWith("repeat-") ? [`repeat_${place.slice(7)}`] : (FIELDS[place] ?? []);
      const named = repeat.map((name) => form.elements[name]);
      for (const field of [form.querySelector(`[data-testid="policy-${place}"]`), ...named]) field?.setAttribute("aria-invalid", "true");
    }
  }
  form.dispatchEvent(new CustomEvent("fp:changes"));
}
