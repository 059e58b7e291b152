/**
 * What the screens read, named in the house's words (fields are those of each room's tables).
 * All instants are ISO 8601 with an offset; an area is a region code prefix.
 */

export type Page<Item> = Readonly<{ items: Item[]; next: string | null; as_of: string }>;
export type Area = Readonly<{ code: string; name: string }>;

/** GET /api/session; an empty id means that nobody is signed in */
export type Session = Readonly<{
  id: string | null;
  name: string;
  language: string;
  roles: Readonly<{ role: string; area: string }>[];
  areas: string[];
  permissions: string[];
  csrf: string;
}>;

/** GET /api/rounds, GET /api/rounds/{id} */
export type RoundState =
  | 'draft'
  | 'approved'
  | 'mobilising'
  | 'sampling'
  | 'testing'
  | 'reconciling'
  | 'closed'
  | 'cancelled';

export type Round = Readonly<{
  id: string;
  no: number;
  name: string;
  campaign: string;
  area: Area;
  preset: Readonly<{ code: string; name: string; version: number }>;
  state: RoundState;
  window_start: string;
  window_end: string;
  due_total: number | null;
}>;

/** One row of GET /api/clocks */
export type Clock = Readonly<{
  id: string;
  code: string;
  subject_kind: string;
  subject_label: string;
  area: string;
  origin: string;
  owner_role: string;
  owner_name: string;
  started_at: string;
  due_at: string;
  stopped_at: string | null;
  breached_at: string | null;
  state: string;
}>;

export type Coverage = Readonly<{
  area: string;
  name: string;
  town: string;
  due: number;
  sampled: number;
  resulted: number;
  excused: number;
  missed: number;
  waiting: number;
  added: number;
}>;

export type Figure = Readonly<{
  key: string;
  label: string;
  group: string;
  kind: string;
  value: number | string | null;
  parts: Record<string, number>;
}>;

export type ClockCount = Readonly<{
  code: string;
  label: string;
  running: number;
  late: number;
  met: number;
  breached: number;
}>;

/** A record as the figures registry gives it: the columns are the figure's own. */
export type Row = Readonly<Record<string, unknown>>;

/** GET /api/rounds/{id}/overview: everything a round's first screen shows, at one moment. */
export type Overview = Readonly<{
  as_of: string;
  round: Readonly<{
    id: string;
    name: string;
    no: number;
    area: string;
    area_name: string | null;
    campaign: string;
    preset: string;
    preset_version: number;
    state: string;
    window_start: string;
    window_end: string;
    due_total: number | null;
  }>;
  figures: Figure[];
  coverage: Coverage[];
  tubes: Record<string, number>;
  clocks: ClockCount[];
  discrepancies: Row[];
  pools: Row[];
}>;

/** GET /api/rounds/{id}/sites */
export type Site = Readonly<{
  id: string;
  code: string;
  name: string;
  area: string;
  kind: string;
  state: string;
  people_planned: number;
  sampled: number;
  tubes: number;
}>;

/** GET /api/persons?q= : masked by the server */
export type PersonFound = Readonly<{
  id: string;
  name: string;
  id_number: string;
  phone: string;
  village: string;
  categories: string[];
}>;

/** GET /api/persons/{id}/chain */
export type ChainStep = Readonly<{
  kind: string;
  at: string;
  who: string;
  where: string;
  round: string;
  facts: Readonly<Record<string, string | number | null>>;
  flags: string[];
}>;

export type Chain = Readonly<{
  as_of: string;
  person: PersonFound;
  steps: ChainStep[];
  clocks: Clock[];
}>;

/** GET /api/rounds/{id}/figures/{key}/rows */
export type FigureRows = Readonly<{ label: string; items: Row[]; next: number | null; as_of: string }>;

/** GET /api/presets, GET /api/presets/diff?a=&b= */
export type PresetHead = Readonly<{ code: string; name: string; version: number; source: string }>;
export type PresetDifference = Readonly<{
  key: string;
  label: string;
  a: string;
  b: string;
  origin_a: string;
  origin_b: string;
}>;
