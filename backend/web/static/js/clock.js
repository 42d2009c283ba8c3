// Waiting times that tick by the server's time: the offset comes from the page and from each stream greeting.
let offset = 0;
let stopped = null;

export function setServerTime(text) {
  const then = Date.parse(text);
  if (!Number.isNaN(then)) offset = then - Date.now();
}

export function now() {
  return Date.now() + offset;
}

export function waited(milliseconds) {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (n) => String(n).padStart(2, "0");
  if (seconds < 3600) return `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
}

/** "4 s ago" for the first minute, then the clock time. */
export function ago(text) {
  const seconds = Math.max(1, Math.floor((now() - Date.parse(text)) / 1000));
  return seconds < 60 ? `${seconds} s ago` : `at ${clockTime(Date.parse(text))}`;
}

export function clockTime(milliseconds, seconds = false) {
  const zone = document.documentElement.dataset.tz || "UTC";
  const parts = { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone };
  return new Intl.DateTimeFormat("en-GB", seconds ? { ...parts, second: "2-digit" } : parts).format(milliseconds);
}

/** While the link is down the clocks stand still: what they would show is not known. */
export function stopClocks(stop) {
  stopped = stop ? (stopped ?? now()) : null;
}

export function tick() {
  const at = stopped ?? now();
  for (const clock of document.querySelectorAll("time[data-since]")) {
    const text = waited(at - Date.parse(clock.dataset.since));
    if (clock.textContent !== text) clock.textContent = text;
  }
}

export function startClocks() {
  setServerTime(document.body.dataset.serverTime);
  tick();
  setInterval(() => {
    if (!document.hidden) tick();
  }, 1000);
}
