/**
 * What the screens read, named in the house's words (fields are those of each room's tables).
 * All instants are ISO 8601 with an offset; an area is a region code prefix.
 */

import type { components } from './schema';

type Schemas = components['schemas'];

export type Session = Schemas['Me'];
export type Clock = Schemas['ClockOut'];
export type ClockCount = Schemas['ClockCount'];
export type Figure = Schemas['FigureOut'];
export type Coverage = Schemas['CoverageRow'];
export type Overview = Schemas['Overview'];
export type FigureRows = Schemas['FigureRows'];
/** A record as the figures registry gives it: the columns are the figure's own. */
export type Row = Readonly<Record<string, unknown>>;

export type Page<Item> = Readonly<{ items: Item[]; next: string | null; as_of: string }>;
export type Area = Readonly<{ code: string; name: string }>;

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
