/**
 * Descriptors against `@bitcoinerlab/descriptors` and `@bitgo/wasm-utxo` (rust-miniscript in WebAssembly): reading one and
 * making the scripts of 1,000 indexes; and how the planner grows with the number of leaves.
 */
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { concatBytes, encodeBase58Check, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { currentCrypto } from '@bitcoin-enterprise/core';
import { parseDescriptor, planSpend } from '@bitcoin-enterprise/descriptors';
import { machine, measured, runCase } from './harness.ts';
import type { BenchResult, BenchSettings } from './harness.ts';

interface Rivals {
  readonly bitcoinerlab: {
    readonly Output: new (options: { readonly descriptor: string; readonly index: number }) => {
      getScriptPubKey(): Uint8Array;
    };
  };
  readonly bitgo: {
    readonly Descriptor: {
      fromString(text: string, kind: 'derivable'): { atDerivationIndex(index: number): { scriptPubkey(): Uint8Array } };
    };
  };
}

const INDEXES = 1_000;

/** Runs all cases. */
export async function runBench(settings: BenchSettings): Promise<readonly BenchResult[]> {
  await loadCrypto();
  const require = createRequire(import.meta.url);
  const rivals = require(resolve(import.meta.dirname, 'thirdparty/rivals-descriptors.cjs')) as Rivals;
  return [
    ...Object.entries(descriptors()).flatMap(([name, text]) => deriving(name, { text, rivals, settings })),
    ...growth(settings),
  ];
}

/** An extended key of a number. */
function xpub(place: number): string {
  const crypto = currentCrypto();
  const seed = crypto.sha512(Uint8Array.of(place));
  const key = crypto.publicKey(seed.subarray(0, 32)) as Uint8Array;
  const head = concatBytes(parseHex('0488b21e'), Uint8Array.of(0), new Uint8Array(8));
  return encodeBase58Check(concatBytes(head, seed.subarray(32, 64), key));
}

function descriptors(): Readonly<Record<string, string>> {
  const [a, b, c, d] = [0, 1, 2, 3].map(xpub) as [string, string, string, string];
  return {
    wpkh: `wpkh(${a}/0/*)`,
    'wsh(sortedmulti), 2 of 3': `wsh(sortedmulti(2,${a}/0/*,${b}/0/*,${c}/0/*))`,
    'tr, key path alone': `tr(${a}/0/*)`,
    'tr, 3 leaves': `tr(${a}/0/*,{pk(${b}/0/*),{and_v(v:pk(${c}/0/*),older(144)),multi_a(2,${b}/1/*,${c}/1/*,${d}/1/*)}})`,
  };
}

/** Reading a descriptor and making the scripts of 1,000 indexes, in microseconds of CPU for each index. */
function deriving(
  name: string,
  facts: { readonly text: string; readonly rivals: Rivals; readonly settings: BenchSettings },
): readonly BenchResult[] {
  const { text, rivals, settings } = facts;
  const { bitcoinerlab, bitgo } = rivals;
  const ours = (index: number): Uint8Array => parseDescriptor(text).derive(index).scriptPubKey;
  const theirs = [
    new bitcoinerlab.Output({ descriptor: text, index: 7 }).getScriptPubKey(),
    bitgo.Descriptor.fromString(text, 'derivable').atDerivationIndex(7).scriptPubkey(),
  ];
  for (const script of theirs)
    if (toHex(new Uint8Array(script)) !== toHex(ours(7))) throw new Error(`${name}: not the same script`);
  const all = (scriptAt: (index: number) => unknown): void => {
    for (let index = 0; index < INDEXES; index++) scriptAt(index);
  };
  const operations = INDEXES;
  return runCase(
    {
      name: `${name}: read, derive, script, ${INDEXES} indexes`,
      ours: measured(
        () => {
          const descriptor = parseDescriptor(text);
          all((index) => descriptor.derive(index).scriptPubKey);
        },
        { operations },
      ),
      rivals: {
        '@bitcoinerlab/descriptors': {
          // It has no object for all indexes: each reads the text again.
          measure: measured(
            () => all((index) => new bitcoinerlab.Output({ descriptor: text, index }).getScriptPubKey()),
            {
              operations,
            },
          ),
          promised: 1,
        },
        '@bitgo/wasm-utxo': {
          measure: measured(
            () => {
              const descriptor = bitgo.Descriptor.fromString(text, 'derivable');
              all((index) => descriptor.atDerivationIndex(index).scriptPubkey());
            },
            { operations },
          ),
          promised: 1,
        },
      },
    },
    settings,
  );
}

/** Planning a spend of trees of 125 to 4,000 leaves, beside the time that a linear planner of the smallest would take. */
function growth({ rounds }: BenchSettings): readonly BenchResult[] {
  const [a, b] = [xpub(4), xpub(5)];
  const plans = [125, 250, 500, 1_000, 2_000, 4_000].map((leaves) => {
    const build = (from: number, to: number): string => {
      if (to - from === 1) return `and_v(v:pk(${a}/0/${from}),and_v(v:pk(${b}/1/${from}),older(${from + 1})))`;
      const middle = (from + to) >> 1;
      return `{${build(from, middle)},${build(middle, to)}}`;
    };
    const output = parseDescriptor(`tr(${a}/2/0,${build(0, leaves)})`).derive();
    const internal = output.keys[0];
    return { leaves, run: () => void planSpend(output, { canSign: (key) => key !== internal, confirmations: 100 }) };
  });
  const times = plans.map(({ leaves, run }) => {
    const measure = measured(run, { operations: 1 });
    measure();
    const all = Array.from({ length: rounds }, measure).sort((x, y) => x - y);
    return { leaves, time: all[rounds >> 1] as number, spread: [all[0] as number, all.at(-1) as number] as const };
  });
  const [first] = times as [(typeof times)[number], ...typeof times];
  return times.map(({ leaves, time, spread }): BenchResult => {
    const linear = (first.time * leaves) / first.leaves;
    return {
      name: `plan of a tree of ${leaves} leaves, against linear growth`,
      unit: 'µs CPU',
      ours: time,
      rival: linear,
      ratio: linear / time,
      spread: [linear / spread[1], linear / spread[0]],
      runs: rounds,
      ...machine(),
    };
  });
}
