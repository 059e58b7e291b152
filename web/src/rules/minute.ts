/** A minute of a day as a clock shows it, and how many days later that is: a laboratory works past midnight. */
export function clockOf(minute: number): Readonly<{ time: string; later: number }> {
  const whole = Math.round(minute);
  const later = Math.floor(whole / 1440);
  const rest = whole - later * 1440;
  const two = (value: number): string => String(value).padStart(2, '0');
  return { time: `${two(Math.floor(rest / 60))}:${two(rest % 60)}`, later };
}
