// What an event means to this person, on whatever page they are. An alert counts as shown only when it stands on a
// page that the person can see; until then it waits, and nothing is acknowledged.
import { claim } from "./claim.js";
import { clockTime, now } from "./clock.js";
import { receipt } from "./live.js";
import { refresh } from "./regions.js";
import { announceArrival, apart, toast } from "./say.js";

const SENIOR = ["engineer", "admin", "owner"];
const FRESH = 60000;
const LEAD = { "handoff.released": "Waiting again: ", "handoff.realerted": "Still waiting: " };
const ENDED = ["handoff.claimed", "handoff.withdrawn", "handoff.resolved", "handoff.reassigned"];
const unseen = new Map();
const acknowledged = new Set();
let later = 0;

const me = () => document.body.dataset.user;
const visible = () => document.visibilityState === "visible";

/** True when this person could claim what `row` tells of, and this round is meant for them. */
function isForMe(row) {
  return SENIOR.includes(document.body.dataset.role) && row.handed_off_by.id !== me() && (!row.to || row.to.includes(me()));
}

/** True while nobody but somebody else may claim it. */
const isKept = (row) => row.reserved_for && row.reserved_for.id !== me() && now() < Date.parse(row.reserved_until);

/** This round's alert is in the page, before the person's eyes as soon as the page is: acknowledge it then, once. */
export function shown(id, rung) {
  const key = `${id}:${rung}`;
  if (acknowledged.has(key)) return;
  whenVisible(id, () => {
    acknowledged.add(key);
    receipt(id, Number(rung), "shown");
  });
}

/** Now, or when the person comes back to this tab; of several for one hand-off the last, none once it has ended. */
function whenVisible(id, act) {
  if (visible()) act();
  else unseen.set(id, act);
}

export function startAlerts() {
  document.addEventListener("fp:event", ({ detail }) => hear(detail));
  document.addEventListener("visibilitychange", () => {
    if (!visible()) return;
    const acts = [...unseen.values()];
    unseen.clear();
    acts.forEach((act) => act());
  });
  const { handoff, rung } = document.body.dataset;
  if (handoff && document.querySelector("form[data-claim]")) shown(handoff, rung);
}

function hear({ seq, kind, at, replay, data }) {
  const page = document.body.dataset.page;
  const here = document.body.dataset.session === data.session_id;
  const fresh = !replay || now() - Date.parse(at) < FRESH;
  if (fresh && kind === "handoff.realerted") realerted(seq, data, page, here);
  else if (fresh && (kind === "handoff.created" || kind === "handoff.released")) {
    if (isForMe(data)) arrived(seq, kind, data, page, here);
  } else if (ENDED.includes(kind)) {
    unseen.delete(data.handoff_id);
    takeDown(data.handoff_id);
    if (kind === "handoff.claimed" && !here && !replay) tellOwner(data, `Claimed by ${apart(data.claimed_by.name)}`);
    if (kind === "handoff.resolved" && !here && !replay) returned(data);
  }
  if (kind === "handoff.delivery" && !here) return;
  // The page that the event is about changes at once; others only have a count to bring up to date. Many at once are
  // one look: a thousand receipts redraw the strip a few times each second, no more and no less.
  if (page === "queue") document.dispatchEvent(new CustomEvent("fp:queue", { detail: { kind, data } }));
  else if (!later) later = setTimeout(bring, kind === "handoff.delivery" ? 200 : here ? 20 : 400);
}

function bring() {
  later = 0;
  refresh().catch((error) => console.warn("The page was not refreshed.", error));
}

function takeDown(id) {
  document.querySelectorAll(`[data-alert="${CSS.escape(id)}"]`).forEach((box) => box.remove());
}

function realerted(seq, data, page, here) {
  if (data.cause === "nudge") {
    if (data.to?.includes(me())) nudged(data, here);
    return;
  }
  if (isForMe(data)) arrived(seq, "handoff.realerted", data, page, here);
  else if (data.cause === "exhausted" && !here) tellOwner(data, "Nobody has claimed yet", "Everyone in the policy has been alerted.");
}

/** The claimer is reminded that nothing has happened since the claim. */
function nudged(data, here) {
  const back = data.returns_at ? ` It goes back to the queue at ${clockTime(Date.parse(data.returns_at))}.` : "";
  whenVisible(data.handoff_id, () => {
    takeDown(data.handoff_id);
    toast({
      title: `Still yours: ${apart(data.title)}`,
      body: `No first action yet.${back}`,
      lasts: 0,
      data: { alert: data.handoff_id },
      buttons: here ? [] : [{ label: "Open session", href: `/pilot/${data.session_id}`, primary: true }],
    });
    shown(data.handoff_id, data.rung);
  });
}

function arrived(seq, kind, row, page, here) {
  const lead = LEAD[kind] ?? "";
  const words = [`${lead}${row.priority[0].toUpperCase()}${row.priority.slice(1)}`, apart(row.title), apart(row.customer), `from ${apart(row.handed_off_by.name)}`];
  announceArrival(words.filter(Boolean).join(", "), row.priority === "urgent");
  if (here) {
    const there = () => document.querySelector("form[data-claim]") && shown(row.id, row.rung);
    document.addEventListener("fp:refreshed", there, { once: true });
    return;
  }
  const put = () => whenVisible(row.id, () => show(row, lead));
  // The queue shows it as a row; only where that row is out of sight a message is put up as well.
  if (page === "queue") document.dispatchEvent(new CustomEvent("fp:arrived", { detail: { id: row.id, seq, put } }));
  else put();
}

function show(row, lead) {
  takeDown(row.id);
  const box = toast({
    title: `${lead}${lead ? apart(row.title) : row.title}`,
    over: [apart(row.customer), `from ${apart(row.handed_off_by.name)}`].filter(Boolean).join(", "),
    body: row.reason,
    priority: row.priority,
    lasts: row.priority === "urgent" ? 0 : 20000,
    data: { alert: row.id, escalationId: row.id, priority: row.priority },
    buttons: [
      { label: "View", href: `/escalations?selected=${row.id}` },
      ...(isKept(row) ? [] : [{ label: "Pick up", primary: true, testid: "pick-up", press: (box, button) => claim(row.id, [button]).then(({ outcome }) => outcome === "lost" && box.remove()) }]),
    ],
  });
  if (box.isConnected) shown(row.id, row.rung);
}

/** What a senior gave back is the junior's again: the way leads to the note itself. */
function returned(row) {
  const who = apart(row.actor?.name) ?? "A senior";
  if (row.outcome === "guided_back") tellOwner(row, `${who} returned it with guidance`, row.note ?? "", "#guidance");
  else if (row.outcome === "wrong_team") tellOwner(row, `${who} returned it: it is for another team`, row.note ?? "");
}

/** The escalating side, on another page than the session's. `part` is where on that page to begin. */
function tellOwner(row, title, body = "", part = "") {
  if (![row.handed_off_by?.id, row.session_owner?.id].includes(me()) || row.claimed_by?.id === me()) return;
  toast({
    title: body ? `${title}: ${apart(row.title)}` : title,
    body: body || row.title,
    buttons: [{ label: "Open session", href: `/pilot/${row.session_id}${part}` }],
  });
}
