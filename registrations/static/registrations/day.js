// Keeps the counters of an open day view fresh: the server renders them, this swaps them in.
"use strict";

const REFRESH_EVERY = 5000; // milliseconds

const counters = document.getElementById("counters");
const staleNotice = document.getElementById("counters-stale");

async function refresh() {
  // A swap would take the focus away from somebody who tabs through the slots.
  if (document.hidden || counters.contains(document.activeElement)) return;
  try {
    // An expired session redirects to the log-in: that page must not land among the counters.
    const response = await fetch(counters.dataset.source, { redirect: "error" });
    if (!response.ok) throw new Error(response.status);
    counters.innerHTML = await response.text();
    staleNotice.hidden = true;
  } catch {
    staleNotice.hidden = false;
  }
}

setInterval(refresh, REFRESH_EVERY);
document.addEventListener("visibilitychange", refresh); // at once when the tablet wakes up
