/** Matters of the work list: what their keys mean, and the commands that decide them. Pure. */

export type Decision = Readonly<{ keys: readonly string[]; decision: string; reason: string }>;

/** Where a matter lives: `parked.<command>`, `swab.<id>.<flag>`, `tube.<id>.<flag>`. */
export function sourceOf(key: string): string {
  return key.split('.')[0] ?? '';
}

/** What may be decided about all of these at once: what each of them allows. Parked commands and flags do not mix. */
export function sharedDecisions(matters: readonly Readonly<{ key: string; sign: string }>[]): readonly string[] {
  const sources = new Set(matters.map((matter) => sourceOf(matter.key)));
  if (sources.size === 0) return [];
  if (sources.has('parked')) {
    if (sources.size > 1) return [];
    return matters.some((matter) => HOPELESS.has(matter.sign)) ? ['closed'] : ['retried', 'closed'];
  }
  return sources.has('tube') ? ['kept'] : ['kept', 'voided'];
}

/** Parked for good: there is nothing in them that could be applied. */
const HOPELESS = new Set(['access.sequence_rewound', 'access.command_unreadable']);

/** The commands of a decision: one for each parked command, one for all flags together. */
export function ordersFor({ keys, decision, reason }: Decision): { kind: string; payload: Record<string, unknown> }[] {
  const parked = keys.filter((key) => sourceOf(key) === 'parked');
  const subjects = keys
    .filter((key) => sourceOf(key) !== 'parked')
    .map((key) => {
      const [kind, id, flag] = key.split('.');
      return { kind, id, flag };
    });
  const orders: { kind: string; payload: Record<string, unknown> }[] = parked.map((key) => ({
    kind: 'parked.decide',
    payload: { command_id: key.slice('parked.'.length), decision, reason },
  }));
  if (subjects.length > 0) orders.push({ kind: 'flag.decide', payload: { subjects, decision, reason } });
  return orders;
}
