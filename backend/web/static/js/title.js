// While nobody looks at the tab, its title says how many escalations wait.
const plain = document.title;

export function startTitle() {
  for (const kind of ["visibilitychange", "fp:refreshed", "fp:event"]) document.addEventListener(kind, () => setTimeout(show, 0));
}

function show() {
  const count = Number(document.querySelector("[data-count]")?.dataset.count ?? 0);
  const title = document.hidden && count ? `(${count}) ${plain}` : plain;
  if (document.title !== title) document.title = title;
}
