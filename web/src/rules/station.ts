/**
 * What a station's own actions add up to: its tubes, the swabs in them, its boxes. The phone folds its journal with this;
 * the server folds the same facts with `sampling.rules`; `vectors/tubes.json` holds them to one answer.
 */

export type Mode = 'pool' | 'single' | 'household';
export type Entry = 'code' | 'family' | 'id' | 'card' | 'walk_in';
export type TubeStep = 'issued' | 'open' | 'locked' | 'sealed' | 'boxed' | 'broken' | 'voided';

/** What the phone knows of a swabbed person beside what it sends: for its own screens and warnings, never sent. */
export type Local = Readonly<{
  /** The person as far as this phone can tell people apart: a keyed hash, never a number or a name. */
  person?: string;
  label?: string;
  single?: boolean;
  found?: boolean;
  /** Goes ahead of the queue (绿色通道). */
  green?: boolean;
  household?: string;
}>;

export interface Payloads {
  'tube.open': Readonly<{ tube_id: string; code: string; mode: Mode; capacity: number; purpose?: 'screening' | 'recheck' }>;
  'swab.add': Readonly<{
    swab_id: string; tube_id: string; entry: Entry; token?: string; person_id?: string; id_type?: string; id_number?: string;
    name?: string; phone?: string; stub_no?: string; green?: boolean;
  }>;
  'swab.void': Readonly<{ swab_id: string; reason: string }>;
  'swab.move': Readonly<{ swab_id: string; to_tube_id: string; reason: string }>;
  'tube.lock': Readonly<{ tube_id: string }>;
  'tube.seal': Readonly<{ tube_id: string; count: number }>;
  'tube.void': Readonly<{ tube_id: string; reason: string }>;
  'tube.break': Readonly<{ tube_id: string; reason: string }>;
  'box.open': Readonly<{ box_id: string; code: string }>;
  'box.add': Readonly<{ box_id: string; tube_codes: readonly string[] }>;
  'box.seal': Readonly<{ box_id: string; seal_no: string; count: number }>;
  'rack.count': Readonly<{ count_id: string; tubes: number; by: string }>;
}
export type Kind = keyof Payloads;

/** Something that was done: what it is, and its content. */
export type Draft = { [K in Kind]: Readonly<{ kind: K; payload: Payloads[K]; local?: Local }> }[Kind];
/** The same, with the moment it was done (milliseconds since the epoch, by the phone's clock). */
export type Fact = Draft & Readonly<{ at: number }>;

export interface Swab {
  readonly id: string;
  tubeId: string | null;
  at: number | null;
  entry: Entry | null;
  local: Local;
  voidedAt: number | null;
  voidReason: string;
}

export interface Tube {
  readonly id: string;
  code: string;
  mode: Mode;
  capacity: number;
  purpose: 'screening' | 'recheck';
  step: TubeStep;
  openedAt: number | null;
  sealedAt: number | null;
  count: number | null;
  endedReason: string;
}

export interface Box { readonly id: string; code: string; tubeCodes: string[]; sealedAt: number | null; sealNo: string; count: number | null }

/** What the preset allows (R49, R50). */
export type Limits = Readonly<{ sizes: readonly number[]; household: string }>;

const RANK: Record<TubeStep, number> = { issued: 0, open: 1, locked: 2, sealed: 3, boxed: 4, broken: 5, voided: 6 };
const later = (one: TubeStep, other: TubeStep): TubeStep => (RANK[one] >= RANK[other] ? one : other);

export class Station {
  readonly tubes = new Map<string, Tube>();
  readonly swabs = new Map<string, Swab>();
  readonly boxes = new Map<string, Box>();
  lastRack: Readonly<{ at: number; tubes: number }> | null = null;

  constructor(readonly limits: Limits) {}

