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
  due: number;
  sampled: number;
  resulted: number;
  excused: number;
  missed: number;
}>;

export type TubeCount = Readonly<{ state: string; count: number }>;

export type Figure = Readonly<{ key: string; label: string; value: number; of: number | null; unit: string }>;

export type Discrepancy = Readonly<{
  id: string;
  kind: string;
  subject_label: string;
  expected: number;
  actual: number;
  owner_role: string;
  opened_at: string;
  resolved_at: string | null;
}>;

export type FlaggedPool = Readonly<{
  id: string;
  tube_code: string;
  area: string;
  outcome: string;
  state: string;
  members: number;
  flagged_at: string;
}>;

/** GET /api/rounds/{id}/overview: everything a round's first screen shows, at one moment. */
export type Overview = Readonly<{
  as_of: string;
  round: Round;
  figures: Figure[];
  coverage: Coverage[];
  tubes: TubeCount[];
  clocks: Readonly<{ running: number; breached: number; items: Clock[] }>;
  discrepancies: Discrepancy[];
  pools: FlaggedPool[];
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
export type FigureRows = Readonly<{
  key: string;
  label: string;
  value: number;
  as_of: string;
  columns: Readonly<{ key: string; label: string; numeric: boolean }>[];
  items: Readonly<Record<string, string | number | null>>[];
  next: string | null;
}>;

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
