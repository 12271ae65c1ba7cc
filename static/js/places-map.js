"use strict";
// The map page: draws what the page says, and says where the outlines come from.

document.addEventListener("DOMContentLoaded", async () => {
  const element = document.getElementById("places-map");
  const data = JSON.parse(document.getElementById("places-map-data").textContent);
  const note = document.getElementById("places-map-note");
  const open = (code) => { if (code !== data.area && /^\d{12}$/.test(code)) window.location.assign(data.areaUrl + code); };
  const drawn = await window.YuchangMap.draw(element, { ...data, onOpen: open });
  note.textContent = drawn.reviewNumber ? data.notes.review + drawn.reviewNumber : data.notes[drawn.source];
  element.dataset.drawn = drawn.source;
});
