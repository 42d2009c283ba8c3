// What is said aloud and shown for a moment. One polite region per page; what comes within two seconds is merged.
const MERGED = 2000;
let waiting = [];
let said = 0;

const LEFTWARDS = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]/;

/** A name or title for the middle of a sentence: one written from right to left does not turn the words around it about. */
export function apart(text) {
  return LEFTWARDS.test(text ?? "") ? `\u2068${text}\u2069` : text;
}

/** Says words to screen readers; `shown` also shows them as a short message. */
export function announce(words, { shown = false } = {}) {
  if (shown) {
    document.querySelectorAll(".toast.short").forEach((old) => old.remove());
    toast({ title: words, lasts: 4000 });
  }
  else speak(words);
}

/** An arrival: the first is said at once, those that come within two seconds of it are merged into one sentence. */
export function announceArrival(words, urgent) {
  waiting.push({ words, urgent });
  if (waiting.length > 1) return;
  setTimeout(() => {
    const urgents = waiting.filter((one) => one.urgent).length;
    speak(waiting.length === 1 ? waiting[0].words : `${waiting.length} new${urgents ? `, ${urgents} urgent` : ""}`);
    waiting = [];
    said = Date.now();
  }, Math.max(300, said + MERGED - Date.now()));
}

function speak(words) {
  const region = document.querySelector("[data-announce]");
  if (region) region.textContent = words;
}

/** A message in the corner. `buttons` are [{label, href | press, primary, testid}]; answers the element. */
export function toast({ title, body = "", over = "", priority = null, buttons = [], lasts = 20000, alert = false, data = {} }) {
  const box = document.querySelector("[data-toast-template]").content.cloneNode(true).firstElementChild;
  box.querySelector("[data-slot=title]").textContent = title;
  box.querySelector("[data-slot=body]").textContent = body;
  box.querySelector("[data-slot=over]").textContent = over;
  box.setAttribute("role", alert ? "alert" : "status");
  const mark = priority && document.querySelector(`[data-priority-template="${priority}"]`);
  if (mark) box.querySelector("[data-slot=mark]").append(mark.content.cloneNode(true));
  Object.assign(box.dataset, data);
  const foot = box.querySelector("[data-slot=buttons]");
  for (const one of buttons) foot.append(button(one, box));
  if (!buttons.length) foot.remove();
  const short = !buttons.length && !body && !over;
  box.classList.toggle("short", short);
  box.classList.toggle("bare", !short && !over && !mark); // nothing stands beside the cross
  if (!body) box.querySelector("[data-slot=body]").remove();
  box.querySelector("[data-close]").addEventListener("click", () => box.remove());
  document.querySelector("[data-toasts]").prepend(box); // above the others, which stay where they are
  if (lasts) setTimeout(() => box.remove(), lasts);
  return box;
}

function button({ label, href, press, primary, testid }, box) {
  const element = document.createElement(href ? "a" : "button");
  element.className = `btn sm${primary ? " primary" : ""}`;
  element.textContent = label;
  if (href) element.href = href;
  else element.type = "button";
  if (testid) element.dataset.testid = testid;
  if (press) element.addEventListener("click", () => press(box, element));
  return element;
}
