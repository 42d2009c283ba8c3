// The chart: points by arrow keys, their words beside it, and the same figures as a table.
export function start() {
  const table = document.querySelector("[data-chart-table]");
  const toggle = document.querySelector("[data-table-toggle]");
  if (!table) return;
  table.hidden = true;
  toggle.addEventListener("click", () => {
    table.hidden = !table.hidden;
    toggle.setAttribute("aria-expanded", String(!table.hidden));
    toggle.textContent = table.hidden ? "Show as table" : "Hide table";
  });
  const points = [...document.querySelectorAll("[data-chart] .pt")];
  const tip = document.querySelector("[data-chart-tip]");
  const tell = (point) => (tip.textContent = point?.getAttribute("aria-label") ?? "");
  points.forEach((point, at) => {
    point.addEventListener("pointerenter", () => tell(point));
    point.addEventListener("pointerleave", () => tell(null));
    point.addEventListener("focus", () => tell(point));
    point.addEventListener("blur", () => tell(null));
    point.addEventListener("keydown", (event) => {
      const ends = { Home: 0, End: points.length - 1 }[event.key];
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      const next = points[ends ?? (step ? at + step : -1)];
      if (!next) return;
      event.preventDefault();
      point.setAttribute("tabindex", "-1");
      next.setAttribute("tabindex", "0");
      next.focus();
    });
  });
}
