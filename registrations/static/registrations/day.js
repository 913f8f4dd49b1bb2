// Keeps the counters of an open day view fresh: the server renders them, this swaps them in.
"use strict";

const REFRESH_EVERY = 5000; // milliseconds

const counters = document.getElementById("counters");
const staleNotice = document.getElementById("counters-stale");
const loggedOutNotice = document.getElementById("logged-out");

async function refresh() {
  // A swap would take the focus away from somebody who tabs through the slots.
  if (document.hidden || counters.contains(document.activeElement)) return;
  try {
    // Without a session the answer is a redirect to the log-in: that page must not land among the
    // counters.
    const response = await fetch(counters.dataset.source, { redirect: "manual" });
    const isLoggedOut = response.type === "opaqueredirect";
    if (!response.ok && !isLoggedOut) throw new Error(response.status);
    if (!isLoggedOut) counters.innerHTML = await response.text();
    loggedOutNotice.hidden = !isLoggedOut;
    staleNotice.hidden = true;
  } catch {
    staleNotice.hidden = false;
  }
}

setInterval(refresh, REFRESH_EVERY);
document.addEventListener("visibilitychange", refresh); // at once when the tablet wakes up
