/** Box codes: the station's 17 digits, campaign, round, serial and a check digit. Twin of `engines.plan.codes`. */

const BOX = 25;
const STATION = 17;

/** ISO 7064 MOD 11,10: finds every single wrong digit and nearly every swap of two neighbours. */
export function checkDigit(digits: string): string {
  let product = 10;
  for (const digit of digits) {
    const total = (product + Number(digit)) % 10 || 10;
    product = (total * 2) % 11;
  }
  return String((11 - product) % 10);
}

/** Whether a box code has the right length, digits and check digit. */
export function boxCodeHolds(code: string): boolean {
  return /^[0-9]+$/u.test(code) && code.length === BOX && checkDigit(code.slice(0, -1)) === code.at(-1);
}

/** The station (台码) inside a sound box code, or null. */
export function stationOfBox(code: string): string | null {
  return boxCodeHolds(code) ? code.slice(0, STATION) : null;
}
