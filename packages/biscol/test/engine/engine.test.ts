import { createEmbeddedChain, type EmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { feeRate, loadCrypto } from '@bitcoin-enterprise/core';
import {
  amount,
  and,
  blocks,
  type ContractEngine,
  createEngine,
  defineContract,
  type EngineOptions,
  fundingOutputs,
  instantiate,
  musig,
  older,
  outpointOf,
  party,
  pay,
  pk,
  rest,
  to,
} from '@bitcoin-enterprise/biscol';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { memoryDigestSigner } from '@bitcoin-enterprise/wallet';
import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
import { beforeAll, expect, it } from 'vitest';
import { personOf, ringOf } from '../support/people.ts';

const escrow = defineContract({
  name: 'escrow',
  params: { buyer: party(), seller: party(), arbiter: party(), price: amount(), patience: blocks() },
  states: {
    funded: {
      amount: ({ price }) => price,
      key: ({ buyer, seller }) => musig(buyer, seller),
      paths: ({ buyer, arbiter, seller, patience }) => ({
        rule: and(pk(arbiter), pk(seller)),
        expire: and(pk(buyer), older(patience)),
        undo: and(pk(buyer), pk(seller), older(patience)),
      }),
    },
  },
  transitions: {
    release: { from: 'funded', by: 'key', outputs: ({ seller }) => [pay(seller, rest)] },
    rule: { from: 'funded', by: 'rule', outputs: ({ seller }) => [pay(seller, rest)] },
    expire: { from: 'funded', by: 'expire', outputs: ({ buyer }) => [pay(buyer, rest)] },
    undo: { from: 'funded', by: 'undo', outputs: ({ buyer }) => [pay(buyer, rest)] },
  },
  funding: () => [to('funded')],
  duties: [
    { party: ({ buyer }) => buyer, state: 'funded', transition: 'expire' },
    { party: ({ seller }) => seller, state: 'funded', transition: 'undo', held: true },
  ],
});

const instance = () =>
  instantiate(escrow, {
    network: 'regtest',
    params: { buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), price: 100_000n, patience: 6 },
  });

function engineOf(chain: EmbeddedChain, options: Partial<EngineOptions>): ContractEngine {
  return createEngine({
    store: createMemoryStore(),
    chain: chain.ports,
    network: 'regtest',
    contracts: [escrow],
    pollMs: 5,
    confirmations: 3,
    ...options,
  });
}

