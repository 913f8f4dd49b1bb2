// Keeps the counters of an open day view fresh: the server draws them, this swaps them in.
"use strict";

const EVERY = 5000; // milliseconds
const counters = document.getElementById("counters");
const stale = document.getElementById("counters-stale");

async function refresh() {
  if (document.hidden || counters.contains(document.activeElement)) return;
  try {
    const answer = await fetch(counters.dataset.source, { redirect: "error" });
    if (!answer.ok) throw new Error(answer.status);
    counters.innerHTML = await answer.text();
    stale.hidden = true;
  } catch {
    stale.hidden = false;
  }
}

setInterval(refresh, EVERY);
document.addEventListener("visibilitychange", refresh);
