"use strict";
// The map of flows between counties; the same figures stand in the table beside it.

document.addEventListener("DOMContentLoaded", async () => {
  const element = document.getElementById("exchange-map");
  if (!element) return;
  const data = JSON.parse(document.getElementById("exchange-map-data").textContent);
  try {
    await window.YuchangMap.draw(element, data);
    element.dataset.drawn = "yes";
  } catch (error) {
    element.textContent = data.failed;
    element.dataset.drawn = "no";
  }
});
