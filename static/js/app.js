"use strict";
// Small helps that every page may use. Everything works without them.

document.documentElement.classList.add("js");

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-print], [data-filter], .menu-button");
  if (!target) return;
  if (target.hasAttribute("data-print")) window.print();
  else if (target.matches(".menu-button")) target.setAttribute("aria-expanded", String(target.getAttribute("aria-expanded") !== "true"));
  else filterStory(target);
});

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
