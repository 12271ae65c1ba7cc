"use strict";
// Small helps that every page may use. Everything works without them.

document.documentElement.classList.add("js");

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-print], [data-back], [data-filter], .menu-button");
  if (!target) return;
  if (target.hasAttribute("data-print")) window.print();
  else if (target.hasAttribute("data-back")) history.back();
  else if (target.matches(".menu-button")) target.setAttribute("aria-expanded", String(target.getAttribute("aria-expanded") !== "true"));
  else filterStory(target);
});

// Back from a page that says what went wrong; the browser still holds what was typed there.
for (const button of document.querySelectorAll("[data-back]")) button.hidden = history.length < 2;

// Kind filters of a timeline: <button data-filter="money" aria-controls="story">.
function filterStory(button) {
  const story = document.getElementById(button.getAttribute("aria-controls"));
  const kind = button.dataset.filter;
  for (const other of button.closest(".tabs").querySelectorAll("[data-filter]")) {
    other.setAttribute("aria-pressed", String(other === button));
  }
  for (const item of story.children) item.hidden = kind !== "" && item.dataset.kind !== kind;
}

// A select that asks for its list at once: <select data-autosubmit>.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-autosubmit]")) event.target.form.requestSubmit();
});

// A telephone shows the rows of a list as cards: every value carries the name of its column.
function asCards(within) {
  for (const table of within.querySelectorAll("table[data-rows]:not(.as-cards)")) {
    const heads = Array.prototype.map.call(table.tHead ? table.tHead.rows[0].cells : [], (head) => {
      const word = head.cloneNode(true);
      for (const mark of word.querySelectorAll("[aria-hidden]")) mark.remove();
      return word.textContent.trim();
    });
    if (heads.length < 3) continue;
    for (const row of table.tBodies[0] ? table.tBodies[0].rows : []) {
      if (row.cells.length !== heads.length) continue;
      for (let i = 1; i < heads.length; i += 1) if (heads[i]) row.cells[i].dataset.head = heads[i];
    }
    table.classList.add("as-cards");
  }
}
asCards(document);
document.addEventListener("htmx:load", (event) => asCards(event.target));

// A telephone shows the search of a list first; its other filters open at a press, or stand open while they narrow.
for (const form of document.querySelectorAll("form.filters")) {
  const more = form.querySelector(".more-filters");
  if (!more || !form.querySelector(":scope > .wide") || form.querySelectorAll(":scope > div").length < 4) continue;
  const open = (isOpen) => { form.classList.toggle("is-open", isOpen); more.setAttribute("aria-expanded", String(isOpen)); };
  form.classList.add("can-fold");
  more.hidden = false;
  open(form.hasAttribute("data-narrowed"));
  more.addEventListener("click", () => open(!form.classList.contains("is-open")));
}

// The order of ticked lines, by keys as well as by mouse: <ol class="ordered"> with [data-move] buttons. The
// button pressed keeps the focus, so that a line can be moved on; where it stands now is said.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-move]");
  if (!button) return;
  const line = button.closest("li");
  const isUp = button.dataset.move === "up";
  const other = isUp ? line.previousElementSibling : line.nextElementSibling;
  if (other) line.parentElement.insertBefore(isUp ? line : other, isUp ? other : line);
  button.focus();
  const places = Array.prototype.slice.call(line.parentElement.children);
  const said = line.closest("fieldset").querySelector("[role=status]");
  if (said) said.textContent = `${line.querySelector("label").textContent.trim()} ${places.indexOf(line) + 1} / ${places.length}`;
});

// One press is one request: a submitted form's button rests until the page changes.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "post" || event.target.hasAttribute("hx-post")) return;
  const button = event.submitter;
  if (button) setTimeout(() => { button.disabled = true; }, 0);
});
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[method=post] button:disabled")) button.disabled = false;
});

// Drop-downs made of <details class="drop">: one at a time, shut by Escape and by a click elsewhere.
document.addEventListener("click", (event) => {
  for (const drop of document.querySelectorAll("details.drop[open]")) {
    if (!drop.contains(event.target)) drop.open = false;
  }
});

// Keys: / finds, j and k walk the rows of the first table, Enter opens, n and p turn the page, g h goes home,
// ? opens the help. Nothing while somebody types.
(() => {
  let before = "";
  const isTyping = (target) => target.closest("input, select, textarea, [contenteditable]") !== null;
  const table = () => document.querySelector("main table[data-rows]");

  function walk(step) {
    const body = table() && table().tBodies[0];
    if (!body || !body.rows.length) return;
    const rows = Array.prototype.slice.call(body.rows);
    const here = rows.findIndex((row) => row.classList.contains("at"));
    const next = rows[Math.max(0, Math.min(rows.length - 1, here + step))];
    rows.forEach((row) => row.classList.toggle("at", row === next));
    const link = next.querySelector("a");
    if (link) link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  function follow(selector) {
    const link = document.querySelector(selector);
    if (link) window.location.assign(link.href);
  }

  const keys = {
    "/": () => { const box = document.getElementById("global-search"); if (box) box.focus(); },
    j: () => walk(1),
    k: () => walk(-1),
    n: () => follow(".pager a[rel=next]"),
    p: () => follow(".pager a[rel=prev]"),
    "?": () => { const button = document.querySelector("[data-help]"); if (button) button.click(); },
  };

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") return shut();
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return undefined;
    const wanted = before === "g" && event.key === "h" ? () => follow("a.brand") : keys[event.key];
    before = event.key;
    if (!wanted) return undefined;
    event.preventDefault();
    return wanted();
  });

  // Suggestions below the search box: arrows lead into them.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const list = document.getElementById("suggestions");
    const box = document.getElementById("global-search");
    if (!list || !(event.target === box || list.contains(event.target))) return;
    const links = Array.prototype.slice.call(list.querySelectorAll("a"));
    const next = links.indexOf(event.target) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    if (next < 0) box.focus();
    else if (links[next]) links[next].focus();
  });

  // The help panel beside the page.
  function shut() {
    for (const drop of document.querySelectorAll("details.drop[open]")) drop.open = false;
    const list = document.getElementById("suggestions");
    if (list) list.textContent = "";
    showHelp(false);
  }
  function showHelp(isOpen) {
    const panel = document.getElementById("help");
    const button = document.querySelector("[data-help]");
    if (!panel || !button) return;
    const wasOpen = !panel.hidden;
    panel.hidden = !isOpen;
    button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) panel.querySelector("[data-help-close]").focus();
    else if (wasOpen) button.focus();
  }
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-help-close]")) showHelp(false);
    else if (event.target.closest("[data-help]")) showHelp(document.getElementById("help").hidden);
    const list = document.getElementById("suggestions");
    if (list && !event.target.closest(".search")) list.textContent = "";
  });
})();

// Reading a page aloud, where the browser can: <button data-read="id of what is read" hidden>.
(() => {
  const speech = window.speechSynthesis;
  if (!speech || !window.SpeechSynthesisUtterance) return;
  for (const button of document.querySelectorAll("[data-read]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      if (speech.speaking) { speech.cancel(); return; }
      const text = document.getElementById(button.dataset.read).innerText;
      const words = new window.SpeechSynthesisUtterance(text);
      words.lang = document.documentElement.lang.indexOf("en") === 0 ? "en" : "zh-CN";
      speech.speak(words);
    });
  }
})();
