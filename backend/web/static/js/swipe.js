// Phone: swipe a card right to pick it up. A shortcut only; tapping the card leads to the same button.
import { keep, kept } from "./kept.js";

const ENGAGE = 24;
const ARM = 0.4;
const HINT = "fp.swiped";
const phone = matchMedia("(max-width: 639.98px)");
let drag = null;

export function hintDone() {
  keep(HINT, "yes");
}

/** `take(id, button)` is called when a card is let go beyond 40 % of its width. */
export function startSwipe(take) {
  if (kept(HINT)) document.querySelectorAll("[data-swipe-hint]").forEach((hint) => hint.remove());
  document.addEventListener("pointerdown", (event) => {
    const card = event.target.closest('.rw[data-claimable="yes"]:not(.gone)');
    if (phone.matches && card && event.isPrimary) drag = { card, x: event.clientX, y: event.clientY, under: null, armed: false };
  });
  document.addEventListener("pointermove", move);
  document.addEventListener("pointerup", () => end(take));
  document.addEventListener("pointercancel", () => end(null));
  document.addEventListener("dragstart", (event) => drag && event.preventDefault());
  document.addEventListener(
    "click",
    (event) => {
      if (!event.target.closest("[data-swiped]")) return;
      event.preventDefault();
      event.stopPropagation();
    },
    true,
  );
}

function move(event) {
  if (!drag) return;
  const along = event.clientX - drag.x;
  if (!drag.under) {
    if (Math.abs(event.clientY - drag.y) > Math.max(8, along)) drag = null;
    else if (along >= ENGAGE) engage();
    if (!drag?.under) return;
  }
  const way = Math.max(0, along);
  drag.card.style.transform = `translateX(${way}px)`;
  const armed = way >= drag.card.offsetWidth * ARM;
  if (armed === drag.armed) return;
  drag.armed = armed;
  drag.under.dataset.armed = armed ? "true" : "false";
  drag.under.lastElementChild.textContent = armed ? "Release to pick up" : "Pick up";
  if (armed) navigator.vibrate?.(12);
}

function engage() {
  const { card } = drag;
  const under = document.createElement("li");
  under.className = "swipe-under";
  under.setAttribute("aria-hidden", "true");
  under.dataset.testid = "swipe-claim";
  under.dataset.armed = "false";
  const icon = document.querySelector("[data-swipe-icon]")?.content.cloneNode(true);
  const words = document.createElement("span");
  words.textContent = "Pick up";
  under.append(...(icon ? [icon] : []), words);
  Object.assign(under.style, { top: `${card.offsetTop}px`, left: `${card.offsetLeft}px`, width: `${card.offsetWidth}px`, height: `${card.offsetHeight}px` });
  card.before(under);
  card.dataset.swiped = "yes";
  drag.under = under;
}

function end(take) {
  if (!drag) return;
  const { card, under, armed } = drag;
  drag = null;
  if (!under) return;
  card.classList.add("back");
  card.style.transform = "";
  setTimeout(() => {
    under.remove();
    card.classList.remove("back");
    delete card.dataset.swiped;
  }, 280);
  if (armed && take) take(card.dataset.key, card.querySelector("[data-claim-button]"));
}
