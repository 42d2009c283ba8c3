// Picking up: the server decides, this only asks and says what came of it. Nothing is shown as won before it is.
import { ago } from "./clock.js";
import { Refused, send } from "./http.js";
import { apart, toast } from "./say.js";

const NO_ANSWER_AFTER = 5000;

/** Claims; answers {outcome, words}. `won` has left for the session already. */
export async function claim(id, buttons) {
  const release = press(buttons);
  let outcome = "unknown";
  const slow = setTimeout(() => say("unknown", "No answer yet. Checking whether your claim went through.", ""), NO_ANSWER_AFTER);
  try {
    const next = await send(`/escalations/${id}/claim`, {}, { timeout: NO_ANSWER_AFTER });
    location.assign(next);
    return { outcome: "won" };
  } catch (error) {
    const told = error instanceof Refused && error.status < 500 ? refused(error) : await readBack(id);
    outcome = told.outcome;
    if (told.next) {
      location.assign(told.next);
      return { outcome: "won" };
    }
    say(told.outcome, told.title, told.body);
    return told;
  } finally {
    clearTimeout(slow);
    release(outcome);
  }
}

/** While the page is offline no claim button can be pressed, and each says why. */
export function startClaimGuard() {
  document.addEventListener("fp:link", ({ detail }) => {
    const off = detail.state === "offline";
    for (const button of document.querySelectorAll("[data-claim-button]")) {
      button.disabled = off;
      button.dataset.words ??= button.innerHTML;
      if (off) button.textContent = button.matches(".sm") ? "Offline" : "Will not claim while offline";
      else button.innerHTML = button.dataset.words;
    }
  });
}

function press(buttons) {
  const before = buttons.map((button) => button.innerHTML);
  for (const button of buttons) button.disabled = true;
  const words = setTimeout(() => buttons.forEach((button) => (button.textContent = "Claiming")), 150);
  return (outcome) => {
    clearTimeout(words);
    if (outcome === "won") return;
    buttons.forEach((button, at) => {
      button.innerHTML = before[at];
      button.disabled = outcome === "lost";
    });
  };
}

function refused({ problem, message }) {
  if (problem.code === "already_claimed") {
    const words = `Already claimed by ${apart(problem.claimed_by.name)}`;
    return { outcome: "lost", title: `${words} ${ago(problem.claimed_at)}`, body: "You do not need to do anything.", words };
  }
  // It still waits, and can be claimed when the minutes of the person asked for are over.
  if (problem.code === "reserved") return { outcome: "reserved", title: message, body: "Nothing was changed." };
  return { outcome: "lost", title: message, body: "Nothing was changed.", words: message };
}

/** The answer was lost on the way: ask what is true now. */
async function readBack(id) {
  const offline = { outcome: "offline", title: "Not claimed: you are offline.", body: "It may still be waiting. Try again when the link is back." };
  try {
    const response = await fetch(`/api/v1/handoffs/${id}`);
    if (!response.ok) return offline;
    const handoff = await response.json();
    if (handoff.claimed_by?.id === document.body.dataset.user) return { outcome: "won", next: `/pilot/${handoff.session_id}` };
    if (handoff.claimed_by) return refused({ problem: { code: "already_claimed", claimed_by: handoff.claimed_by, claimed_at: handoff.claimed_at } });
    if (handoff.status === "pending") return { outcome: "unknown", title: "Not claimed: the server did not answer in time.", body: "It is still waiting. Try again." };
    return { outcome: "lost", title: `This hand-off is ${handoff.status}.`, body: "Nothing was changed." };
  } catch {
    return offline;
  }
}

function say(outcome, title, body) {
  document.querySelectorAll('[data-testid="claim-result"]').forEach((old) => old.remove());
  const box = toast({ title, body, alert: true, lasts: 10000 });
  box.dataset.testid = "claim-result";
  box.dataset.outcome = outcome;
}
