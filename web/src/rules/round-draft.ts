/** A round about to be drawn up: sensible first values, and whether enough is filled in. */
import { CIVIL_ZONE, dayOf, fieldOf, instantOf } from './time';

export interface RoundDraft {
  campaignId: string; roundId: string; isNewCampaign: boolean; campaign: string; trigger: string;
  area: string; no: string; name: string; preset: string; start: string; end: string;
}
export type KnownRound = Readonly<{
  campaign_id: string; campaign: string; no: number; area: Readonly<{ code: string }>; preset: Readonly<{ code: string }>; window_start: string; window_end: string;
}>;
export type Campaign = Readonly<{ id: string; name: string; last: KnownRound }>;

const DAY = 86_400_000;
const TEXT_MAX = 120;
const NUMBER_MAX = 9999;
/** A first guess at the hours of sampling, to be changed in the form: no plan prescribes it. */
const OPENS = 'T07:00';
const SHUTS = 'T20:00';

/** Campaigns that have a round, the one with the newest round first, each with its last round. */
export function campaignsOf(rounds: readonly KnownRound[]): readonly Campaign[] {
  const found = new Map<string, Campaign>();
  for (const round of rounds) {
    const known = found.get(round.campaign_id);
    if (known === undefined || known.last.no < round.no) found.set(round.campaign_id, { id: round.campaign_id, name: round.campaign, last: round });
  }
  return [...found.values()];
}

/** Tomorrow's hours of sampling. */
export function windowFirst(now: number): Readonly<{ start: string; end: string }> {
  const day = dayOf(new Date(now + DAY).toISOString(), CIVIL_ZONE);
  return { start: `${day}${OPENS}`, end: `${day}${SHUTS}` };
}

/** The last round's hours again, whole days later: the first time they lie ahead. */
export function windowAfter(last: KnownRound, now: number): Readonly<{ start: string; end: string }> {
  const [start, end] = [Date.parse(last.window_start), Date.parse(last.window_end)];
  const days = Math.max(Math.ceil((end - start) / DAY), Math.floor((now - start) / DAY) + 1);
  return { start: fieldOf(start + days * DAY), end: fieldOf(end + days * DAY) };
}

const isText = (text: string): boolean => text.trim() !== '' && text.trim().length <= TEXT_MAX;

/** Whether it can be sent; the server says what else is wrong. */
export function isReady(draft: RoundDraft): boolean {
  const no = Number(draft.no);
  const [start, end] = [instantOf(draft.start), instantOf(draft.end)];
  const timely = start !== null && end !== null && Date.parse(start) < Date.parse(end);
  return timely && Number.isInteger(no) && no >= 1 && no <= NUMBER_MAX && isText(draft.name) && (!draft.isNewCampaign || isText(draft.campaign)) && draft.area !== '' && draft.preset !== '';
}
