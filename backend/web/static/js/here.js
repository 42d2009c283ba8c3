// Times that nobody's account stands behind (before signing in) are shown by the clock of this computer.
export function startHere() {
  for (const time of document.querySelectorAll("time[data-here]")) {
    time.textContent = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }).format(new Date(time.dateTime));
  }
}
