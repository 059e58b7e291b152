import { sha256 } from '@noble/hashes/sha2.js';

import { hex, type ResidentCode } from './resident-code';

/**
 * The pack's list of what is no longer good (twin of `sampling.tokens.struck`): `mark` strikes a key or one code,
 * `mark:YYYY-MM-DD` a person's codes issued until that day. Marks are hashes: the list names nobody.
 */
const MARK = 8;
const utf8 = new TextEncoder();

function mark(what: 'key' | 'code' | 'person', about: Uint8Array): string {
  const label = utf8.encode(`revoked ${what}:`);
  const message = new Uint8Array(label.length + about.length);
  message.set(label);
  message.set(about, label.length);
  return hex(sha256(message).subarray(0, MARK));
}

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text.replaceAll('-', '').match(/../gu) ?? [], (pair) => parseInt(pair, 16));

/** Whether the list strikes a code whose signature holds. A family's code falls with any of its persons. */
export function struck(code: ResidentCode, revoked: readonly string[]): boolean {
  if (revoked.length === 0) return false;
  const whole = new Set([mark('key', bytesOf(code.keyId)), mark('code', code.body)]);
  const persons = new Set(code.persons.map((person) => mark('person', bytesOf(person))));
  return revoked.some((entry) => {
    const [whose = '', until] = entry.split(':');
    return until === undefined ? whole.has(whose) : persons.has(whose) && code.issued <= until;
  });
}
