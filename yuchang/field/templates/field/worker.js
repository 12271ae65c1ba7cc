"use strict";
// Keeps the page of the telephone and its files, so that it opens without a network. No data pass through here.
const RELEASE = "yuchang-field-{{ release }}";
const FILES = {{ files|safe }};

// A page that was answered by a detour, for example over the sign-in, is not the page.
async function kept(cache, address) {
  const answer = await fetch(address, { credentials: "same-origin", cache: "no-cache" });
  if (!answer.ok || answer.redirected) throw new Error(address);
  await cache.put(address, answer);
}

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(RELEASE).then((cache) => Promise.all(FILES.map((address) => kept(cache, address)))).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const old = (name) => name.indexOf("yuchang-field-") === 0 && name !== RELEASE;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const address = new URL(event.request.url);
  if (event.request.method !== "GET" || address.origin !== self.location.origin || !FILES.includes(address.pathname)) return;
  event.respondWith(caches.open(RELEASE).then((cache) => cache.match(address.pathname)).then((found) => found || fetch(event.request)));
});
