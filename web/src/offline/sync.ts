import type { Entry, Sender } from './db';
import type { Hubs } from './hub';
import type { Journal, Restored, Verdict } from './journal';

/**
 * Sends what waits, in order, until the server has given a verdict on each. Network loss is the normal state: it changes a
 * badge, nothing else. An entry leaves the queue only by a verdict; one that the server cannot take at all steps aside
 * (`stuck`) so that nothing waits behind it and nothing is tried for ever.
 */

/** `full`: the phone's own disk does not take the verdicts down. `hub`: no line to the county, and a hub at the site keeps what waits. */
export type Phase = 'idle' | 'sending' | 'offline' | 'busy' | 'shut_out' | 'full' | 'hub';
export type SyncState = Readonly<{ phase: Phase; lastOk: number | null; retryAt: number | null; error: string; skewMs: number | null }>;

export type Ports = Readonly<{
  fetch: (path: string, init: RequestInit) => Promise<Response>;
  now: () => number;
  /** Resolves after so many milliseconds, or at once when the signal is aborted. */
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** In [0, 1): spreads the retries of many phones. */
  random: () => number;
  language: () => string;
}>;

const BATCH = 500; // entries in one request; the server takes ten times as many
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 60_000;
const ANSWER_WITHIN = 30_000;
const TRIES_OF_ONE = 6; // refusals of a single entry alone before it steps aside
const ASK_HUB = 10_000; // whether the county's verdict has come to the hub meanwhile
const GATHER = 250; // a scan is seldom alone: lock and seal follow it

type Wait = Readonly<{ kind: 'wait'; ms: number; phase: Phase; error: string }>;
type Outcome = Readonly<{ kind: 'settled'; settled: number }> | Wait;

export class Sync {
  state: SyncState = { phase: 'idle', lastOk: null, retryAt: null, error: '', skewMs: null };
  private failures = 0;
  private size = BATCH;
  private tries = new Map<string, number>();
  private wake: AbortController | null = null;
  private kicked = false;
  /** The county was not to be had; until then it is not asked again, and hubs are. */
  private lost: Readonly<{ until: number; outcome: Wait }> | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly journal: Journal,
    private readonly ports: Ports,
    private readonly onRestored: (restored: Restored) => void = () => undefined,
    private readonly hubs: Pick<Hubs, 'give'> | null = null,
  ) {}

  onChange(listener: () => void): void {
    this.listeners.add(listener);
  }

  /** Something was recorded. A wait that the server or the network imposed is not cut short by it. */
  kick(): void {
    if (this.state.retryAt === null || this.state.retryAt <= this.ports.now()) this.rouse();
  }

  /** The network came back, or somebody asks: do not wait any longer. */
  now(): void {
    this.lost = null;
    this.rouse();
  }

  private rouse(): void {
    this.kicked = true;
    this.wake?.abort();
  }

  /** Runs until the signal ends it. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => { this.now(); });
    while (!signal.aborted) {
      this.kicked = false;
      // Only our own disk can fail here, where it is too full to take a verdict down: the server says it once more.
      const pause = await this.step().catch(() => this.waitFor(this.later('full', 'disk')));
      if (!this.wasKicked()) {
        this.wake = new AbortController();
        await this.ports.sleep(pause, this.wake.signal);
        this.wake = null;
      }
      if (this.wasKicked()) await this.ports.sleep(GATHER, signal);
    }
  }

  private wasKicked(): boolean {
    return this.kicked;
  }

  /** To the county; where there is no line to it, to a hub. Says how long to wait before the next step (ms). */
  async step(): Promise<number> {
    if (this.lost === null || this.left(this.lost) === 0) {
      const answer = await this.toCounty();
      if (typeof answer === 'number') {
        this.lost = null;
        return answer;
      }
      if (answer.phase !== 'offline' || this.hubs === null) return this.waitFor(answer);
      this.lost = { until: this.ports.now() + answer.ms, outcome: answer };
    }
    const { outcome } = this.lost;
    const given = (await this.hubs?.give()) ?? null;
    const left = this.left(this.lost);
    if (given === null) return this.waitFor({ ...outcome, ms: left });
    this.tell({ phase: 'hub', error: '', retryAt: null }); // what is recorded next goes to the hub at once
    return given.more ? 0 : Math.min(left, ASK_HUB);
  }

  /** What is left of a wait for the county (ms): nothing where the phone's clock was put back meanwhile. */
  private left({ until, outcome }: Readonly<{ until: number; outcome: Wait }>): number {
    const left = until - this.ports.now();
    return left > outcome.ms ? 0 : Math.max(left, 0);
  }

  /** One request for each sender that has something to say. Says how long to wait, or why the county was not to be had. */
  private async toCounty(): Promise<number | Wait> {
    let more = false;
    let shutOut: Wait | null = null;
    for (const sender of await this.journal.senders()) {
      const batch = await this.journal.waiting(sender.device, this.size);
      if (batch.length === 0 && (sender.own === 0 || this.heardLately())) continue;
      this.tell({ phase: 'sending', retryAt: null });
      const outcome = await this.send(sender, batch);
      if (outcome.kind === 'wait') {
        if (outcome.phase !== 'shut_out') return outcome; // the line is down for every sender alike
        shutOut = outcome;
        continue;
      }
      more ||= batch.length > 0;
    }
    if (shutOut !== null) return shutOut;
    if (this.state.phase !== 'idle') this.tell({ phase: 'idle', error: '', retryAt: null });
    return more ? 0 : LONGEST_WAIT;
  }

  private waitFor({ ms, phase, error }: Wait): number {
    this.tell({ phase, error, retryAt: this.ports.now() + ms });
    return ms;
  }

  /** Whether the server was heard within the last minute; if not, an empty request asks whether it is there. */
  private heardLately(): boolean {
    return this.state.lastOk !== null && this.ports.now() - this.state.lastOk < LONGEST_WAIT;
  }

  private tell(change: Partial<SyncState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }

  private async send(sender: Sender, batch: readonly Entry[]): Promise<Outcome> {
    const sent = this.ports.now();
    const beat = sender.own === 1 ? await this.journal.beat(sender.device, batch.length) : undefined;
    const patience = new AbortController();
    const bell = setTimeout(() => { patience.abort(); }, ANSWER_WITHIN);
    let answer: Response;
    try {
      answer = await this.ports.fetch('/api/sync', {
        method: 'POST',
        headers: { Authorization: `Device ${sender.device}:${sender.secret}`, 'Content-Type': 'application/json', 'Accept-Language': this.ports.language() },
        body: JSON.stringify({ sent_at: new Date(sent).toISOString(), commands: batch.map(wire), beat }),
        signal: patience.signal,
        credentials: 'omit',
      });
    } catch {
      return this.later('offline', 'network');
    } finally {
      clearTimeout(bell);
    }
    if (answer.ok) return this.take(sender, batch, answer, sent);
    return this.refused(batch, answer);
  }

  private async take(sender: Sender, batch: readonly Entry[], answer: Response, sent: number): Promise<Outcome> {
    const body = await answered(answer);
    if (body === null) return this.later('offline', 'unreadable_answer');
    const heard = this.ports.now();
    const asked = new Set(batch.map((entry) => entry.id));
    const settled = await this.journal.settle(body.verdicts.filter((verdict) => asked.has(verdict.id)));
    const skewMs = body.serverTime === null ? this.state.skewMs : Math.round(body.serverTime - (sent + heard) / 2);
    this.tell({ lastOk: heard, skewMs, error: '' });
    if (sender.own === 1 && body.seq !== null) {
      const restored = await this.journal.compare(sender.device, body.seq, heard);
      if (restored !== null) this.onRestored(restored);
    }
    if (batch.length > 0 && settled === 0) return this.later('busy', 'no_verdict'); // an answer about something else
    this.failures = 0;
    this.size = Math.min(BATCH, this.size * 2);
    return { kind: 'settled', settled };
  }

  private async refused(batch: readonly Entry[], answer: Response): Promise<Outcome> {
    const code = await codeOf(answer);
    switch (answer.status) {
      case 401:
      case 403:
        return { kind: 'wait', ms: LONGEST_WAIT, phase: 'shut_out', error: code };
      case 408:
      case 429:
      case 502:
      case 503:
      case 504:
        return this.later(answer.status === 429 ? 'busy' : 'offline', code, retryAfter(answer, this.ports.now()));
      default:
        return this.isolate(batch, code);
    }
  }

  /** The server cannot take this request: halve it until the one that is to blame is alone, then set that one aside. */
  private async isolate(batch: readonly Entry[], code: string): Promise<Outcome> {
    const first = batch[0];
    if (first === undefined) return this.later('offline', code);
    if (batch.length > 1) {
      this.size = Math.ceil(batch.length / 2);
      return this.later('busy', code, FIRST_WAIT);
    }
    const tries = (this.tries.get(first.id) ?? 0) + 1;
    this.tries.set(first.id, tries);
    if (tries < TRIES_OF_ONE) return this.later('busy', code);
    this.tries.delete(first.id);
    await this.journal.mark(first.id, 'stuck', code);
    return { kind: 'settled', settled: 0 };
  }

  private later(phase: Phase, error: string, asked: number | null = null): Wait {
    const grown = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 16);
    const spread = grown * (0.5 + this.ports.random() / 2);
    return { kind: 'wait', ms: asked === null ? spread : Math.max(asked, 0) + this.ports.random() * FIRST_WAIT, phase, error };
  }
}

