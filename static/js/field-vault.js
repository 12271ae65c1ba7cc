"use strict";
// What a telephone keeps in the field, encrypted. A data key encrypts everything; the PIN wraps the data key.
// Too many wrong PINs, or a telephone past its day, and the wrapped key is gone together with what was taken
// along. Reports that were not sent stay, still encrypted: the server holds a sealed copy of the key and gives it
// to its owner after signing in.
window.yuchangVault = (() => {
  const ROUNDS = 600000; // PBKDF2 with SHA-256, as OWASP's password storage guide asks
  const TRIES = Number(document.body.dataset.tries);
  const db = new window.Dexie("yuchang-field");
  db.version(1).stores({ device: "id", packs: "id", outbox: "number", photos: "number, report" });
  let key = null;
  let raw = null; // the same key as bytes, while it is open

  const random = (size) => window.crypto.getRandomValues(new Uint8Array(size));
  const utf8 = (text) => new TextEncoder().encode(text);
  const toText = (bytes) => btoa(Array.prototype.map.call(bytes, (byte) => String.fromCharCode(byte)).join(""));
  const toBytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
  const number = () => Array.prototype.map.call(random(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
  const dataKey = (raw) => window.crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const device = () => db.device.get("this");

  async function pinKey(pin, salt) {
    const secret = await window.crypto.subtle.importKey("raw", utf8(pin), "PBKDF2", false, ["deriveKey"]);
    const how = { name: "PBKDF2", hash: "SHA-256", salt, iterations: ROUNDS };
    return window.crypto.subtle.deriveKey(how, secret, { name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  }

  async function use(bytes) {
    raw = bytes;
    key = await dataKey(bytes);
  }
  function lock() {
    raw = null;
    key = null;
  }

  // The key under the PIN. ``bound`` is bound in, so that a wrapped key of another telephone does not fit.
  async function wrapped(bytes, pin, bound) {
    const salt = random(16);
    const iv = random(12);
    const how = { name: "AES-GCM", iv, additionalData: utf8(bound) };
    return { salt, iv, wrapped: new Uint8Array(await window.crypto.subtle.encrypt(how, await pinKey(pin, salt), bytes)), tries: 0 };
  }

  // Make this telephone ready: the key was handed to the server before.
  async function open(made, bytes, pin) {
    const under = await wrapped(bytes, pin, made.uid);
    await db.transaction("rw", db.device, db.packs, async () => {
      await db.packs.clear();
      await db.device.put({ id: "this", bound: made.uid, ...made, ...under });
    });
    await use(bytes);
  }

  // Nothing readable remains; unsent reports stay as they are, encrypted.
  async function shut() {
    lock();
    await db.transaction("rw", db.device, db.packs, async () => {
      await db.packs.clear();
      await db.device.update("this", { wrapped: null });
    });
  }

  async function forgetAll() {
    lock();
    await Promise.all([db.device.clear(), db.packs.clear(), db.outbox.clear(), db.photos.clear()]);
  }

  // Returns "open", "gone", or how many tries are left. The try is counted before it is made.
  async function unlock(pin) {
    const row = await device();
    if (!row || !row.wrapped) return "gone";
    if (row.until < Date.now() || row.tries >= TRIES) { await shut(); return "gone"; }
    await db.device.update("this", { tries: row.tries + 1 });
    try {
      const how = { name: "AES-GCM", iv: row.iv, additionalData: utf8(row.bound) };
      await use(new Uint8Array(await window.crypto.subtle.decrypt(how, await pinKey(pin, row.salt), row.wrapped)));
      await db.device.update("this", { tries: 0 });
      return "open";
    } catch (error) {
      if (row.tries + 1 < TRIES) return TRIES - row.tries - 1;
      await shut();
      return "gone";
    }
  }

  async function newPin(bytes, pin, until) {
    const row = await device();
    await db.device.update("this", { until, ...await wrapped(bytes, pin, row.bound) });
    await use(bytes);
  }

  // Table and number are bound in, so that no row can be put in the place of another.
  async function putBytes(table, id, bytes, plain) {
    if (!key) throw new Error("locked");
    const iv = random(12);
    const how = { name: "AES-GCM", iv, additionalData: utf8(`${table}:${id}`) };
    const data = new Uint8Array(await window.crypto.subtle.encrypt(how, key, bytes));
    await db[table].put({ [db[table].schema.primKey.name]: id, ...plain, iv, data });
  }

  async function readBytes(table, row) {
    const id = row[db[table].schema.primKey.name];
    const how = { name: "AES-GCM", iv: row.iv, additionalData: utf8(`${table}:${id}`) };
    return new Uint8Array(await window.crypto.subtle.decrypt(how, key, row.data));
  }

  const put = (table, id, value, plain) => putBytes(table, id, utf8(JSON.stringify(value)), plain);
  const read = async (table, row) => JSON.parse(new TextDecoder().decode(await readBytes(table, row)));

  // The photos of a report as [number, bytes], in the order they were taken.
  async function photosOf(report) {
    const rows = (await db.photos.where("report").equals(report).toArray()).sort((a, b) => a.at - b.at);
    return Promise.all(rows.map(async (row) => [row.number, await readBytes("photos", row)]));
  }

  return {
    device, forgetAll, lock, newPin, number, open, photosOf, put, putBytes, shut, toBytes, toText, unlock,
    isOpen: () => key !== null,
    rawKey: () => raw,
    adopt: (uid) => db.device.update("this", { uid }),
    newKey: () => random(32),
    get: async (table, id) => { const row = await db[table].get(id); return row ? read(table, row) : null; },
    all: async (table) => Promise.all((await db[table].toArray()).map((row) => read(table, row))),
    remove: (table, id) => db[table].delete(id),
    photoCounts: async () => {
      const counts = new Map();
      await db.photos.orderBy("report").eachKey((report) => counts.set(report, (counts.get(report) || 0) + 1));
      return counts;
    },
    removePhotos: (report) => db.photos.where("report").equals(report).delete(),
  };
})();
