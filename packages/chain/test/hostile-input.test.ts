import { concatBytes, currentCrypto, parseHex, satoshis } from '@bitcoin-enterprise/core';
import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { joinBlock, parseBlockHeader, serializeTransaction } from '@bitcoin-enterprise/script';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildBlock, inputOf, spend } from './support/block-workshop.ts';
import { createFaultScene } from './support/fault-scene.ts';

const runs = process.env['BE_LONG'] === '1' ? 100_000 : 1_500;

/** Code of the error of a call, or `fine`. */
function codeOf(call: () => unknown): string {
  try {
    call();
    return 'fine';
  } catch (error) {
    return String((error as { readonly code?: unknown }).code ?? error);
  }
}

/** Bytes with some of them changed, cut, doubled or thrown in. */
const mutation = fc.array(
  fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    how: fc.constantFrom('flip', 'cut', 'insert', 'double'),
    byte: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
);

function mutate(
  bytes: Uint8Array,
  changes: readonly { readonly at: number; readonly how: string; readonly byte: number }[],
): Uint8Array {
  let mutated = Uint8Array.from(bytes);
  for (const { at, how, byte } of changes) {
    const index = Math.floor(at * mutated.length);
    if (how === 'flip' && mutated.length > 0) mutated[Math.min(index, mutated.length - 1)] = byte;
    else if (how === 'cut') mutated = mutated.slice(0, index);
    else if (how === 'insert')
      mutated = Uint8Array.from([...mutated.subarray(0, index), byte, ...mutated.subarray(index)]);
    else mutated = Uint8Array.from(concatBytes(mutated.subarray(0, index), mutated.subarray(index >> 1)));
  }
  return mutated;
}

describe('bytes from a stranger', () => {
  const scene = createFaultScene();
  const { chain } = scene;
  const tx = serializeTransaction(
    spend([inputOf(scene.coin('anyone')), inputOf(scene.coin('checksig'), { scriptSig: parseHex('00') })], {
      outputs: [{ value: 150_000n, scriptPubKey: parseHex(`51${'61'.repeat(9)}`) }],
    }),
  );
  const block = buildBlock(chain, { transactions: [spend([inputOf(scene.coin('anyone'))])] });

  it('as a block get a code, and change nothing unless they are one', () => {
    const id = chain.snapshot();
    fc.assert(
      fc.property(mutation, (changes) => {
        expect(codeOf(() => chain.submitBlock(mutate(block, changes)))).toMatch(
          /^(fine|CHAIN_BLOCK_(REJECTED|MALFORMED))$/,
        );
        chain.revert(id);
      }),
      { numRuns: runs },
    );
  });

  it('as a transaction get a code', () => {
    fc.assert(
      fc.property(mutation, (changes) => {
        const bytes = mutate(tx, changes);
        expect(codeOf(() => chain.testAccept(bytes))).toMatch(/^(fine|CHAIN_TX_MALFORMED)$/);
        expect(codeOf(() => chain.trace(bytes, 0))).toMatch(/^(fine|(CHAIN|SCRIPT)_[A-Z_]+)$/);
      }),
      { numRuns: runs },
    );
  });

  it('as a dump get a code, even with a right checksum', () => {
    const small = createEmbeddedChain();
    small.mine(3);
    const dump = small.dump().subarray(0, -32);
    fc.assert(
      fc.property(mutation, (changes) => {
        const body = mutate(dump, changes);
        const sealed = concatBytes(body, hashOf(body));
        expect(codeOf(() => createEmbeddedChain().load(sealed))).toMatch(/^(fine|CHAIN_DUMP_INVALID)$/);
      }),
      { numRuns: Math.ceil(runs / 3) },
    );
  });
});

describe('an absurd block is refused in time', () => {
  it('of hundreds of thousands of empty transactions', () => {
    const chain = createEmbeddedChain();
    const empty = parseHex('01000000000000000000');
    const header = parseBlockHeader(buildBlock(chain).subarray(0, 80));
    const start = performance.now();
    const code = codeOf(() =>
      chain.submitBlock(
        joinBlock(
          header,
          Array.from({ length: 400_000 }, () => empty),
        ),
      ),
    );

    expect(code).toBe('CHAIN_BLOCK_REJECTED');
    expect(performance.now() - start).toBeLessThan(20_000);
  });

  it('of one transaction with 20,000 inputs, all of them missing but the first', () => {
    const { chain, coin } = createFaultScene();
    const inputs = Array.from({ length: 20_000 }, (_, index) => inputOf({ txid: new Uint8Array(32).fill(5), index }));
    const start = performance.now();
    const code = codeOf(() =>
      chain.submitBlock(buildBlock(chain, { transactions: [spend([inputOf(coin('anyone')), ...inputs])] })),
    );

    expect(code).toBe('CHAIN_BLOCK_REJECTED');
    expect(performance.now() - start).toBeLessThan(5_000);
  });

  it('of more bytes than any block', () => {
    expect(codeOf(() => createEmbeddedChain().submitBlock(new Uint8Array(8_000_001)))).toBe('CHAIN_BLOCK_MALFORMED');
  });
});

it('a block of 20,000 outputs that are all spent in the next is connected in time', () => {
  const chain = createEmbeddedChain();
  const script = parseHex('51');
  const output = chain.fund(script, satoshis(100_000_000n));
  const fan = spend([inputOf(output)], {
    outputs: Array.from({ length: 20_000 }, () => ({ value: 1_000n, scriptPubKey: script })),
  });
  chain.mine(1, { transactions: [serializeTransaction(fan)] });
  const { txid } = chain.utxos(script)[0] as { txid: Uint8Array };
  const start = performance.now();
  chain.mine(1, {
    transactions: [serializeTransaction(spend(Array.from({ length: 20_000 }, (_, index) => inputOf({ txid, index }))))],
  });

  expect(chain.balance(script)).toBe(0n);
  expect(performance.now() - start).toBeLessThan(10_000);
});

function hashOf(bytes: Uint8Array): Uint8Array {
  return currentCrypto().sha256(bytes);
}
