/** Where to go after signing in. Only a path of this console is followed: a link must not lead elsewhere. */

export const HOME = '/console/rounds';

/** The path asked for, if it is a local one of the console; else the list of rounds. */
export function safeReturnPath(asked: unknown): string {
  if (typeof asked !== 'string') return HOME;
  return /^\/console(\/[^\\]*)?$/.test(asked) && !asked.includes('//') ? asked : HOME;
}
