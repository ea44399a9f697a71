import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { feeRate, loadCrypto, satoshis, SuiteError } from '@bitcoin-enterprise/core';
import * as biscol from '@bitcoin-enterprise/biscol';
import * as checker from '@bitcoin-enterprise/biscol/checker';
import * as contracts from '@bitcoin-enterprise/biscol/contracts';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { memoryDigestSigner } from '@bitcoin-enterprise/wallet';
import { beforeAll, describe, expect, it } from 'vitest';
import { keyOf, personOf, ringOf, secretOf } from './support/people.ts';

beforeAll(async () => {
  await loadCrypto();
});

type Anything = (...given: readonly unknown[]) => unknown;

function functionsOf(module: object): ReadonlyArray<readonly [string, Anything]> {
  return Object.entries(module).flatMap(([name, value]: readonly [string, unknown]) =>
    typeof value === 'function' && name !== 'BiscolError'
      ? [[name, (...given) => Reflect.apply(value, undefined, given) as unknown] as const]
      : [],
  );
}

const nonsense: readonly unknown[] = [
  undefined,
  null,
  0,
  -1,
  Number.NaN,
  2 ** 40,
  1n,
  -1n,
  2n ** 300n,
  '',
  'text',
  '__proto__',
  true,
  [],
  [null],
  [[]],
  {},
  { __proto__: null },
  Symbol('x'),
  () => 1,
  () => null,
  new Uint8Array(0),
  new Uint8Array(32),
  new Map(),
  new Array(3),
];

const CODES = /^(?:BISCOL|CORE|WALLET|SCRIPT|DESCRIPTORS|EVENTS|CHAIN)_/;

/** An answer, or an error with a code: never another one. */
async function coded(name: string, call: () => unknown): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof SuiteError)) throw new Error(`${name} threw without a code`, { cause: error });
    expect(error.code).toMatch(CODES);
  }
}

/** A value with one of its parts replaced, for each of its parts. */
function* mutants(value: unknown, depth: number): Generator {
  if (depth === 0 || typeof value !== 'object' || value === null || value instanceof Uint8Array) return;
  if (value instanceof Map) return;
  for (const [key, part] of Object.entries(value)) {
    const withPart = (other: unknown): unknown =>
      Array.isArray(value) ? value.with(Number(key), other) : { ...value, [key]: other };
    for (const other of nonsense) yield withPart(other);
    for (const other of mutants(part, depth - 1)) yield withPart(other);
  }
}

const modules = { biscol, contracts, checker };

describe.for(Object.entries(modules))('every function of %s', ([, module]) => {
  it.for(functionsOf(module))('%s answers nonsense with a code', async ([name, run]) => {
    await coded(name, () => run());
    for (const one of nonsense) {
      await coded(name, () => run(one));
      for (const two of nonsense) await coded(name, () => run(one, two));
    }
  });
});

function instanceOf(): biscol.ContractInstance {
  return biscol.instantiate(contracts.vault, {
    network: 'regtest',
    params: { owner: keyOf(1), hot: personOf(2), watchtower: keyOf(3), cold: personOf(4), sum: 100_000n, delay: 6 },
    covenants: { kind: 'presigned', keys: [keyOf(9)], feeRate: 2_000n },
  });
}

describe('good arguments with one part that is wrong', () => {
  const cell = (): biscol.Cell => ({
    state: 'stored',
    data: {},
    value: satoshis(100_000n),
    txid: new Uint8Array(32).fill(7),
    index: 0,
  });
  const plan = (): biscol.TransitionPlan =>
    biscol.planTransition(instanceOf(), 'recover', { cells: [cell()], feeRate: feeRate(2_000n) });
  const calls = (): Readonly<Record<string, readonly unknown[]>> => ({
    instantiate: [
      contracts.vault,
      {
        network: 'regtest',
        params: { owner: keyOf(1), hot: personOf(2), watchtower: keyOf(3), cold: personOf(4), sum: 100_000n, delay: 6 },
        covenants: { kind: 'presigned', keys: [keyOf(9)], feeRate: 2_000n },
      },
    ],
    readInstance: [biscol.writeInstance(instanceOf()), [contracts.vault]],
    planTransition: [instanceOf(), 'recover', { cells: [cell()], feeRate: feeRate(2_000n) }],
    planToPsbt: [plan()],
    signaturesOfPsbt: [plan(), biscol.planToPsbt(plan())],
    completeTransition: [plan(), new Map()],
    meterTransaction: [plan().bytes, { spentOutputs: plan().spentOutputs, flags: ['TAPROOT'] }],
    covenantSteps: [instanceOf(), [cell()]],
    defineContract: [contracts.escrow],
    checkContract: [
      {
        instance: instanceOf(),
        guarantees: contracts.vaultGuarantees,
        secretKeys: [1, 2, 3, 4, 9].map(secretOf),
        bounds: { blocks: 2, situations: 5 },
        // Nobody's promises: what is asked here is what happens before anything is explored.
        sides: ['nobody'],
      },
    ],
  });

  it.for(Object.keys(calls()))('%s answers with a code', { timeout: 120_000 }, async (name) => {
    const run = functionsOf({ ...biscol, ...checker }).find(([known]) => known === name)?.[1] as Anything;
    const given = calls()[name] as readonly unknown[];
    await coded(name, () => run(...given));
    for (const [place, argument] of given.entries())
      for (const mutant of mutants(argument, name === 'checkContract' ? 1 : 2))
        await coded(name, () => run(...given.with(place, mutant)));
  });
});

describe('an engine', () => {
  it('answers nonsense with a code, in every call', async () => {
    const engine = biscol.createEngine({
      store: createMemoryStore(),
      chain: createEmbeddedChain().ports,
      network: 'regtest',
      contracts: [contracts.vault],
      keys: memoryDigestSigner(ringOf(1)),
    });
    const id = await engine.open(instanceOf());
    for (const [name, run] of functionsOf(engine)) {
      if (name === 'work' || name === 'waitFor') continue;
      for (const one of nonsense) {
        await coded(name, () => run(one));
        for (const two of nonsense) await coded(name, () => run(id, one, two));
      }
    }
    await coded('work', async () => (engine.work as Anything)({ signal: null }));
    await coded('waitFor', async () => (engine.waitFor as Anything)(id, null));

    expect((await engine.state(id)).executions).toEqual({});
  });

  it('is not made of nonsense', async () => {
    const options = {
      store: createMemoryStore(),
      chain: createEmbeddedChain().ports,
      network: 'regtest',
      contracts: [contracts.vault],
      keys: memoryDigestSigner(ringOf(1)),
    };
    for (const mutant of mutants(options, 1))
      await coded('createEngine', () => (biscol.createEngine as Anything)(mutant));
  });
});
