import * as receipts from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { anchored } from './anchored.ts';
import { createScene, payment } from './scene.ts';

const functions = Object.entries(receipts).filter(
  (entry): entry is [string, (...input: unknown[]) => unknown] =>
    typeof entry[1] === 'function' && entry[0] !== 'ReceiptsError',
);

/** Well-formed values of every kind, so that not every call ends at its first argument. */
async function realThings(): Promise<readonly unknown[]> {
  const scene = createScene({ seed: 'arguments' });
  const receipt = await scene.receipts.issue(payment(1), { key: 'k' });
  const { receipt: withAnchor, chain } = await anchored(scene, receipt);
  return [
    scene.log,
    scene.storage,
    scene.policy,
    scene.policy.log,
    scene.policy.signers,
    { network: 'regtest', chain },
    scene.signers,
    scene.signers[0],
    scene.logSigner,
    scene.logKey,
    scene.witnesses,
    scene.witnesses[0],
    receipt,
    receipt.envelope,
    receipt.checkpoint,
    withAnchor.anchor,
    payment(2),
    receipts.createMemoryKeyStore(),
    receipts.parseCheckpoint(receipts.parseNote(receipt.checkpoint).text),
    receipts.formatReceipt(receipt),
    new Uint8Array(32),
    new Uint8Array(33).fill(2),
    { subject: 's', place: 'p' },
    { storage: scene.storage },
    { key: 'k' },
  ];
}

describe('every function of the package', () => {
  it.for(functions)('answers or fails with a code, whatever it is given: %s', async ([name, call]) => {
    const real = await realThings();
    const any = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...real) },
      { weight: 2, arbitrary: fc.anything({ withBigInt: true, withTypedArray: true }) },
      { weight: 1, arbitrary: fc.constantFrom(undefined, null, [undefined], '', {}, [], Number.NaN) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(any, { maxLength: 3 }), async (input) => {
        try {
          await call(...input);
        } catch (error) {
          const { code } = error as { readonly code?: unknown };
          if (typeof code !== 'string' || !/^(RECEIPTS|CORE)_/.test(code))
            throw new Error(`${name} failed without a code`, { cause: error });
        }
      }),
      { numRuns: 150 },
    );
  });
});