async function until(is: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 2_000; tries++) {
    if (await is()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error('it never came');
}

beforeAll(async () => {
  await loadCrypto();
});

const newChain = () => createEmbeddedChain({ policy: mempoolProfile('core-31') });

it('sees the funding, executes, and follows the transaction until it is final', async () => {
  const chain = newChain();
  const engine = engineOf(chain, { keys: memoryDigestSigner(ringOf(2, 3)) });
  const id = await engine.open(instance());
  const stop = new AbortController();
  const working = engine.work({ signal: stop.signal });
  const [funding] = fundingOutputs(instance());
  chain.fund(funding?.output.scriptPubKey as Uint8Array, funding?.value as never);
  await until(async () => Object.keys((await engine.state(id)).cells).length === 1);

  const execution = await engine.execute(id, 'rule', {}, { feeRate: feeRate(2_000n) });

  expect(execution.gas).toMatchObject({ weight: 676, size: 169, fee: '338' });
  await until(async () => (await engine.state(id)).executions[execution.id]?.status === 'sent');
  chain.mine(1);
  await until(async () => (await engine.state(id)).executions[execution.id]?.status === 'confirmed');
  chain.mine(2);
  await until(async () => (await engine.state(id)).isOver);
  stop.abort();
  await working;
});

it('does the duty of a party once its time has come', async () => {
  const chain = newChain();
  const engine = engineOf(chain, { keys: memoryDigestSigner(ringOf(1)), dutiesOf: ['buyer'] });
  const id = await engine.open(instance());
  const stop = new AbortController();
  const working = engine.work({ signal: stop.signal });
  const [funding] = fundingOutputs(instance());
  const { txid, index } = chain.fund(funding?.output.scriptPubKey as Uint8Array, funding?.value as never);
  await until(async () => Object.keys((await engine.state(id)).cells).length === 1);
  chain.mine(4);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect((await engine.state(id)).executions).toEqual({});
  chain.mine(1);
  await until(async () => chain.mempool().length === 1);
  chain.mine(3);
  await until(async () => (await engine.state(id)).isOver);
  expect((await engine.state(id)).cells[outpointOf({ txid, index })]?.spent?.transition).toBe('expire');
  stop.abort();
  await working;
});

interface Pair {
  readonly buyer: ContractEngine;
  readonly seller: ContractEngine;
  readonly id: string;
  readonly end: () => Promise<void>;
}

/** Buyer and seller, who hear each other's messages as JSON; the instance is funded. */
async function pairOn(chain: EmbeddedChain, options: Partial<EngineOptions> = {}): Promise<Pair> {
  const engines: ContractEngine[] = [];
  const make = async (n: number): Promise<ContractEngine> => {
    const ring = ringOf(n);
    const vault = await openNonceVault({ store: createMemoryStore(), name: 'v' });
    return engineOf(chain, {
      keys: memoryDigestSigner(ring),
      musig: musigPsbtSigner({ ring, vault }),
      consent: () => 'sign',
      transport: {
        send: async (message) => {
          const text = JSON.stringify(message);
          for (const [place, other] of engines.entries()) if (place !== n - 1) await other.receive(JSON.parse(text));
        },
      },
      ...options,
    });
  };
  engines.push(await make(1), await make(2));
  const [buyer, seller] = engines as [ContractEngine, ContractEngine];
  const stop = new AbortController();
  const [id] = (await Promise.all(engines.map(async (engine) => engine.open(instance())))) as [string];
  const working = engines.map(async (engine) => engine.work({ signal: stop.signal }));
  const [funding] = fundingOutputs(instance());
  chain.fund(funding?.output.scriptPubKey as Uint8Array, funding?.value as never);
  for (const engine of engines) await until(async () => Object.keys((await engine.state(id)).cells).length === 1);
  const end = async (): Promise<void> => {
    stop.abort();
    await Promise.all(working);
  };
  return { buyer, seller, id, end };
}

const statusOf = async (engine: ContractEngine, id: string, execution: string): Promise<string | undefined> =>
  (await engine.state(id)).executions[execution]?.status;

it('lets two parties sign together over any transport', async () => {
  const chain = newChain();
  const { buyer, seller, id, end } = await pairOn(chain);

  const execution = await buyer.execute(id, 'release');

  expect(execution.status).toBe('signing');
  await until(async () => chain.mempool().length === 1);
  for (const engine of [buyer, seller]) await until(async () => (await statusOf(engine, id, execution.id)) === 'sent');
  expect((await seller.signers(id, execution.id)).map(({ name, has }) => [name, has])).toEqual([
    ['buyer', 'signed'],
    ['seller', 'signed'],
  ]);
  await end();
});

it('finishes at both what can only be sent later', async () => {
  const chain = newChain();
  const { buyer, seller, id, end } = await pairOn(chain);

  const execution = await buyer.execute(id, 'undo');

  for (const engine of [buyer, seller])
    await until(async () => (await statusOf(engine, id, execution.id)) === 'sending');
  expect(chain.mempool()).toEqual([]);
  chain.mine(5);
  for (const engine of [buyer, seller]) await until(async () => (await statusOf(engine, id, execution.id)) === 'sent');
  await end();
});

it('keeps back what is held, tells nobody, and lets it go when its duty comes', async () => {
  const chain = newChain();
  const { buyer, seller, id, end } = await pairOn(chain, { dutiesOf: ['seller'] });

  const { id: execution } = await seller.execute(id, 'undo', {}, { hold: true });

  await until(async () => (await statusOf(seller, id, execution)) === 'held');
  chain.mine(4);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await statusOf(seller, id, execution)).toBe('held');
  chain.mine(1);
  await until(async () => chain.mempool().length === 1);
  await until(async () => (await statusOf(buyer, id, execution)) === 'sent');
  expect(Object.keys((await seller.state(id)).executions)).toEqual([execution]);
  await end();
});

it('keeps instances of one script apart: each is begun by its own output', async () => {
  const chain = newChain();
  const engine = engineOf(chain, { keys: memoryDigestSigner(ringOf(2, 3)) });
  const params = { buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), price: 100_000n, patience: 6 };
  const twins = ['one', 'two'].map((nonce) => ({
    nonce,
    made: instantiate(escrow, { network: 'regtest', params, nonce }),
  }));
  const stop = new AbortController();
  const working = engine.work({ signal: stop.signal });
  const outpoints: string[] = [];
  for (const { nonce, made } of twins) {
    const id = await engine.open(made, { nonce });
    const [funding] = fundingOutputs(made);
    const { txid, index } = chain.fund(funding?.output.scriptPubKey as Uint8Array, funding?.value as never);
    outpoints.push(outpointOf({ txid, index }));
    await engine.fund(id, [outpointOf({ txid, index })]);
  }
  chain.mine(4);

  for (const [place, { made }] of twins.entries()) {
    const { cells } = await engine.waitFor(made.id, (view) =>
      Object.values(view.cells).some(({ placed }) => placed === 'final'),
    );

    expect(Object.keys(cells)).toEqual([outpoints[place]]);
  }
  stop.abort();
  await working;
});
