// What an event means to this person, on whatever page they are. An alert counts as shown only when it stands on a
// page that the person can see; until then it waits, and nothing is acknowledged.
import { claim } from "./claim.js";
import { now } from "./clock.js";
import { receipt } from "./live.js";
import { refresh } from "./regions.js";
import { announceArrival, toast } from "./say.js";

const SENIOR = ["engineer", "admin", "owner"];
const FRESH = 60000;
const unseen = new Map();
const acknowledged = new Set();
let later = 0;

/** True when this person could claim what `row` tells of. */
export function couldClaim(row) {
  return SENIOR.includes(document.body.dataset.role) && row.handed_off_by.id !== document.body.dataset.user;
}

/** The alert for this hand-off is in the page: acknowledge it as soon as the page is visible, once. */
export function shown(id) {
  if (acknowledged.has(id)) return;
  if (document.visibilityState !== "visible") {
    unseen.set(id, () => shown(id));
    return;
  }
  acknowledged.add(id);
  receipt(id, "shown");
}

export function startAlerts() {
  document.addEventListener("fp:event", ({ detail }) => hear(detail));
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible") return;
    const acts = [...unseen.values()];
    unseen.clear();
    acts.forEach((act) => act());
  });
}

function hear({ kind, at, replay, data }) {
  const page = document.body.dataset.page;
  const here = document.body.dataset.session === data.session_id;
  if (kind === "handoff.created" || kind === "handoff.released") {
    const fresh = !replay || now() - Date.parse(at) < FRESH;
    if (fresh && couldClaim(data)) arrived(kind, data, page);
  } else if (["handoff.claimed", "handoff.withdrawn", "handoff.resolved", "handoff.reassigned"].includes(kind)) {
    unseen.delete(data.handoff_id);
    document.querySelectorAll(`[data-alert="${CSS.escape(data.handoff_id)}"]`).forEach((box) => box.remove());
    if (kind === "handoff.claimed" && !here && !replay) tellOwner(data);
  }
  if (kind === "handoff.delivery" && !here) return;
  // The page that the event is about changes at once; others only have a count to bring up to date.
  clearTimeout(later);
  if (page === "queue") document.dispatchEvent(new CustomEvent("fp:queue", { detail: { kind, data } }));
  else later = setTimeout(() => refresh().catch((error) => console.warn("The page was not refreshed.", error)), here ? 20 : 400);
}

function arrived(kind, row, page) {
  const who = kind === "handoff.released" ? "Waiting again: " : "";
  announceArrival(
    [`${who}${row.priority[0].toUpperCase()}${row.priority.slice(1)}`, row.title, row.customer, `from ${row.handed_off_by.name}`].filter(Boolean).join(", "),
    row.priority === "urgent",
  );
  if (page === "queue" || document.body.dataset.session === row.session_id) return;
  const put = () => {
    const box = toast({
      title: `${who}${row.title}`,
      over: [row.customer, `from ${row.handed_off_by.name}`].filter(Boolean).join(", "),
      body: row.reason,
      priority: row.priority,
      lasts: row.priority === "urgent" ? 0 : 20000,
      data: { alert: row.id, escalationId: row.id, priority: row.priority },
      buttons: [
        { label: "View", href: `/escalations?selected=${row.id}` },
        { label: "Pick up", primary: true, testid: "pick-up", press: (box, button) => claim(row.id, [button]).then(({ outcome }) => outcome === "lost" && box.remove()) },
      ],
    });
    if (box.isConnected) shown(row.id);
  };
  if (document.visibilityState === "visible") put();
  else unseen.set(row.id, put);
}

function tellOwner(row) {
  const me = document.body.dataset.user;
  if (![row.handed_off_by?.id, row.session_owner?.id].includes(me) || row.claimed_by.id === me) return;
  toast({ title: `Claimed by ${row.claimed_by.name}`, body: row.title, buttons: [{ label: "Open session", href: `/pilot/${row.session_id}` }] });
}
