// A senior who opens a waiting hand-off is shown to the escalating side as reading it. Opening claims nothing; a row
// that the queue selects by itself does not count.
const told = new Map();
const AGAIN = 60000;

export function startOpened() {
  if (!["engineer", "admin", "owner"].includes(document.body.dataset.role)) return;
  const query = new URLSearchParams(location.search);
  const { page } = document.body.dataset;
  if (page === "queue") {
    tell(query.get("selected") ?? query.get("handoff"));
    document.addEventListener("click", (event) => {
      const row = event.target.closest("[data-escalation-id]");
      if (row && event.target.closest("[data-select], [data-testid=escalation-row], [data-testid=escalation-card]")) tell(row.dataset.escalationId);
    });
  } else if (page === "session") {
    const look = () => document.querySelector("form[data-claim]") && tell(document.body.dataset.handoff);
    look();
    document.addEventListener("fp:refreshed", look);
    document.addEventListener("visibilitychange", look);
  }
}

function tell(id) {
  if (!id || document.visibilityState !== "visible" || Date.now() - (told.get(id) ?? 0) < AGAIN) return;
  told.set(id, Date.now());
  fetch(`/api/v1/handoffs/${encodeURIComponent(id)}/opened`, {
    method: "POST",
    headers: { "X-CSRF-Token": document.body.dataset.csrf },
  }).catch(() => told.delete(id));
}
