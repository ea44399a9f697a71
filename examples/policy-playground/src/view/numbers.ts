/** A whole number with its thousands apart. */
export function grouped(value: number | bigint): string {
  return value.toLocaleString('en');
}

/** With at most one digit behind the point. */
export function rounded(value: number): string {
  return value.toLocaleString('en', { maximumFractionDigits: 1 });
}

/** A share as a percentage. */
export function percent(share: number): string {
  return share.toLocaleString('en', { style: 'percent', maximumSignificantDigits: share >= 0.1 ? 3 : 2 });
}

/** A time in UTC. */
export function utc(seconds: number): string {
  return `${new Date(seconds * 1_000).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
