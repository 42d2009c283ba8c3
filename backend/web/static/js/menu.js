// The account menu: closes on Escape and on a click elsewhere; the theme changes at once and is kept.
import { send } from "./http.js";

export function startMenu() {
  const menu = document.querySelector("[data-menu]");
  document.addEventListener("click", (event) => {
    if (menu?.open && !menu.contains(event.target)) menu.open = false;
  });
  menu?.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
    event.stopPropagation();
  });
  document.querySelector("[data-theme-form]")?.addEventListener("change", (event) => {
    const form = event.currentTarget;
    document.documentElement.dataset.theme = event.target.value;
    send(form.getAttribute("action"), new FormData(form)).catch((error) => console.warn("The theme was not kept.", error));
  });
}
