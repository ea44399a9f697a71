import { loadCrypto } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { type CoreVersion, findCore, startCore } from './support/core-node.ts';
import { runPolicyLockstep } from './support/policy-lockstep.ts';
import { serverNode } from './support/server-node.ts';

const isLong = process.env['BE_LONG'] === '1';
const count = isLong ? 10_000 : 400;
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const RATES = { relay: 100n, incremental: 100n };

describe.for<CoreVersion>(['core-31', 'core-30'])(
  `the mempool in lockstep with a real Bitcoin Core (seed ${seed})`,
  (version) => {
    const file = findCore(version);

    // Debian has no Bitcoin Core; `npm run functional -- --build-core` builds one from its published source.
    it.skipIf(file === undefined)(
      `${version}: every answer about ${count} random transactions and packages is the same, word by word`,
      { timeout: 600_000 },
      async () => {
        await loadCrypto();
        const theirs = await startCore(file as string, ['-acceptnonstdtxn=0']);
        const ours = await serverNode({ policy: version });
        try {
          const run = await runPolicyLockstep(ours, theirs, { seed, count, rates: RATES });

          expect(run.differences).toEqual([]);
          // A generator that met few rules would prove little.
          expect(run.reasons.size).toBeGreaterThan(isLong ? 45 : 25);
          expect((run.reasons.get('taken') ?? 0) / run.transactions).toBeGreaterThan(0.05);
        } finally {
          await ours.stop();
          await theirs.stop();
        }
      },
    );
  },
);

const knots = orSkip('bitcoind', await findBitcoind());

describe.skipIf(knots === undefined)(`the mempool in lockstep with Debian's bitcoin-knots (seed ${seed})`, () => {
  it(
    `knots-29: every answer about ${count} random transactions and packages is the same, word by word`,
    { timeout: 600_000 },
    async () => {
      await loadCrypto();
      const theirs = await startBitcoind({ args: ['-acceptnonstdtxn=0'] });
      const ours = await serverNode({ policy: 'knots-29' });
      try {
        const run = await runPolicyLockstep(ours, theirs, { seed, count, rates: RATES, forgive: withoutUsage });

        expect(run.differences).toEqual([]);
        expect(run.reasons.size).toBeGreaterThan(isLong ? 45 : 25);
      } finally {
        await ours.stop();
        await theirs.stop();
      }
    },
  );
});

/** Knots adds to the answer of `testmempoolaccept` how much memory a transaction takes. */
function withoutUsage(text: string): string {
  return text.replace(/"usage":\d+,?/g, '').replace(/,\}/g, '}');
}
