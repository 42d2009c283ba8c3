// Dialogs: links that lead to ?dialog=… open the same dialog in place, modal, with the focus given back afterwards.
let opener = null;

export function openDialog(dialog, from = document.activeElement) {
  if (!dialog || dialog.open) return;
  opener = from;
  dialog.showModal();
  dialog.dispatchEvent(new CustomEvent("fp:opened"));
  (dialog.querySelector("[autofocus]") ?? dialog.querySelector("textarea, input:not([type=hidden]), select"))?.focus();
}

export function closeDialog(dialog) {
  if (dialog?.open) dialog.close();
}

export function startDialogs() {
  for (const dialog of document.querySelectorAll("dialog[open]")) {
    dialog.removeAttribute("open");
    openDialog(dialog, null);
    history.replaceState(history.state, "", location.pathname);
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-dialog], [data-open]");
    const dialog = link && document.getElementById(link.dataset.dialog ?? link.dataset.open);
    if (dialog && !event.metaKey && !event.ctrlKey) {
      event.preventDefault();
      link.closest("details[data-menu]")?.removeAttribute("open");
      openDialog(dialog, link);
      return;
    }
    const close = event.target.closest("dialog [data-close]");
    if (close) {
      event.preventDefault();
      closeDialog(close.closest("dialog"));
    } else if (event.target.matches?.("dialog[open][data-static-dialog]")) {
      closeDialog(event.target); // the backdrop of a dialog that holds nothing to lose
    }
  });
  document.addEventListener("close", giveFocusBack, true);
}

function giveFocusBack(event) {
  if (!event.target.matches("dialog")) return;
  const back = opener?.isConnected ? opener : document.querySelector(`[data-dialog="${event.target.id}"]`);
  opener = null;
  back?.focus({ preventScroll: true });
}
