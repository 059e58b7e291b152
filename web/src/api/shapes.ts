/** The server's own shapes under the names the screens use; generated, never written by hand (`npm run api`). */

import type { components } from './schema';

type Schemas = components['schemas'];

export type Session = Schemas['Me'];
export type Round = Schemas['RoundOut'];
export type RoundWhole = Schemas['RoundPage'];
export type DueList = Schemas['DueList'];
export type DueRow = Schemas['DueRow'];
export type Overview = Schemas['Overview'];
export type Figure = Schemas['FigureOut'];
export type FigureRows = Schemas['FigureRows'];
/** A record as the figures registry gives it: the columns are the figure's own. */
export type Row = Readonly<Record<string, unknown>>;
export type Coverage = Schemas['CoverageRow'];
export type Clock = Schemas['ClockRow'];
export type ClockCount = Schemas['ClockCount'];
export type Site = Schemas['SiteOut'];
export type PersonFound = Schemas['PersonItem'];
export type PersonDetail = Schemas['PersonDetail'];
export type Chain = Schemas['Chain'];
export type ChainStep = Schemas['StepOut'];
export type PresetHead = Schemas['PresetHead'];
export type PresetLine = Schemas['PresetDifference'];
