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
/** When a preset opens and closes its sites, as `07:00`. */
export type SiteHours = Readonly<{ open_from: string; open_to: string }>;

/** Campaigns that have a round, the one with the newest round first, each with its last round. */
export function campaignsOf(rounds: readonly KnownRound[]): readonly Campaign[] {
  const found = new Map<string, Campaign>();
  for (const round of rounds) {
    const known = found.get(round.campaign_id);
    if (known === undefined || known.last.no < round.no) found.set(round.campaign_id, { id: round.campaign_id, name: round.campaign, last: round });
  }
  return [...found.values()];
}

/** Tomorrow's hours of sampling as the preset has them; empty while none is chosen. Sites that close at midnight or after do so the next day. */
export function windowFirst(now: number, hours: SiteHours | undefined): Readonly<{ start: string; end: string }> {
  if (hours === undefined) return { start: '', end: '' };
  const day = (ahead: number): string => dayOf(new Date(now + ahead * DAY).toISOString(), CIVIL_ZONE);
  return { start: `${day(1)}T${hours.open_from}`, end: `${day(hours.open_to > hours.open_from ? 1 : 2)}T${hours.open_to}` };
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
