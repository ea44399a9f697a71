/** Characters of descriptors, in the order that BIP380 numbers them. */
const INPUT = '0123456789()[],\'/*abcdefgh@:$%{}IJKLMNOPQRSTUVWXYZ&+-.;<=>?!^_|~ijklmnopqrstuvwxyzABCDEFGH`#"\\ ';
const OUTPUT = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const GENERATOR = [0xf5dee51989n, 0xa9fdca3312n, 0x1bab10e32dn, 0x3706b1677an, 0x644d626ffdn] as const;

/** The eight characters of BIP380 that protect a descriptor; `undefined` when it has a character that none may have. */
export function descriptorChecksum(descriptor: string): string | undefined {
  let state = 1n;
  let group = 0;
  let count = 0;
  for (const character of descriptor) {
    const position = INPUT.indexOf(character);
    if (position < 0) return undefined;
    state = step(state, position & 31);
    group = group * 3 + (position >> 5);
    if (++count < 3) continue;
    state = step(state, group);
    group = 0;
    count = 0;
  }
  if (count > 0) state = step(state, group);
  for (let i = 0; i < 8; i++) state = step(state, 0);
  state ^= 1n;
  return Array.from({ length: 8 }, (_, i) => OUTPUT[Number((state >> BigInt(5 * (7 - i))) & 31n)]).join('');
}

/** A descriptor with its checksum. */
export function withChecksum(descriptor: string): string {
  return `${descriptor}#${descriptorChecksum(descriptor) ?? ''}`;
}

function step(state: bigint, value: number): bigint {
  const top = Number(state >> 35n);
  let next = ((state & 0x7ffffffffn) << 5n) ^ BigInt(value);
  for (const [bit, generator] of GENERATOR.entries()) if (((top >> bit) & 1) === 1) next ^= generator;
  return next;
}
