// The one-time ticket stands in the fragment. It is taken out of the address and the history before anything else.
export function start() {
  const form = document.querySelector("form[data-go]");
  if (!form) return;
  const ticket = new URLSearchParams(location.hash.slice(1)).get("t");
  history.replaceState(null, "", location.pathname);
  if (!ticket) {
    if (form.hidden) document.querySelector("[data-go-text]").textContent = "This link is not complete. Nothing was opened.";
    return;
  }
  form.elements.ticket.value = ticket;
  form.submit();
}
