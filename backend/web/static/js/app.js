// Starts what the page needs. Every page works without this file; it only keeps people in place and tells them sooner.
import { startClaimGuard } from "./claim.js";
import { startClocks } from "./clock.js";
import { startDialogs } from "./dialogs.js";
import { startForms } from "./forms.js";
import { startHere } from "./here.js";
import { startKeyed } from "./keyed.js";
import { startKeys } from "./keys.js";
import { startLive } from "./live.js";

import { startMenu } from "./menu.js";
import { startOpened } from "./opened.js";
import { remember } from "./regions.js";
import { startAlerts } from "./alerts.js";
import { startSwaps } from "./swaps.js";
import { startTitle } from "./title.js";

const pages = {
  queue: () => import("./queue.js").then((page) => page.start()),
  session: () => import("./session.js").then((page) => page.start()),
  analytics: () => import("./analytics.js").then((page) => page.start()),
  devices: () => import("./admin.js").then((page) => page.start()),
  admin: () => import("./admin.js").then((page) => page.start()),
  go: () => import("./go.js").then((page) => page.start()),
};

remember();
startHere();
document.documentElement.classList.add("js");
const page = document.body.dataset.page;
startClocks();
startKeyed();
if (document.body.dataset.user) {
  startDialogs();
  startForms();
  startMenu();
  startSwaps();
  startKeys();
}
if (pages[page]) await pages[page]();
if (document.body.dataset.user) {
  startAlerts();
  startTitle();
  startClaimGuard();
  startOpened();
  startLive();
}
document.documentElement.dataset.ready = "yes";
