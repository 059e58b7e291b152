import type { Entry } from '@/offline/db';
import { Journal } from '@/offline/journal';

/** Broken on purpose: lets go of what it sends before anybody has said that it arrived. */
export class Careless extends Journal {
  override async waiting(device: string, limit: number): Promise<Entry[]> {
    const batch = await super.waiting(device, limit);
    await this.db.journal.bulkDelete(batch.map((entry) => entry.id));
    return batch;
  }
}
