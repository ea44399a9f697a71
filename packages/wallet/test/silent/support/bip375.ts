import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { resolve } from 'node:path';

/** A vector of BIP375: verdict, description, PSBT. */
export type Bip375Vector = readonly [string, string, string];

/**
 * Some vectors of BIP375, one a line. They are no part of the usual run, on no machine, so that nothing is skipped where they
 * are not: who has a copy in the cache runs them beside.
 */
export function cachedBip375(): readonly Bip375Vector[] {
  const cached = resolve(homedir(), '.cache/bitcoin-enterprise/bip-0375/vectors.txt');
  if (!existsSync(cached)) return [];
  const lines = readFileSync(cached, 'utf8').trim().split('\n');
  return lines.map((line) => line.split('|') as [string, string, string]);
}
