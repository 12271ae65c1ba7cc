"use strict";
// Where the network fails while a form is sent, what was typed is not lost and is not written twice.
// Without a network nothing is sent. What was sent and got no answer is kept in this tab until an answer of ours
// shows that it arrived, and comes back into the form with its number, by which the server knows it again.
// Passwords, codes, files and numbers of identity, telephone and card are never kept.
(() => {
  const KEY = "yuchang-draft";
  const HOURS = 12;
  const SECRET = /password|code|otp|identity|id_number|id_card|phone|telephone|bank|card|account/i;
  const notice = document.getElementById("no-network");
  const owner = document.body.dataset.owner || "";

  function say(what) {
    if (!notice) return;
    notice.hidden = !what;
    notice.textContent = what ? notice.dataset[what] : "";
  }
  window.addEventListener("offline", () => say("offline"));
  window.addEventListener("online", () => say(""));
  if (navigator.onLine === false) say("offline");

  function read() {
    try { return JSON.parse(sessionStorage.getItem(KEY)); } catch (error) { return null; }
  }
  function write(draft) {
    try {
      if (draft) sessionStorage.setItem(KEY, JSON.stringify(draft));
      else sessionStorage.removeItem(KEY);
    } catch (error) { /* a full or closed store keeps nothing */ }
  }
  const alike = (action) => Array.prototype.filter.call(document.querySelectorAll("main form"), (form) => form.method === "post" && form.getAttribute("action") === action);
  const isKept = (field) => field.name && !field.disabled && !SECRET.test(field.name)
    && (Boolean(field.dataset.picker) || !/^(hidden|password|file|submit|button|reset)$/.test(field.type));
  // What a hidden field is set to counts as its default: the picker notes what it was given.
  const isChanged = (field) => (field.dataset.given !== undefined ? field.value !== field.dataset.given : field.type === "checkbox" || field.type === "radio"
    ? field.checked !== field.defaultChecked
    : field.tagName === "SELECT"
      ? Array.prototype.some.call(field.options, (option) => option.selected !== option.defaultSelected)
      : field.value !== field.defaultValue);

  function number() {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.prototype.map.call(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // The number under which this form is sent: the same one when it is sent again.
  function numbered(form) {
    let field = form.querySelector("input[name=sending]");
    if (!field) {
      field = document.createElement("input");
      field.type = "hidden";
      field.name = "sending";
      field.value = number();
      form.append(field);
    }
    return field;
  }

  function bringBack(draft) {
    const form = alike(draft.action)[draft.form];
    if (!form) return;
    const fields = Array.prototype.filter.call(form.elements, isKept);
    for (const [name, values] of draft.fields) {
      const same = fields.filter((field) => field.name === name);
      same.forEach((field, i) => {
        if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
        else if (field.multiple) for (const option of field.options) option.selected = values.includes(option.value);
        else if (values[i] !== undefined) {
          field.value = values[i];
          if (field.dataset.picker) field.dispatchEvent(new Event("change"));
        }
      });
    }
    numbered(form).value = draft.sending;
    say("kept");
    if (!form.closest("details") || form.closest("details").open) return;
    form.closest("details").open = true;
  }

  const draft = read();
  const arrival = performance.getEntriesByType("navigation")[0];
  const isReturn = Boolean(arrival) && arrival.type !== "navigate";
  const isAnswer = document.referrer.indexOf(window.location.origin) === 0
    && new URL(document.referrer).pathname === (draft || {}).path && !isReturn;
  if (draft && owner) {
    const isOld = Date.now() - draft.at > HOURS * 3600000 || draft.owner !== owner;
    const isHere = draft.path === window.location.pathname;
    if (isOld || (isAnswer && !document.querySelector(".error-page"))) write(null);
    else if (isHere) bringBack(draft);
  }

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (navigator.onLine === false) {
      event.preventDefault();
      event.stopImmediatePropagation();
      say("unsent");
      return;
    }
    if (form.matches("header form")) { if (form.action.includes("sign-out")) write(null); return; }
    if (!owner || !form.closest("main")) return;
    const sending = numbered(form).value;
    const kept = Array.prototype.filter.call(form.elements, isKept);
    if (!kept.some(isChanged)) return;
    const fields = new Map();
    for (const field of kept) {
      const values = fields.get(field.name) || [];
      if (field.type === "checkbox" || field.type === "radio") { if (field.checked) values.push(field.value); }
      else if (field.multiple) values.push(...Array.prototype.map.call(field.selectedOptions, (option) => option.value));
      else values.push(field.value);
      fields.set(field.name, values);
    }
    const action = form.getAttribute("action");
    write({ owner, path: window.location.pathname, form: alike(action).indexOf(form), action, at: Date.now(), sending, fields: [...fields] });
  }, true);
})();
