// The day view. Searches and check-ins replace parts of the page: the field Find stays, so that no
// key of a scanner is lost while the answer is on its way. Counters refresh by themselves.
"use strict";

const REFRESH_EVERY = 5000; // milliseconds
const QUIET = 300; // milliseconds; the keys of a scanner, and its second Enter, come faster
const PATIENCE = 15000; // milliseconds; longer than the service tries

const findForm = document.getElementById("find-form");
const find = document.getElementById("find");
const unreachable = document.getElementById("unreachable");
const part = (name) => document.getElementById(name);

let edited = find.value !== ""; // somebody has typed since the last search
let lastKey = 0; // when a key was last pressed in Find
let shownAt = performance.now(); // when the page last changed
let search = null; // the search on its way: how to stop it, and when it began
let foundAt = 0; // when the answer of a search was last shown
let outcomeAt = 0; // when the outcome of a check-in was last shown
let checkIn = null; // the check-in on its way

/* The answer -------------------------------------------------------------------------- */

async function request(url, options, stop = new AbortController()) {
  const timer = setTimeout(() => stop.abort(), PATIENCE);
  try {
    const response = await fetch(url, { ...options, signal: stop.signal });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    if (response.status >= 500) throw new Error(response.status);
    // No day in the answer: the session has ended, or a permission is gone. The browser shows it.
    return { page: page.getElementById("found") && page, url: response.url };
  } finally {
    clearTimeout(timer);
  }
}

function show({ page, url }, names) {
  for (const name of names) {
    const changed = page.getElementById(name);
    part(name).replaceChildren(...changed.childNodes);
    Object.assign(part(name).dataset, changed.dataset);
  }
  history.replaceState(null, "", url);
  unreachable.hidden = true;
  shownAt = performance.now();
  if (names.includes("found") && !edited) select(part("found").dataset.text);
  settle();
}

function select(text) {
  find.value = text;
  find.focus();
  find.select();
}

// While the page changes under a finger, no touch counts; then Enter may confirm.
function settle() {
  document.body.classList.add("settling");
  document.body.classList.remove("armed");
  clearTimeout(settle.timer);
  settle.timer = setTimeout(() => {
    if (checkIn) return;
    document.body.classList.remove("settling");
    document.body.classList.toggle("armed", isCardOfText() && !search);
  }, QUIET);
}

/* Finding ----------------------------------------------------------------------------- */

async function startSearch() {
  search?.stop.abort();
  const stop = new AbortController();
  const mine = { stop, at: performance.now() };
  search = mine;
  edited = false;
  document.body.classList.remove("armed");
  const text = find.value.trim();
  find.select(); // the next scan replaces this one, whatever the answer
  const url = text ? `?${new URLSearchParams({ q: text })}` : location.pathname;
  await checkIn; // what was confirmed before is shown before
  if (search !== mine) return;
  try {
    const answer = await request(url, {}, stop);
    if (search !== mine) return;
    search = null;
    if (!answer.page) location.assign(url);
    else show(answer, outcomeAt > mine.at ? ["tools", "found"] : ["tools", "outcome", "found"]);
    foundAt = performance.now();
  } catch {
    if (search !== mine) return; // a later scan has taken its place
    search = null;
    unreachable.hidden = false;
  }
}

/* Whether the card on the page is the one of the text in Find, which nobody has touched. */
function isCardOfText() {
  return !edited && part("card") !== null && find.value.trim() === part("found").dataset.text;
}

find.addEventListener("input", () => {
  edited = true;
  document.body.classList.remove("armed");
});

find.addEventListener("keydown", (event) => {
  const isCalm = event.timeStamp - Math.max(lastKey, shownAt) >= QUIET;
  lastKey = event.timeStamp;
  if (event.key !== "Enter" || event.isComposing) return;
  event.preventDefault();
  if (event.repeat) return;
  // A scanner that presses Enter twice, and one who cannot wait, do not confirm what they have
  // not seen: only Enter by itself, some time after the card has appeared, checks in.
  if (edited) startSearch();
  else if (search || checkIn || !isCalm) settle();
  else if (isCardOfText()) send(part("card"));
  else if (find.value) startSearch();
});

// A scan finds its way into Find wherever the focus is, and never presses the button under it.
document.addEventListener("keydown", (event) => {
  const isText = event.key.length === 1 && event.key !== " ";
  if (!isText || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === find) return;
  find.focus();
  find.select();
});

// After a tick by finger or mouse the scanner goes on; by keyboard (detail 0) the focus stays.
document.addEventListener("click", (event) => {
  if (event.detail > 0 && event.target.matches(".tick input")) find.focus();
});

/* Checking in ------------------------------------------------------------------------- */

function send(form) {
  if (checkIn) return;
  checkIn = post(form).finally(() => {
    checkIn = null;
    settle();
  });
}

async function post(form) {
  const began = performance.now();
  document.body.classList.add("settling");
  try {
    const answer = await request(form.action, {
      method: "POST",
      keepalive: true, // arrives even if somebody leaves the page at once
      body: new URLSearchParams(new FormData(form)),
    });
    // Nothing was done: the browser sends it again, and shows the log-in, or why not.
    if (!answer.page) return form.submit();
    outcomeAt = performance.now();
    // A search that is on its way, or was answered meanwhile, shows whom it finds.
    const isOvertaken = search !== null || foundAt > began;
    show(answer, isOvertaken ? ["outcome"] : ["tools", "outcome", "found"]);
  } catch {
    unreachable.hidden = false;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form !== findForm && !("touch" in form.dataset)) return;
  event.preventDefault();
  if (form === findForm) startSearch();
  else send(form);
});

/* Counters ---------------------------------------------------------------------------- */

async function refresh() {
  const counters = part("counters");
  // A swap would take the focus away from somebody who tabs through the slots.
  if (document.hidden || counters.contains(document.activeElement)) return;
  try {
    // Without a session the answer is a redirect to the log-in: that page must not land among the
    // counters.
    const response = await fetch(counters.dataset.source, { redirect: "manual" });
    const isLoggedOut = response.type === "opaqueredirect";
    if (!response.ok && !isLoggedOut) throw new Error(response.status);
    if (!isLoggedOut) counters.innerHTML = await response.text();
    part("logged-out").hidden = !isLoggedOut;
    part("counters-stale").hidden = true;
  } catch {
    part("counters-stale").hidden = false;
  }
}

setInterval(refresh, REFRESH_EVERY);
document.addEventListener("visibilitychange", refresh); // at once when the tablet wakes up

/* At first ---------------------------------------------------------------------------- */

if (!edited) select(part("found").dataset.text);
settle();
