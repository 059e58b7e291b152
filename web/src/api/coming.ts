/** Endpoints of the contract that the server does not serve yet; each leaves this file when it does. */
import type { Page, Site } from './shapes';

interface Answer<T> { responses: { 200: { content: { 'application/json': T } } } }
type Asked<T, P> = Answer<T> & { parameters: P };
interface None { path?: never; query?: never; header?: never; cookie?: never }
interface Get<O> { get: O; put?: never; post?: never; delete?: never; options?: never; head?: never; patch?: never; trace?: never; parameters: None }

export interface ComingPaths {
  '/api/rounds/{round_id}/sites': Get<Asked<Page<Site>, { path: { round_id: string }; query?: { after?: string; limit?: number } }>>;
}
