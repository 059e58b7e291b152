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
export type Round = Schemas['RoundOut'];
export type PresetHead = Schemas['PresetHead'];
export type Overview = Schemas['Overview'];
export type FigureRows = Schemas['FigureRows'];
/** A record as the figures registry gives it: the columns are the figure's own. */
export type Row = Readonly<Record<string, unknown>>;

export type Page<Item> = Readonly<{ items: Item[]; next: string | null; as_of: string }>;
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
  area: string;
  name: string;
  sex: string;
  birth_year: number | null;
  id_type: string;
  id_number: string;
  phone: string;
  categories: string[];
  source: string;
}>;

/** GET /api/persons/{id} */
export type PersonDetail = Readonly<{ person: PersonFound; area_name: string; address: string }>;

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
  steps: ChainStep[];
  clocks: Clock[];
}>;

/** One side of a line of GET /api/presets/diff, in words; `null` where a plan has no such line. */
export type PresetValue = Readonly<{ text: string; origin_text: string; reason: string | null; note: string | null }>;

export type PresetLine = Readonly<{
  path: string;
  group: string;
  group_label: string;
  label: string;
  a: PresetValue | null;
  b: PresetValue | null;
}>;