/** An entry as the server reads it. The same entry always makes the same command, or a second sending would be another one. */
export function wire(entry: Entry): Readonly<Record<string, unknown>> {
  return { id: entry.id, kind: entry.kind, at: new Date(entry.at).toISOString(), seq: entry.seq, payload: entry.payload };
}

export type Body = Readonly<{ verdicts: Verdict[]; seq: number | null; serverTime: number | null }>;

async function answered(answer: Response): Promise<Body | null> {
  try {
    return bodyOf(await answer.json());
  } catch {
    return null; // a captive portal's page, a cut answer: no verdict
  }
}

/** The county's answer to a request, as it came or as a hub brought it; null where it is none. */
export function bodyOf(answer: unknown): Body | null {
  const told = (answer ?? {}) as { verdicts?: unknown; seq?: unknown; server_time?: unknown };
  if (!Array.isArray(told.verdicts)) return null;
  const verdicts = (told.verdicts as unknown[]).filter((one): one is Verdict => typeof one === 'object' && one !== null && 'id' in one && 'verdict' in one);
  const at = typeof told.server_time === 'string' ? Date.parse(told.server_time) : NaN;
  return { verdicts, seq: typeof told.seq === 'number' ? told.seq : null, serverTime: Number.isNaN(at) ? null : at };
}

async function codeOf(answer: Response): Promise<string> {
  try {
    const told = (await answer.json()) as { code?: unknown };
    if (typeof told.code === 'string') return told.code;
  } catch {
    // no JSON: the status says enough
  }
  return `http_${answer.status}`;
}

/** Milliseconds the server asks us to wait (RFC 9110 §10.2.3: seconds or a date), or null. */
export function retryAfter(answer: Response, now: number): number | null {
  const told = answer.headers.get('Retry-After');
  if (told === null) return null;
  if (/^\d+$/u.test(told)) return Number(told) * 1000;
  const at = Date.parse(told);
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}
