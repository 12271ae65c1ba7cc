"use strict";
// The window of the telephone: what was taken along, forms filled without a network, and their way home.
// Everything it stores goes through the vault; every report carries a number of its own, under which the server
// writes it once however often it is sent.
(() => {
  const at = document.body.dataset;
  const vault = window.yuchangVault;
  const words = document.getElementById("words").dataset;
  const DAY = 86400000;
  const IDLE = 10 * 60000; // then the page locks itself
  const PATIENCE = 25000; // milliseconds that an answer may take
  const EVERY = 60000; // how often unsent reports are tried
  const SHOWN = 60; // households listed at once
  const EASY = /^(\d)\1+$|^(0123456789|1234567890|123456|654321|12345678|87654321)$/;
  let pack = null;
  let outbox = [];
  let here = { screen: "", report: null };
  let standing = null;
  let offset = 0; // milliseconds that the server's clock is ahead of this one
  let photos = new Map(); // how many photos of which report are still here
  let isSending = false;
  let touched = Date.now();

  const one = (selector, within) => (within || document).querySelector(selector);
  const every = (selector, within) => Array.prototype.slice.call((within || document).querySelectorAll(selector));
  const part = (name, within) => one(`[data-part="${name}"]`, within);
  const formOf = (name) => one(`form[data-form="${name}"]`);
  const fill = (text, values) => text.replace(/__(\w+)__/g, (whole, name) => (name in values ? values[name] : whole));
  // The server's clock as far as it is known: a telephone's own may be wrong, and a simulated county has another day.
  const now = () => new Date(Date.now() + offset);
  const today = () => new Date(now() - now().getTimezoneOffset() * 60000).toISOString().slice(0, 10);
  const clock = (instant) => { const when = new Date(instant); return `${when.getMonth() + 1}-${when.getDate()} ${String(when.getHours()).padStart(2, "0")}:${String(when.getMinutes()).padStart(2, "0")}`; };

  function element(name, text, classes) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (classes) made.className = classes;
    return made;
  }
  const say = (name, text) => { for (const spot of every(`[data-say="${name}"]`)) spot.textContent = text; };

  function trouble(text, way) {
    const box = document.getElementById("trouble");
    box.hidden = !text;
    box.textContent = text || "";
    if (way) {
      const link = element("a", ` ${way}`);
      link.href = at.signIn;
      box.append(link);
    }
    if (text) box.scrollIntoView({ block: "nearest" });
  }

  const INNER = ["household", "visit", "entry"];

  // A form is a step further; back at the list the step is taken back, so that steps do not pile up.
  function step(screen) {
    const isInner = Boolean(window.history.state && window.history.state.isInner);
    if (INNER.includes(screen) && !isInner) window.history.pushState({ isInner: true }, "");
    else if (screen === "home" && isInner) window.history.back();
  }

  function show(screen) {
    here.screen = screen;
    step(screen);
    for (const section of every("[data-screen]")) section.hidden = section.dataset.screen !== screen;
    one('[data-do="lock"]').hidden = !vault.isOpen();
    trouble("");
    document.getElementById("main").focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }

  // --- the network --------------------------------------------------------------------------------

  // Answers {status, content}; status 0: nothing of ours answered in time, -1: signed out. What some other machine
  // says on the way, a page of a hotel or a proxy, is no answer.
  async function ask(address, content) {
    const stop = new AbortController();
    const limit = setTimeout(() => stop.abort(), content instanceof FormData ? 4 * PATIENCE : PATIENCE);
    const how = { credentials: "same-origin", redirect: "manual", headers: { Accept: "application/json" }, signal: stop.signal };
    if (content !== undefined) {
      const isForm = content instanceof FormData;
      how.method = "POST";
      how.body = isForm ? content : JSON.stringify(content);
      if (!isForm) how.headers["Content-Type"] = "application/json";
      how.headers["X-CSRFToken"] = standing ? standing.token : "";
    }
    try {
      const answer = await fetch(address, how);
      if (answer.type === "opaqueredirect") return { status: -1, content: {} };
      const isOurs = (answer.headers.get("Content-Type") || "").includes("json");
      return isOurs ? { status: answer.status, content: await answer.json() } : { status: 0, content: {} };
    } catch (error) {
      return { status: 0, content: {} };
    } finally {
      clearTimeout(limit);
    }
  }

  // Who is signed in, and whether this telephone may go on. Null when that cannot be known now.
  async function stand() {
    const device = await vault.device();
    const answer = await ask(`${at.standing}?device=${device ? device.uid : ""}`);
    standing = answer.status === 200 ? answer.content : null;
    if (standing) offset = Date.parse(standing.now) - Date.now();
    const line = document.getElementById("line");
    line.hidden = answer.status === 200;
    line.textContent = answer.status === -1 ? words.signedOut : words.offline;
    if (answer.status === -1) {
      const link = element("a", ` ${words.signIn}`);
      link.href = at.signIn;
      line.append(link);
    }
    return standing;
  }

  async function stillMine() {
    const device = await vault.device();
    if (!device || !standing) return Boolean(standing);
    if (standing.user !== device.user) { trouble(words.otherPerson); return false; }
    if (standing.device === "closed") {
      await vault.forgetAll();
      pack = null;
      outbox = [];
      show("ready");
      trouble(words.notReady);
      return false;
    }
    return standing.device === "ready" || known();
  }

  // A server that was set back to an earlier day does not know this telephone: it is introduced again with its key.
  async function known() {
    if (!vault.isOpen()) return false;
    const answer = await ask(at.open, { name: nameOfThis(), key: vault.toText(vault.rawKey()) });
    if (answer.status !== 201) { trouble(said(answer)); return false; }
    await vault.adopt(answer.content.device);
    return true;
  }

  // --- PIN ----------------------------------------------------------------------------------------

  function pinTrouble(pin, again) {
    if (!/^\d+$/.test(pin) || pin.length < Number(at.pin)) return words.pinShort;
    if (EASY.test(pin)) return words.pinSimple;
    return pin === again ? "" : words.pinDiffers;
  }

  function nameOfThis() {
    const found = /\(([^)]*)\)/.exec(navigator.userAgent);
    return found ? found[1].slice(0, 80) : "";
  }

  async function makeReady(form) {
    const pin = form.elements.pin.value;
    const wrong = pinTrouble(pin, form.elements.again.value);
    if (wrong) return trouble(wrong);
    if (!await stand()) return trouble(words.needNetwork, words.signIn);
    const known = await vault.device();
    if (known && !known.wrapped) return newPin(form, known, pin);
    const raw = vault.newKey();
    const answer = await ask(at.open, { name: nameOfThis(), key: vault.toText(raw) });
    if (answer.status !== 201) return trouble(said(answer));
    const made = answer.content;
    await vault.open({ uid: made.device, user: made.user, until: Date.now() + made.days * DAY }, raw, pin);
    form.reset();
    if (navigator.storage && navigator.storage.persist) navigator.storage.persist();
    return enter();
  }

  async function newPin(form, known, pin) {
    if (!await stillMine()) return undefined;
    const answer = await ask(at.key, { device: known.uid });
    if (answer.status !== 200) return trouble(said(answer));
    await vault.newPin(vault.toBytes(answer.content.key), pin, Date.now() + answer.content.days * DAY);
    form.reset();
    return enter();
  }

  const said = (answer) => (answer.status > 0 && answer.content.message ? `${answer.content.message}${answer.content.remedy || ""}` : answer.status > 0 ? words.failed : words.needNetwork);

  async function unlock(form) {
    const result = await vault.unlock(form.elements.pin.value);
    form.reset();
    if (result === "open") return enter();
    if (result === "gone") { show("ready"); return trouble(words.pinGone); }
    return trouble(fill(words.pinWrong, { n: result }));
  }

  async function lock() {
    await flush();
    vault.lock();
    pack = null;
    outbox = [];
    here.report = null;
    for (const form of every("form[data-form]")) form.reset();
    part("members").textContent = "";
    for (const list of every(".phone-list, .phone-photos, dl.facts, [data-part=visits]")) list.textContent = "";
    for (const spot of every("[data-say]")) spot.textContent = "";
    show("locked");
    document.getElementById("pin").focus();
  }

  async function enter() {
    pack = await vault.get("packs", "this");
    if (pack) offset = pack.offset;
    if (pack && pack.until < Date.now()) {
      await vault.remove("packs", "this");
      pack = null;
      drawHome();
      trouble(words.over);
    } else drawHome();
    photos = await vault.photoCounts();
    outbox = (await vault.all("outbox")).sort((a, b) => (a.made_at < b.made_at ? 1 : -1));
    drawOutbox();
    drawAlerts();
    await clearAway();
    await stand();
    drawVillages();
    send();
  }

  // --- home ---------------------------------------------------------------------------------------

  function drawHome() {
    show("home");
    part("pack").hidden = false;
    say("village", pack ? (pack.village ? pack.village.name : words.assigned) : words.nothing);
    say("taken", pack ? fill(words.taken, { at: clock(pack.taken), until: clock(pack.until) }) : "");
    const left = one('[data-say="left-out"]');
    left.hidden = !(pack && pack.has_more);
    left.textContent = pack ? fill(words.leftOut, { n: pack.households.length }) : "";
    one('[data-do="entry"]').hidden = !(pack && pack.may_enter && pack.village);
    drawOutbox();
    drawAlerts();
    drawHouseholds();
  }

  function drawVillages() {
    const select = part("villages");
    const choices = standing ? standing.villages.map((village) => [String(village.id), village.name]) : [];
    if (standing && standing.has_assigned) choices.unshift(["", words.assigned]);
    const chosen = pack ? (pack.village ? String(pack.village.id) : "") : (choices[0] || [""])[0];
    select.textContent = "";
    for (const [value, word] of choices) {
      const option = element("option", word);
      option.value = value;
      option.selected = value === chosen;
      select.append(option);
    }
    select.hidden = choices.length < 2;
  }

  async function take() {
    if (!await stand()) return trouble(words.needNetwork, words.signIn);
    if (!await stillMine()) return undefined;
    if (!part("villages").options.length) drawVillages();
    const chosen = part("villages").value;
    const wrong = await bring(chosen ? Number(chosen) : null);
    return wrong ? trouble(wrong) : drawHome();
  }

  // Takes along; returns what went wrong, in words.
  async function bring(village) {
    const device = await vault.device();
    const answer = await ask(at.take, { device: device.uid, village });
    if (answer.status !== 200) return said(answer);
    pack = { ...answer.content, taken: Date.now(), until: Date.now() + answer.content.hours * DAY / 24, offset };
    try {
      await vault.put("packs", "this", pack);
    } catch (error) {
      return words.full;
    }
    return "";
  }

  // A line of a list: a button with the main words, quieter words below, and a mark.
  function line(list, main, quiet, press, mark, kind) {
    const item = element("li");
    const button = element("button", undefined, "phone-line");
    button.type = "button";
    const text = element("span", undefined, "phone-words");
    text.append(element("strong", main), element("small", quiet, "quiet"));
    button.append(text);
    if (mark) button.append(element("span", mark, `phone-mark phone-${kind || "quiet"}`));
    button.addEventListener("click", press);
    item.append(button);
    list.append(item);
  }

  const isOpenReport = (report) => report.state === "draft" || report.state === "waiting" || report.state === "refused";
  // It left and has no answer: whether it was written is not known here, so it may not be changed.
  const isAsking = (report) => report.isTried && report.state === "waiting";
  const filled = (kind, subject) => outbox.find((report) => report.kind === kind && report.subject === subject && isOpenReport(report));

  function drawAlerts() {
    const rows = pack ? pack.alerts : [];
    const list = part("alerts");
    list.textContent = "";
    say("alerts", rows.length ? String(rows.length) : "");
    part("no-alerts").hidden = !pack || rows.length > 0;
    for (const row of rows) drawAlert(list, row);
  }

  function drawAlert(list, row) {
    const isLate = row.due_on < today();
    const isFilled = outbox.some((report) => report.kind === "visit" && report.subject === row.id && report.state !== "draft" && report.read === row.version);
    const mark = isFilled ? words.filled : isLate ? words.late : "";
    line(list, `${row.head} · ${row.kind}`, `${row.place} · ${words.due} ${row.due_on}`, () => openVisit(row), mark, isFilled ? "good" : "bad");
  }

  function drawHouseholds() {
    const sought = document.getElementById("seek").value.trim().toLowerCase();
    const fits = (row) => !sought || [row.head, row.number, row.hamlet].some((text) => text.toLowerCase().includes(sought));
    const rows = pack ? pack.households.filter(fits) : [];
    const list = part("households");
    list.textContent = "";
    say("households", pack ? String(rows.length) : "");
    for (const row of rows.slice(0, SHOWN)) {
      line(list, row.head, [row.hamlet || row.place, row.number].join(" · "), () => openHousehold(row), row.state);
    }
  }

  // --- what was filled in -------------------------------------------------------------------------

  const KINDS = { draft: "quiet", waiting: "warn", written: "good", conflict: "bad", refused: "bad", settled: "good", dropped: "quiet" };

  function drawOutbox() {
    const list = part("outbox-list");
    list.textContent = "";
    part("outbox").hidden = !outbox.length;
    for (const report of outbox) {
      const isAway = hasArrived(report);
      const press = () => (isAway && report.url ? window.location.assign(report.url) : openReport(report));
      const left = isAway && photos.get(report.number) ? fill(words.photos, { n: photos.get(report.number) }) : "";
      const note = report.message || left || `${words[report.kind]} · ${clock(report.made_at)}`;
      line(list, report.title, note, press, report.state === "conflict" ? `${words.conflict} ›` : words[report.state] || report.word, KINDS[report.state]);
    }
  }

  const keep = (report) => vault.put("outbox", report.number, report, { isDone: report.state === "written" });

  async function stored(report) {
    try {
      await keep(report);
    } catch (error) {
      if (vault.isOpen()) trouble(words.full);
      return false;
    }
    if (!outbox.includes(report)) outbox.unshift(report);
    return true;
  }

  function openReport(report) {
    if (isAsking(report)) return trouble(words.waitsForAnswer);
    if (report.kind === "entry") return openEntry(report);
    const rows = pack ? (report.kind === "visit" ? pack.alerts : pack.households) : [];
    const row = rows.find((found) => found.id === report.subject) || report.about;
    return report.kind === "visit" ? openVisit(row, report) : openHousehold(row, report);
  }

  function begin(kind, subject, read, title, about) {
    return { number: vault.number(), kind, subject, read, title, about, made_at: now().toISOString(), fields: [], state: "draft", problems: [] };
  }

  const typed = (form) => every("input, select, textarea", form)
    .filter((field) => field.name && field.type !== "file" && field.type !== "hidden" && (!/^(checkbox|radio)$/.test(field.type) || field.checked))
    .map((field) => [field.name, field.value]);

  function write(form, fields) {
    const byName = new Map();
    for (const [name, value] of fields) byName.set(name, (byName.get(name) || []).concat(value));
    for (const field of every("input, select, textarea", form)) {
      const values = byName.get(field.name);
      if (/^(checkbox|radio)$/.test(field.type)) field.checked = Boolean(values && values.includes(field.value));
      else if (values) field.value = values[0];
    }
  }

  function clear(form) {
    form.reset();
    part("errors", form).hidden = true;
    for (const note of every(".field-error", form)) note.remove();
    for (const field of every(".has-error", form)) field.classList.remove("has-error");
    for (const field of every("input[type=date][name=visited_on], input[type=date][name=observed_on]", form)) field.value = today();
  }

  function openForm(form, report) {
    clear(form);
    here.report = report;
    if (isAsking(report)) trouble(words.waitsForAnswer);
    if (report.fields.length) write(form, report.fields);
    if (report.problems.length || report.message) complain(form, report);
    if (report.kind === "visit") drawPhotos(report);
  }

  // --- photos -------------------------------------------------------------------------------------

  const LONGEST = 1600; // pixels of the longer side, as much as a page ever shows

  // A smaller picture of the same, turned upright by the browser; nothing of the camera's notes remains in it.
  async function smaller(file) {
    const url = await new Promise((done, fail) => {
      const reader = new FileReader();
      reader.onload = () => done(reader.result);
      reader.onerror = fail;
      reader.readAsDataURL(file);
    });
    const picture = new Image();
    await new Promise((done, fail) => { picture.onload = done; picture.onerror = fail; picture.src = url; });
    const scale = Math.min(1, LONGEST / Math.max(picture.naturalWidth, picture.naturalHeight));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(picture.naturalWidth * scale));
    canvas.height = Math.max(1, Math.round(picture.naturalHeight * scale));
    canvas.getContext("2d").drawImage(picture, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((done) => { canvas.toBlob(done, "image/jpeg", 0.82); });
    return new Uint8Array(await made.arrayBuffer());
  }

  async function addPhotos(input) {
    const report = here.report;
    const files = Array.prototype.slice.call(input.files);
    input.value = "";
    if (!report || report.isTried || !await stored(gather(formOf("visit")))) return;
    for (const file of files) {
      if ((photos.get(report.number) || 0) >= Number(at.photos)) { trouble(words.tooMany); break; }
      try {
        const bytes = await smaller(file);
        await vault.putBytes("photos", vault.number(), bytes, { report: report.number, at: Date.now() });
        photos.set(report.number, (photos.get(report.number) || 0) + 1);
      } catch (error) {
        trouble(error && error.name === "QuotaExceededError" ? words.full : words.noPicture);
      }
    }
    await drawPhotos(report);
  }

  async function drawPhotos(report) {
    const list = part("photos");
    const rows = photos.get(report.number) ? await vault.photosOf(report.number) : [];
    list.textContent = "";
    rows.forEach(([number, bytes], i) => {
      const item = element("li");
      const picture = element("img");
      picture.alt = `${words.photo} ${i + 1}`;
      picture.src = `data:image/jpeg;base64,${vault.toText(bytes)}`;
      const button = element("button", words.remove, "btn btn-sm");
      button.type = "button";
      button.setAttribute("aria-label", `${words.remove} ${picture.alt}`);
      button.addEventListener("click", async () => {
        await vault.remove("photos", number);
        photos.set(report.number, photos.get(report.number) - 1);
        drawPhotos(report);
      });
      item.append(picture, button);
      list.append(item);
    });
  }

  // Photos follow their report. One that is refused is no use to anybody and goes.
  async function sendPhotos(report) {
    for (const [number, bytes] of await vault.photosOf(report.number)) {
      const form = new FormData();
      form.append("number", report.number);
      form.append("photo", number);
      form.append("file", new Blob([bytes], { type: "image/jpeg" }), `${number}.jpg`);
      const answer = await ask(at.photo, form);
      if (answer.status <= 0 || answer.status === 404 || answer.status === 429 || answer.status >= 500) return false;
      if (answer.status !== 200) report.message = `${words.photoRefused}${said(answer)}`;
      await vault.remove("photos", number);
      photos.set(report.number, photos.get(report.number) - 1);
    }
    return true;
  }

  // What is wrong stands at its field, else above the form; the first of them gets the focus.
  function complain(form, report) {
    const box = part("errors", form);
    box.textContent = "";
    const loose = report.message && !report.problems.length ? [report.message] : [];
    for (const problem of report.problems) {
      const text = `${problem.message}${problem.remedy || ""}`;
      const field = problem.field ? one(`[name="${problem.field}"]`, form) : null;
      const spot = field ? field.closest(".field") : null;
      if (spot) {
        spot.classList.add("has-error");
        spot.append(element("p", text, "field-error"));
      } else loose.push(text);
    }
    box.hidden = !loose.length;
    for (const text of loose) box.append(element("p", text));
    const first = one(".has-error input, .has-error select, .has-error textarea", form);
    if (first) first.focus();
  }

  // --- a household, an alert ----------------------------------------------------------------------

  function facts(list, rows) {
    list.textContent = "";
    for (const [name, value] of rows) {
      if (value === "" || value === undefined || value === null) continue;
      list.append(element("dt", name), element("dd", String(value)));
    }
  }

  const label = (name) => { const found = one(`label[for="facts_${name}"]`, formOf("facts")); return found ? found.textContent.trim() : name; };

  function openHousehold(row, report) {
    show("household");
    say("head", row.head);
    const seen = Object.keys(row.facts).map((name) => [label(name), row.facts[name]]);
    facts(part("about"), [[words.number, row.number], [words.size, row.size], [words.place, row.place], [words.hamlet, row.hamlet],
      [words.state, row.state], [words.cause, row.cause], [words.observedOn, row.observed_on]].concat(seen));
    const alerts = pack ? pack.alerts.filter((alert) => alert.household === row.id) : [];
    const list = part("household-alerts-list");
    list.textContent = "";
    part("household-alerts").hidden = !alerts.length;
    for (const alert of alerts) drawAlert(list, alert);
    const about = { id: row.id, head: row.head, number: row.number, place: row.place, facts: {} };
    const mine = report || filled("facts", row.id) || begin("facts", row.id, row.read, row.head, about);
    part("facts-panel").hidden = isAsking(mine) || !(pack ? pack.may_enter : report);
    openForm(formOf("facts"), mine);
  }

  function openVisit(row, report) {
    show("visit");
    say("visit-head", `${row.head} · ${row.kind}`);
    facts(part("alert"), [[words.place, row.place], [words.state, row.state], [words.opened, row.opened_on], [words.due, row.due_on],
      [words.observed, row.observed && `¥${row.observed}`], [words.limit, row.limit && `¥${row.limit}`], [words.note, row.note]]);
    const before = part("visits");
    before.textContent = "";
    for (const visit of row.visits || []) {
      before.append(element("p", `${visit.on} ${visit.who} · ${visit.outcome}`, "quiet"), element("p", visit.finding));
    }
    part("above").hidden = !row.is_above;
    const about = { id: row.id, head: row.head, kind: row.kind, place: row.place, due_on: row.due_on, opened_on: row.opened_on };
    part("photos").textContent = "";
    const mine = report || filled("visit", row.id) || begin("visit", row.id, row.version, `${row.head} · ${row.kind}`, about);
    part("visit-panel").hidden = isAsking(mine) || Boolean(row.is_above);
    openForm(formOf("visit"), mine);
  }

  // --- a new household ----------------------------------------------------------------------------

  function addMember() {
    const members = part("members");
    const made = document.getElementById("member").content.cloneNode(true);
    const number = members.children.length;
    for (const field of every("[name], [id], [for], [aria-describedby]", made)) {
      for (const name of ["name", "id", "for", "aria-describedby"]) {
        if (field.hasAttribute(name)) field.setAttribute(name, field.getAttribute(name).replace("__prefix__", number));
      }
    }
    const head = one("h2", made);
    head.textContent = fill(head.textContent, { number: number + 1 });
    members.append(made);
    return members.lastElementChild;
  }

  function openEntry(report) {
    show("entry");
    const form = formOf("entry");
    const village = form.elements.village;
    village.textContent = "";
    const known = pack && pack.village ? pack.village : report && report.about;
    if (known) {
      const option = element("option", known.name);
      option.value = String(known.id);
      village.append(option);
    }
    part("members").textContent = "";
    const wanted = report ? report.people || 1 : 1;
    for (let i = 0; i < wanted; i += 1) addMember();
    openForm(form, report || begin("entry", 0, 0, words.entry, known));
    if (!report) {
      const head = one('select[name="m-0-relation"]', form);
      if (head) head.value = "head";
      const exit = form.elements.exit_attribute;
      if (exit) exit.value = "not_exited";
    }
  }

  // Members keep their numbers without gaps: the last one goes, the others move up.
  function removeMember(panel) {
    const members = part("members");
    const panels = every("[data-member]", members);
    if (panels.length < 2) return;
    const values = panels.filter((other) => other !== panel).map((other) => typed(other).map(([name, value]) => [name.replace(/^m-\d+-/, ""), value]));
    members.textContent = "";
    values.forEach((fields, i) => write(addMember(), fields.map(([name, value]) => [`m-${i}-${name}`, value])));
    changed(formOf("entry"));
  }

  function counted(report) {
    if (report.kind !== "entry") return report.fields;
    const counts = { TOTAL_FORMS: report.people, INITIAL_FORMS: 0, MIN_NUM_FORMS: 0, MAX_NUM_FORMS: 30 };
    return report.fields.concat(Object.keys(counts).map((name) => [`m-${name}`, String(counts[name])]));
  }

  // --- filling in ---------------------------------------------------------------------------------

  function gather(form) {
    const report = here.report;
    report.fields = typed(form);
    if (report.kind === "entry") {
      report.people = part("members").children.length;
      report.title = (one('input[name="m-0-name"]', form) || {}).value || words.entry;
    }
    return report;
  }

  let pending = null; // the form with what was typed since it was kept last
  let timer = 0;
  function changed(form) {
    if (!here.report || here.report.isTried) return;
    pending = form;
    clearTimeout(timer);
    timer = setTimeout(flush, 400);
  }

  function settled() {
    clearTimeout(timer);
    pending = null;
  }

  // Keep what was typed, now: the page is left, locked, or about to be put away.
  async function flush() {
    const form = pending;
    settled();
    if (!form || !here.report || !vault.isOpen()) return;
    const report = gather(form);
    report.state = "draft";
    await stored(report);
  }

  async function goHome() {
    await flush();
    here.report = null;
    drawHome();
  }

  // What the server would refuse for sure is said at once.
  function missing(form, report) {
    const fields = every("input[required], select[required], textarea[required]", form).filter((field) => {
      if (field.type === "radio") return !one(`[name="${field.name}"]:checked`, form);
      return !field.value.trim();
    });
    const names = Array.from(new Set(fields.map((field) => field.name)));
    report.problems = names.map((field) => ({ field, message: words.required }));
    if (report.kind === "entry" && !one('input[name="m-0-name"]', form).value.trim()) report.problems.push({ field: "m-0-name", message: words.people });
    return report.problems.length > 0;
  }

  async function finish(form) {
    settled();
    if (!here.report) return;
    const report = gather(form);
    for (const note of every(".field-error", form)) note.remove();
    for (const field of every(".has-error", form)) field.classList.remove("has-error");
    report.message = "";
    if (missing(form, report)) { complain(form, report); return; }
    report.state = "waiting";
    report.isTried = false;
    if (!await stored(report)) return;
    here.report = null;
    drawHome();
    await stand();
    send();
  }

  async function discard() {
    if (!here.report) return;
    if (outbox.includes(here.report)) {
      if (!window.confirm(words.discard)) return;
      await vault.remove("outbox", here.report.number);
      await vault.removePhotos(here.report.number);
      outbox = outbox.filter((report) => report !== here.report);
    }
    settled();
    here.report = null;
    drawHome();
  }

  // --- the way home -------------------------------------------------------------------------------

  async function send(isAsked) {
    if (isSending || !vault.isOpen() || !outbox.some(isDue)) return;
    if (isAsked) await stand();
    if (!standing || !await stillMine()) { if (isAsked && !standing) trouble(words.needNetwork, words.signIn); return; }
    isSending = true;
    try {
      const device = await vault.device();
      let isWritten = false;
      for (const report of outbox.filter(isDue).reverse()) {
        const before = report.state;
        if (report.state === "waiting" && !await sendOne(device, report)) break;
        isWritten = isWritten || (before === "waiting" && report.state === "written");
        if (isDue(report) && !await sendPhotos(report)) break;
      }
      // What was written has changed what was taken along: the next visit shall not contradict one's own.
      if (isWritten && pack) await bring(pack.village ? pack.village.id : null);
    } finally {
      isSending = false;
      if (vault.isOpen()) { drawOutbox(); drawAlerts(); drawHouseholds(); }
    }
  }

  const hasArrived = (report) => report.state === "written" || report.state === "conflict";
  const isDue = (report) => report.state === "waiting" || (hasArrived(report) && photos.get(report.number) > 0);

  // Whether the next one may be tried: not without a network, a session, or a server that works.
  async function sendOne(device, report) {
    report.isTried = true;
    await keep(report);
    const content = { device: device.uid, number: report.number, kind: report.kind, subject: report.subject, read: report.read, made_at: report.made_at, fields: counted(report) };
    const answer = await ask(at.send, content);
    if (answer.status <= 0 || answer.status === 429 || answer.status >= 500) return false;
    if (answer.status === 200) arrived(report, answer.content);
    else {
      report.state = "refused";
      report.isTried = false;
      report.problems = answer.content.problems || [];
      report.message = said(answer);
    }
    await keep(report);
    return true;
  }

  // What arrived is not needed here any more; its line and where to look remain until it is cleared away.
  function arrived(report, content) {
    Object.assign(report, { state: content.state, word: content.word, url: content.url, message: content.reason || "", fields: [], problems: [] });
  }

  async function clearAway() {
    const old = outbox.filter((report) => !isOpenReport(report) && !isDue(report) && now() - Date.parse(report.made_at) > 3 * DAY);
    await Promise.all(old.map((report) => vault.remove("outbox", report.number)));
  }

  // --- the page -----------------------------------------------------------------------------------

  const FORMS = { ready: makeReady, unlock, take, facts: finish, visit: finish, entry: finish };
  const DO = {
    lock, discard,
    home: () => window.history.back(),
    entry: () => openEntry(outbox.find((report) => report.kind === "entry" && report.state === "draft")),
    member: () => { one("input, select", addMember()).focus(); changed(formOf("entry")); },
    unmember: (button) => removeMember(button.closest("[data-member]")),
    send: () => send(true),
    forgotten: async () => {
      if (!await stand()) return trouble(words.needNetwork, words.signIn);
      await vault.shut();
      return show("ready");
    },
  };

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.dataset.form) return;
    event.preventDefault();
    const button = one("button[type=submit]", form);
    if (button.disabled) return;
    button.disabled = true;
    trouble("");
    Promise.resolve(FORMS[form.dataset.form](form)).finally(() => { button.disabled = false; });
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) DO[button.dataset.do](button);
  });
  document.addEventListener("input", (event) => {
    touched = Date.now();
    if (event.target.id === "seek") drawHouseholds();
    if (event.target.id === "photos") { addPhotos(event.target); return; }
    const wrong = event.target.closest(".has-error");
    if (wrong) { wrong.classList.remove("has-error"); for (const note of every(".field-error", wrong)) note.remove(); }
    const form = event.target.closest('form[data-form="facts"], form[data-form="visit"], form[data-form="entry"]');
    if (form) changed(form);
  });
  for (const name of ["click", "touchstart", "keydown"]) document.addEventListener(name, () => { touched = Date.now(); }, { passive: true });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) flush();
    else if (vault.isOpen() && Date.now() - touched > IDLE) lock();
  });
  // The telephone's own way back leads from a form to the list, not out of the window.
  window.addEventListener("popstate", () => { if (vault.isOpen() && here.screen !== "home") goHome(); });
  window.addEventListener("online", async () => { await stand(); if (vault.isOpen()) { drawVillages(); send(); } });
  window.addEventListener("offline", () => stand());
  setInterval(async () => {
    if (!vault.isOpen()) return;
    if (Date.now() - touched > IDLE) { lock(); return; }
    if (outbox.some(isDue) && await stand()) send();
  }, EVERY);

  async function start() {
    if (!window.isSecureContext || !window.crypto.subtle || !("indexedDB" in window)) { show("unsafe"); return; }
    if ("serviceWorker" in navigator) navigator.serviceWorker.register(at.worker, { scope: at.scope }).catch(() => {});
    const device = await vault.device();
    if (device && device.wrapped) {
      show("locked");
      document.getElementById("pin").focus();
    } else show("ready");
    await stand();
    if (device) await stillMine();
  }
  start();
})();
