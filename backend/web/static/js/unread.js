// Which waiting hand-offs this person has not opened yet, on this browser. Opening or claiming clears the dot, looking does not.
import { keep, kept } from "./kept.js";

const MOST = 500;
const key = () => `fp.opened.${document.body.dataset.user}`;

function opened() {
  try {
    return new Set(JSON.parse(kept(key()) ?? "[]"));
  } catch {
    return new Set();
  }
}

const name = (row) => `${row.dataset.key}:${row.dataset.rung}`;

/** Puts the dot on every row that has not been opened in its present round. */
export function markUnread(rows) {
  const known = opened();
  for (const row of rows) {
    if (row.dataset.claimable === "yes" && !known.has(name(row))) row.dataset.unread = "yes";
    else delete row.dataset.unread;
  }
}

export function markOpened(row) {
  if (!row) return;
  delete row.dataset.unread;
  const known = opened();
  known.delete(name(row));
  known.add(name(row));
  keep(key(), JSON.stringify([...known].slice(-MOST)));
}
