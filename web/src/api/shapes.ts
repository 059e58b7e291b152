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
export type PresetLine = Schemas['PresetDifference'];
export type PersonFound = Schemas['PersonOut'];
export type PersonDetail = Schemas['PersonDetailOut'];
export type Chain = Schemas['Chain'];
export type ChainStep = Schemas['StepOut'];
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

