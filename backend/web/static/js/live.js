// The account's event stream for this page: one cursor, every event once and in order, whatever the network does.
// hello → resume → event/heartbeat; a gap or a head that stays ahead asks again; a reset reads the page anew.
import { clockTime, now, setServerTime, stopClocks } from "./clock.js";
import { refresh } from "./regions.js";
import { announce } from "./say.js";

const RECONNECTING_AFTER = 3000;
const OFFLINE_AFTER = 30000;
const BEHIND_FOR = 5000;
const ACK_EVERY = 2000;

const link = { socket: null, cursor: null, epoch: null, lostAt: 0, tries: 0, refused: 0, behindSince: 0, acked: 0, heard: 0, beat: 20 };
const unconfirmed = new Map();
const OVER = ["handoff.claimed", "handoff.withdrawn", "handoff.resolved", "handoff.released"];
let retryAt = 0;
let timer = 0;
let signedOut = false;

/** Tells the server that a round's alert of this hand-off has been put before the person's eyes.
 * Kept until the log tells of it, or until it no longer matters, so that a broken link loses none. */
export function receipt(handoffId, rung, state) {
  const frame = { type: "receipt", handoff_id: handoffId, state, rung };
  unconfirmed.set(`${handoffId}:${rung}`, frame);
  tell(frame);
}

function confirmed({ kind, data }) {
  if (kind === "handoff.delivery" && data.user.id === document.body.dataset.user) unconfirmed.delete(`${data.handoff_id}:${data.rung}`);
  if (!OVER.includes(kind)) return;
  for (const [key, frame] of unconfirmed) if (frame.handoff_id === data.handoff_id) unconfirmed.delete(key);
}

export function startLive() {
  link.cursor = document.body.dataset.seq ? Number(document.body.dataset.seq) : null;
  link.lostAt = Date.now();
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-retry]")) signedOut ? location.reload() : connect();
  });
  addEventListener("online", () => link.socket || connect());
  addEventListener("pagehide", () => link.socket?.close());
  addEventListener("pageshow", (event) => event.persisted && connect());
  setInterval(watch, 1000);
  connect();
}

function tell(frame) {
  if (link.socket?.readyState !== WebSocket.OPEN || !link.epoch) return false;
  link.socket.send(JSON.stringify(frame));
  return true;
}

