// Stands in until the server's OpenAPI is exported; then written by `npm run api`.
import type {
  Chain, FigureRows, Overview, Page, PersonFound, PresetDifference, PresetHead, Round, Session, Site, Clock,
} from './shapes';

type Answer<T> = { responses: { 200: { content: { 'application/json': T } } } };
type Asked<T, P> = Answer<T> & { parameters: P };
type None = { path?: never; query?: never; header?: never; cookie?: never };
type Get<O> = { get: O; put?: never; post?: never; delete?: never; options?: never; head?: never; patch?: never; trace?: never; parameters: None };

export interface paths {
  '/api/session': {
    get: Answer<Session>;
    post: Answer<Session> & { requestBody: { content: { 'application/json': { username: string; password: string } } } };
    delete: { responses: { 204: { content?: never } } };
    parameters: None;
  };
  '/api/rounds': Get<Answer<Page<Round>>>;
  '/api/rounds/{round_id}/overview': Get<Asked<Overview, { path: { round_id: string } }>>;
  '/api/rounds/{round_id}/sites': Get<Asked<Page<Site>, { path: { round_id: string } }>>;
  '/api/rounds/{round_id}/figures/{key}/rows': Get<
    Asked<FigureRows, { path: { round_id: string; key: string }; query?: { after?: number } }>
  >;
  '/api/persons': Get<Asked<Page<PersonFound>, { query: { q: string; area?: string } }>>;
  '/api/persons/{person_id}/chain': Get<Asked<Chain, { path: { person_id: string } }>>;
  '/api/clocks': Get<Asked<Page<Clock>, { query?: { round?: string; state?: string; limit?: number } }>>;
  '/api/presets': Get<Answer<Page<PresetHead>>>;
  '/api/presets/diff': Get<Asked<Page<PresetDifference>, { query: { a: string; b: string } }>>;
}
