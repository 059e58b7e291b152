import Dexie, { type Table } from 'dexie';

import type { Kind, Local } from '@/rules/station';

/**
 * What the phone keeps. An entry of the journal is only ever changed by a verdict of the server, and never removed before
 * one; senders keep the credentials under which their entries go out, also after the phone was enrolled anew.
 */

/** `stuck`: the server refuses the request it is in, whatever we do; kept, shown, sent again only when somebody asks. */
export type Status = 'waiting' | 'applied' | 'parked' | 'stuck';

export interface Entry {
  readonly id: string;
  readonly device: string;
  readonly seq: number;
  readonly round: string;
  readonly kind: Kind;
  /** Milliseconds since the epoch by the phone's clock. */
  readonly at: number;
  payload: Readonly<Record<string, unknown>>;
  readonly local?: Local;
  status: Status;
  /** The hub whose disk has it, too. It waits all the same: only the county's verdict settles it. */
  kept?: string;
  /** Why it was parked or is stuck: the server's stable code and its sentence. */
  code?: string;
  says?: string;
}

export interface Sender {
  readonly device: string;
  readonly secret: string;
  readonly name: string;
  /** This phone's own present enrolment; others are earlier ones, or queues taken over from another phone. */
  own: 0 | 1;
  readonly carried: boolean;
}

export class StationDb extends Dexie {
  declare journal: Table<Entry, string>;
  declare senders: Table<Sender, string>;
  declare meta: Table<{ key: string; value: unknown }, string>;
  declare buckets: Table<{ n: number; records: Uint8Array }, number>;

  constructor(name = 'yingjian-station') {
    // Strict: the promise of a write resolves when the disk has it, not when the browser means to.
    super(name, { chromeTransactionDurability: 'strict' });
    this.version(1).stores({
      journal: '&id, [device+seq], [device+status+seq], [device+round+seq]',
      senders: '&device, own',
      meta: '&key',
      buckets: '&n',
    });
  }

  async get<T>(key: string): Promise<T | undefined> {
    return (await this.meta.get(key))?.value as T | undefined;
  }

  async put(key: string, value: unknown): Promise<void> {
    await this.meta.put({ key, value });
  }
}