  apply(fact: Fact): void {
    switch (fact.kind) {
      case 'tube.open': this.opened(fact.payload, fact.at); break;
      case 'swab.add': this.swabbed(fact.payload, fact.at, fact.local ?? {}); break;
      case 'swab.void': this.swabVoided(fact.payload, fact.at); break;
      case 'swab.move': this.swab(fact.payload.swab_id).tubeId = this.tube(fact.payload.to_tube_id).id; break;
      case 'tube.lock': this.become(fact.payload.tube_id, 'locked'); break;
      case 'tube.seal': this.sealed(fact.payload, fact.at); break;
      case 'tube.void': this.ended(fact.payload, 'voided'); break;
      case 'tube.break': this.ended(fact.payload, 'broken'); break;
      case 'box.open': this.box(fact.payload.box_id).code = fact.payload.code; break;
      case 'box.add': this.filled(fact.payload); break;
      case 'box.seal': this.boxSealed(fact.payload, fact.at); break;
      case 'rack.count': this.lastRack = { at: fact.at, tubes: fact.payload.tubes }; break;
    }
  }

  /** Swabs that count in a tube, in the order taken. */
  people(tubeId: string): Swab[] {
    return [...this.swabs.values()]
      .filter((swab) => swab.tubeId === tubeId && swab.voidedAt === null && swab.at !== null)
      .sort(inOrder);
  }

  /** Tubes that still take people or wait for their seal, the oldest first. */
  unsealed(): Tube[] {
    return [...this.tubes.values()].filter((tube) => tube.step === 'open' || tube.step === 'locked');
  }

  /** Sealed tubes that are in no box yet: what must stand in the rack (R65). */
  inRack(): Tube[] {
    return [...this.tubes.values()].filter((tube) => tube.step === 'sealed');
  }

  tubesOfCode(code: string): Tube[] {
    return [...this.tubes.values()].filter((tube) => tube.code === code && code !== '');
  }

  /** Where a person was swabbed at this station: the first swab that still counts, in a tube that will give a result. */
  takenFrom(person: string): Swab | null {
    const valid = [...this.swabs.values()].filter((swab) => swab.local.person === person && this.counts(swab));
    return valid.sort(inOrder)[0] ?? null;
  }

  tubeFlags(id: string): string[] {
    const tube = this.tube(id);
    const inside = [...this.swabs.values()].filter((swab) => swab.tubeId === id && swab.at !== null);
    const people = this.people(id).length;
    const flags: string[] = [];
    if (tube.openedAt === null) flags.push('not_opened');
    else if (tube.code === '') flags.push('code_missing');
    if (this.tubesOfCode(tube.code).length > 1) flags.push('duplicate_tube');
    if (tube.capacity > 0 && people > tube.capacity) flags.push('over_capacity');
    if (tube.openedAt !== null && tube.mode === 'pool' && !this.limits.sizes.includes(tube.capacity)) flags.push('size_not_allowed');
    if (tube.openedAt !== null && tube.mode === 'household' && this.limits.household === 'never') flags.push('household_not_allowed');
    if (tube.count !== null && tube.count !== this.countAtSeal(tube, inside)) flags.push('count_differs');
    if (tube.sealedAt !== null && inside.length === 0) flags.push('empty');
    return flags.sort();
  }

  swabFlags(id: string): string[] {
    const swab = this.swab(id);
    const tube = swab.tubeId === null ? undefined : this.tubes.get(swab.tubeId);
    if (tube === undefined) return [];
    const inside = this.people(tube.id);
    const flags: string[] = [];
    if (swab.local.single === true && tube.mode !== 'single') flags.push('single_only_in_pool');
    if (tube.capacity > 0 && inside.indexOf(swab) >= tube.capacity) flags.push('over_capacity');
    if (tube.sealedAt !== null && (swab.at ?? 0) > tube.sealedAt) flags.push('added_after_seal');
    if (swab.local.found === true) flags.push('not_on_roster');
    if (tube.mode === 'household' && swab.local.household !== inside[0]?.local.household) flags.push('other_household');
    const first = swab.local.person === undefined ? null : this.takenFrom(swab.local.person);
    if (this.counts(swab) && first !== null && first !== swab) flags.push('duplicate_person');
    return flags.sort();
  }

