/* The service worker of an application that starts without a network (the station's, the resident's): its own files and
 * nothing else. It touches no data: what was recorded or kept lies in the phone's storage, which no update changes.
 * A new version of the station waits until somebody says so; a resident's, which has nothing under way, does not. */
const NAME = '__NAME__';
const VERSION = '__VERSION__';
const FILES = __FILES__;
const CACHE = `${NAME}-${VERSION}`;
const PAGE = `/${NAME}/`;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: 'reload' })))));
  if (NAME !== 'station') self.skipWaiting();
});

self.addEventListener('activate', (event) => {
  const old = (name) => name.startsWith(`${NAME}-`) && name !== CACHE;
  event.waitUntil(
    caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => self.clients.claim()),
  );
});

self.addEventListener('message', (event) => {
  if (event.data === 'update') self.skipWaiting();
});

self.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== 'GET' || url.origin !== self.location.origin || url.pathname.startsWith('/api/')) return;
  const wanted = event.request.mode === 'navigate' ? PAGE : event.request;
  event.respondWith(
    caches.open(CACHE).then(async (cache) => (await cache.match(wanted, { ignoreVary: true })) ?? fetch(event.request)),
  );
});
