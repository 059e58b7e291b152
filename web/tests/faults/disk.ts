import 'fake-indexeddb/auto';

/** A phone's disk that may be full, and that a dying phone leaves with a transaction half done. */

const room = new Map<string, number>();

/** From now on this database takes so many more writes, then refuses; `null`: there is room again. */
export function leaveRoom(database: string, writes: number | null): void {
  if (writes === null) room.delete(database);
  else room.set(database, writes);
}

interface Transaction {
  mode: string;
  _state: string;
  db: { name: string };
  _abort: (why: string | null) => void;
  _execRequestAsync: (given: { source: unknown; operation: () => never }) => IDBRequest;
}
type Store = IDBObjectStore & { transaction: Transaction };
type Write = (this: Store, value: unknown, key?: IDBValidKey) => IDBRequest;

/** As a browser does where the quota is used up: the request fails, and with it the whole transaction. */
function refusing(write: Write): Write {
  return function (this: Store, ...given) {
    const left = room.get(this.transaction.db.name);
    if (left === undefined) return write.apply(this, given);
    if (left > 0) {
      room.set(this.transaction.db.name, left - 1);
      return write.apply(this, given);
    }
    const full = (): never => { throw new DOMException('The quota has been exceeded.', 'QuotaExceededError'); };
    return this.transaction._execRequestAsync({ source: this, operation: full });
  };
}

const stores = IDBObjectStore.prototype as unknown as { put: Write; add: Write };
stores.put = refusing(stores.put);
stores.add = refusing(stores.add);

/** The power is gone: what was not committed yet never was. */
export function losePower(database: IDBDatabase): void {
  const { transactions } = (database as unknown as { _rawDatabase: { transactions: Transaction[] } })._rawDatabase;
  for (const one of [...transactions]) {
    if (one.mode === 'readwrite' && one._state !== 'finished' && one._state !== 'committing') one._abort('AbortError');
  }
}
