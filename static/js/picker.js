"use strict";
// <input data-picker="category">: the person types a name, chooses, and the form sends the code.
// Without this script the code itself can be typed.

(() => {
  const address = "/categories?q=";
  for (const input of document.querySelectorAll("input[data-picker=category]")) set(input);

  function set(code) {
    const box = document.createElement("input");
    box.type = "text";
    box.autocomplete = "off";
    box.id = code.id;
    box.required = code.required;
    box.setAttribute("role", "combobox");
    box.setAttribute("aria-autocomplete", "list");
    box.setAttribute("aria-expanded", "false");
    const described = code.getAttribute("aria-describedby");
    if (described) box.setAttribute("aria-describedby", described);
    const list = document.createElement("ul");
    list.className = "picker-list";
    list.id = `${code.id}_list`;
    list.setAttribute("role", "listbox");
    list.hidden = true;
    box.setAttribute("aria-controls", list.id);
    code.id = `${code.id}_code`;
    code.type = "hidden";
    code.dataset.given = code.value;
    code.before(box);
    box.after(list);
    const unit = code.form.elements.unit;
    let asked = 0;

    function choose(item) {
      code.value = item.code;
      box.value = item.word;
      if (unit && !unit.value) unit.value = item.unit;
      close();
    }
    function close() { list.hidden = true; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); }

    async function ask(word) {
      asked += 1;
      const mine = asked;
      const answer = await fetch(address + encodeURIComponent(word), { credentials: "same-origin" });
      if (!answer.ok || mine !== asked) return [];
      return (await answer.json()).items;
    }
    async function show() {
      const items = await ask(box.value);
      list.textContent = "";
      items.forEach((item, i) => {
        const line = document.createElement("li");
        line.id = `${list.id}_${i}`;
        line.setAttribute("role", "option");
        line.setAttribute("aria-selected", "false");
        const above = document.createElement("small");
        above.textContent = item.above;
        line.append(item.word, above);
        line.addEventListener("mousedown", (event) => { event.preventDefault(); choose(item); });
        line.choose = () => choose(item);
        list.append(line);
      });
      list.hidden = !items.length;
      box.setAttribute("aria-expanded", String(items.length > 0));
    }
    function move(step) {
      const lines = Array.prototype.slice.call(list.children);
      if (!lines.length) return;
      const here = lines.findIndex((line) => line.getAttribute("aria-selected") === "true");
      const next = lines[(here + step + lines.length) % lines.length];
      lines.forEach((line) => line.setAttribute("aria-selected", String(line === next)));
      box.setAttribute("aria-activedescendant", next.id);
      next.scrollIntoView({ block: "nearest" });
    }
    box.addEventListener("input", () => { code.value = box.value; show(); });
    box.addEventListener("focus", show);
    box.addEventListener("blur", close);
    box.addEventListener("keydown", (event) => {
      const chosen = list.querySelector("[aria-selected=true]");
      if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); move(event.key === "ArrowDown" ? 1 : -1); }
      else if (event.key === "Enter" && chosen && !list.hidden) { event.preventDefault(); chosen.choose(); }
      else if (event.key === "Escape") close();
    });
    // A code that the form was given, or that a draft brought back, is shown by its name.
    function name() {
      const given = code.value;
      if (given) ask(given).then((items) => { const same = items.find((item) => item.code === given); box.value = same ? same.word : given; });
    }
    code.addEventListener("change", name);
    name();
  }
})();
