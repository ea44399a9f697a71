/**
 * `npm run vectors`: makes random spends, has a real bitcoind judge them in blocks, and commits its verdicts as the
 * project's own vectors in packages/script/test/vectors.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadCrypto, toHex } from '@bitcoin-enterprise/core';
import { runLockstep } from '../packages/chain/test/support/lockstep.ts';
import { startBitcoind } from './nodes/bitcoind.ts';
import { repository } from './packages.ts';

const SEED = 342;
const COUNT = 2_000;
const PER_VERDICT = 25;

await loadCrypto();
const node = await startBitcoind();
try {
  const rows = await runLockstep(node, { seed: SEED, count: COUNT });
  const kept = new Map<string, number>();
  const cases = rows.flatMap(({ tx, spentOutputs, note, node: verdict = 'OK' }) => {
    // Locks that the chain checks say nothing about scripts; and many cases of one verdict teach no more than a few.
    const seen = kept.get(verdict) ?? 0;
    const limit = verdict === 'OK' ? 5 * PER_VERDICT : PER_VERDICT;
    if (verdict.startsWith('bad-txns-nonfinal') || seen >= limit) return [];
    kept.set(verdict, seen + 1);
    const prevouts = spentOutputs.map(({ value, scriptPubKey }) => [Number(value), toHex(scriptPubKey)] as const);
    return [{ note, tx: toHex(tx), prevouts, verdict }];
  });
  const file = join(repository, 'packages/script/test/vectors/lockstep.json');
  const head = JSON.stringify({ node: node.version, seed: SEED, generated: COUNT }).slice(0, -1);
  writeFileSync(file, `${head},"cases":[\n${cases.map((one) => JSON.stringify(one)).join(',\n')}\n]}\n`);
  process.stdout.write(`${cases.length} cases with ${kept.size} verdicts: ${file}\n`);
} finally {
  await node.stop();
}
