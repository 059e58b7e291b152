import { createInterface } from 'node:readline';

import './disk'; // before Dexie, which looks for its database as it is loaded

import { Phone, type Build, type Step } from './phone';

/** Phones of a fault campaign in one process: one JSON line in, one out. See `tests/faults` of the project. */

type Asked = Readonly<{ ask: number; phone: string }> &
  (
    | Readonly<{ what: 'make'; url: string; seed: number; build: Build }>
    | Readonly<{ what: 'bind'; token: string }>
    | Readonly<{ what: 'run'; steps: readonly Step[] }>
    | Readonly<{ what: 'drain'; ms: number }>
    | Readonly<{ what: 'hub'; url: string }>
    | Readonly<{ what: 'report' | 'drop' }>
  );

const phones = new Map<string, Phone>();

function known(name: string): Phone {
  const phone = phones.get(name);
  if (phone === undefined) throw new Error(`no phone ${name}`);
  return phone;
}

async function answer(asked: Asked): Promise<unknown> {
  switch (asked.what) {
    case 'make': phones.set(asked.phone, new Phone(asked.phone, asked.url, asked.seed, asked.build, phones)); return null;
    case 'bind': return known(asked.phone).bind(asked.token);
    case 'run': return known(asked.phone).run(asked.steps);
    case 'drain': return known(asked.phone).drain(asked.ms);
    case 'hub': return known(asked.phone).hears(asked.url);
    case 'report': return known(asked.phone).report();
    case 'drop':
      await known(asked.phone).drop();
      phones.delete(asked.phone);
      return null;
  }
}

function say(line: unknown): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

// What a dead phone still had in its hands comes to nothing; the campaign judges by disk and server alone.
process.on('unhandledRejection', () => undefined);
createInterface({ input: process.stdin }).on('line', (line) => {
  const asked = JSON.parse(line) as Asked;
  answer(asked).then(
    (value) => { say({ ask: asked.ask, value: value ?? null }); },
    (error: unknown) => { say({ ask: asked.ask, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }); },
  );
}).on('close', () => { process.exit(0); });
