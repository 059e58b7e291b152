/** One page of the station at a time: a second one would show a state that the first is changing. By Web Locks. */

const LOCK = 'yingjian.station';

export type Locks = Readonly<{
  request: (name: string, options: { ifAvailable?: boolean; steal?: boolean }, run: (lock: unknown) => Promise<void>) => Promise<unknown>;
}>;

/**
 * Tries to become the leading page. Resolves true and holds on to it until the page ends, or false where another page
 * leads. `lost` is called when a later page takes over (`steal`): this one must then stop recording.
 */
export function lead(locks: Locks | undefined, lost: () => void, steal = false): Promise<boolean> {
  if (locks === undefined) return Promise.resolve(true); // a browser without locks: the journal's own transactions still hold
  return new Promise((resolve) => {
    let leading = false;
    locks
      .request(LOCK, steal ? { steal: true } : { ifAvailable: true }, async (lock) => {
        if (lock === null) {
          resolve(false);
          return;
        }
        leading = true;
        resolve(true);
        await new Promise(() => undefined); // held until the page ends or another one steals it
      })
      .catch(() => {
        if (leading) lost();
        else resolve(false);
      });
  });
}
