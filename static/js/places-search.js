"use strict";
// Arrow keys lead from the search box into the results and among them: <input data-arrows-into="found">.

document.addEventListener("keydown", (event) => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  const box = document.querySelector("[data-arrows-into]");
  if (!box) return;
  const links = [...document.getElementById(box.dataset.arrowsInto).querySelectorAll("tbody a")];
  const here = links.indexOf(document.activeElement);
  if (here < 0 && document.activeElement !== box) return;
  const next = here + (event.key === "ArrowDown" ? 1 : -1);
  event.preventDefault();
  if (next < 0) box.focus();
  else if (links[next]) links[next].focus();
});