function connect() {
  clearTimeout(timer);
  retryAt = 0;
  if (link.socket) return;
  const address = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/events/stream`;
  const socket = new WebSocket(address);
  let greeted = false;
  link.socket = socket;
  socket.addEventListener("message", (message) => {
    greeted = true;
    link.heard = Date.now();
    receive(JSON.parse(message.data));
  });
  socket.addEventListener("close", (event) => {
    if (link.socket !== socket) return;
    link.socket = null;
    if (event.code === 4401 || event.code === 4403) return ended();
    link.refused = greeted ? 0 : link.refused + 1;
    lost(event.code === 4429 ? 15000 : 0);
  });
}

function lost(least) {
  if (!link.lostAt && !polling) link.lostAt = Date.now(); // the long poll knows by itself whether it is answered
  link.tries += 1;
  // Where WebSocket never opens, the long poll reads the same log; the socket is tried again now and then.
  if (link.refused >= 2 && link.cursor !== null) poll();
  const wait = Math.max(least, Math.min(10000, 400 * 2 ** Math.min(link.tries, 5)) * (0.7 + Math.random() * 0.6));
  retryAt = Date.now() + wait;
  timer = setTimeout(connect, wait);
}

function restored() {
  link.tries = 0;
  if (link.lostAt && Date.now() - link.lostAt > RECONNECTING_AFTER) refresh().catch(() => undefined);
  link.lostAt = 0;
  for (const frame of unconfirmed.values()) tell(frame);
  show("live", "Live");
}

function receive(frame) {
  if (frame.type === "hello") hello(frame);
  else if (frame.type === "event") event(frame);
  else if (frame.type === "heartbeat") beat(frame.head);
  else if (frame.type === "reset") reset(frame);
  else if (frame.type === "bye") link.tries = Math.max(0, link.tries - 1);
}

function hello(frame) {
  setServerTime(frame.server_time);
  link.beat = frame.heartbeat_s;
  const other = link.epoch && link.epoch !== frame.epoch;
  link.epoch = frame.epoch;
  if (link.cursor === null || other) {
    link.cursor = frame.head;
    refresh().catch(() => undefined);
  }
  tell({ type: "resume", after: link.cursor, epoch: frame.epoch });
  restored();
}

function event(frame) {
  if (frame.seq <= link.cursor) return;
  if (frame.prev > link.cursor) {
    tell({ type: "resume", after: link.cursor, epoch: link.epoch });
    return;
  }
  link.cursor = frame.seq;
  link.behindSince = 0;
  confirmed(frame);
  document.dispatchEvent(new CustomEvent("fp:event", { detail: frame }));
}

function beat(head) {
  if (head <= link.cursor) link.behindSince = 0;
  else link.behindSince ||= Date.now();
}

function reset(frame) {
  link.epoch = frame.epoch;
  // The page read after this frame knows at least everything up to its head.
  link.cursor = frame.head;
  refresh().then(() => tell({ type: "resume", after: link.cursor, epoch: link.epoch })).catch(() => link.socket?.close());
}

let polling = false;
async function poll() {
  if (polling) return;
  polling = true;
  try {
    while (!link.socket?.readyState) {
      const response = await fetch(`/api/v1/events?after=${link.cursor}&wait=25`, { signal: AbortSignal.timeout(40000) });
      if (response.status === 401) return ended();
      if (!response.ok) throw new Error(String(response.status));
      const page = await response.json();
      restored();
      if (page.reset) {
        link.cursor = page.head;
        await refresh();
      }
      page.events.forEach(event);
    }
  } catch (error) {
    link.lostAt ||= Date.now();
  } finally {
    polling = false;
  }
}

function watch() {
  const at = Date.now();
  if (link.behindSince && at - link.behindSince > BEHIND_FOR) {
    link.behindSince = 0;
    tell({ type: "resume", after: link.cursor, epoch: link.epoch });
  }
  // A dead line says nothing: two missed heartbeats and the socket is given up.
  if (link.socket?.readyState === WebSocket.OPEN && link.heard && at - link.heard > (link.beat * 2 + 5) * 1000) link.socket.close();
  if (link.cursor > link.acked && at % ACK_EVERY < 1000 && tell({ type: "ack", seq: link.cursor })) link.acked = link.cursor;
  if (!link.lostAt) return;
  const away = at - link.lostAt;
  if (away > OFFLINE_AFTER) {
    const seconds = Math.max(0, Math.round((retryAt - at) / 1000));
    const again = link.socket ? "Trying again now." : `Trying again in ${seconds} s.`;
    show("offline", "Offline", `This page is offline since ${clockTime(now() - away, true)}.`, again);
  } else if (away > RECONNECTING_AFTER) show("reconnecting", "Reconnecting");
}

function ended() {
  link.lostAt = 0;
  clearTimeout(timer);
  signedOut = true;
  show("offline", "Signed out", "Your sign-in has ended. Sign in to see the queue.");
}

function show(state, words, banner = "", again = "") {
  const status = document.querySelector("[data-live]");
  if (status && status.dataset.state !== state) {
    if (status.dataset.state !== "connecting" && !banner) announce(words); // the banner is an alert itself
    status.dataset.state = state;
    status.querySelector("[data-live-text]").textContent = words;
    stopClocks(state === "offline");
    document.dispatchEvent(new CustomEvent("fp:link", { detail: { state, heard: link.heard - Date.now() + now() } }));
  }
  // The seconds tick for the eye alone: a live region that changes each second would be read out each second.
  for (const place of document.querySelectorAll("[data-again]")) place.textContent = again;
  const bar = document.querySelector("[data-offline]");
  if (!bar) return;
  bar.hidden = !banner;
  const text = bar.querySelector("[data-offline-text]");
  if (text.textContent !== banner) text.textContent = banner;
}
