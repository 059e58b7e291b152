import { app } from './state';

/** A new version is fetched beside the running one and waits: it never takes over by itself, and never touches the queue. */

let waiting: ServiceWorker | null = null;

function found(registration: ServiceWorkerRegistration): void {
  waiting = registration.waiting;
  app.updateWaits = waiting !== null && navigator.serviceWorker.controller !== null;
}

export async function register(): Promise<void> {
  if (!('serviceWorker' in navigator) || import.meta.env.DEV) return;
  try {
    const registration = await navigator.serviceWorker.register('/station/sw.js', { scope: '/station/' });
    found(registration);
    registration.addEventListener('updatefound', () => {
      registration.installing?.addEventListener('statechange', () => { found(registration); });
    });
  } catch {
    // plain http on a hub's address: the page works, but must be reached to start
  }
}

/** The lead's word: the new version takes over and the page starts anew. What was recorded is in the database. */
export function update(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => { location.reload(); });
  waiting?.postMessage('update');
}