  private counts(swab: Swab): boolean {
    const tube = swab.tubeId === null ? undefined : this.tubes.get(swab.tubeId);
    if (tube === undefined || swab.at === null || swab.voidedAt !== null) return false;
    return tube.step !== 'broken' && tube.step !== 'voided' && tube.purpose === 'screening';
  }

  private countAtSeal(tube: Tube, inside: readonly Swab[]): number {
    const sealed = tube.sealedAt ?? Infinity;
    return inside.filter((swab) => (swab.at ?? 0) <= sealed && (swab.voidedAt === null || swab.voidedAt > sealed)).length;
  }

  private tube(id: string): Tube {
    const known = this.tubes.get(id);
    if (known !== undefined) return known;
    const fresh: Tube = {
      id, code: '', mode: 'pool', capacity: 0, purpose: 'screening', step: 'issued', openedAt: null, sealedAt: null, count: null, endedReason: '',
    };
    this.tubes.set(id, fresh);
    return fresh;
  }

  private swab(id: string): Swab {
    const known = this.swabs.get(id);
    if (known !== undefined) return known;
    const fresh: Swab = { id, tubeId: null, at: null, entry: null, local: {}, voidedAt: null, voidReason: '' };
    this.swabs.set(id, fresh);
    return fresh;
  }

  private box(id: string): Box {
    const known = this.boxes.get(id);
    if (known !== undefined) return known;
    const fresh: Box = { id, code: '', tubeCodes: [], sealedAt: null, sealNo: '', count: null };
    this.boxes.set(id, fresh);
    return fresh;
  }

  private become(id: string, step: TubeStep): Tube {
    const tube = this.tube(id);
    tube.step = later(tube.step, step);
    return tube;
  }

  private opened(given: Payloads['tube.open'], at: number): void {
    const tube = this.become(given.tube_id, 'open');
    tube.code = given.code;
    tube.mode = given.mode;
    tube.capacity = given.capacity;
    tube.purpose = given.purpose ?? 'screening';
    tube.openedAt = Math.min(tube.openedAt ?? at, at);
  }

  private swabbed(given: Payloads['swab.add'], at: number, local: Local): void {
    const swab = this.swab(given.swab_id);
    swab.tubeId ??= this.tube(given.tube_id).id;
    swab.at = at;
    swab.entry = given.entry;
    swab.local = local;
  }

  private swabVoided(given: Payloads['swab.void'], at: number): void {
    const swab = this.swab(given.swab_id);
    if (swab.voidedAt !== null && swab.voidedAt <= at) return;
    swab.voidedAt = at;
    swab.voidReason = given.reason;
  }

  private sealed(given: Payloads['tube.seal'], at: number): void {
    const tube = this.become(given.tube_id, 'sealed');
    if (tube.sealedAt !== null && tube.sealedAt <= at) return;
    tube.sealedAt = at;
    tube.count = given.count;
  }

  private ended(given: Payloads['tube.void'], step: TubeStep): void {
    this.become(given.tube_id, step).endedReason = given.reason;
  }

  private filled(given: Payloads['box.add']): void {
    const box = this.box(given.box_id);
    for (const code of given.tube_codes) {
      if (!box.tubeCodes.includes(code)) box.tubeCodes.push(code);
      for (const tube of this.tubesOfCode(code)) this.become(tube.id, 'boxed');
    }
  }

  private boxSealed(given: Payloads['box.seal'], at: number): void {
    const box = this.box(given.box_id);
    box.sealedAt ??= at;
    box.sealNo = given.seal_no;
    box.count = given.count;
  }
}

function inOrder(one: Swab, other: Swab): number {
  return (one.at ?? 0) - (other.at ?? 0) || (one.id < other.id ? -1 : 1);
}
