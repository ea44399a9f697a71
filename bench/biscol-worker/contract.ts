/** What the benchmark of the engine executes: a payment out of a state that one key guards. */
import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { currentCrypto, feeRate, toHex } from '@bitcoin-enterprise/core';
import {
  amount,
  type Contract,
  type ContractEngine,
  createEngine,
  defineContract,
  instantiate,
  party,
  pay,
  publicKey,
  rest,
  to,
  type ValueKinds,
} from '@bitcoin-enterprise/biscol';
import type { EventStore } from '@bitcoin-enterprise/events';
import { createKeyRing, memoryDigestSigner } from '@bitcoin-enterprise/wallet';

/** The key that signs all of them. */
export const SECRET_KEY: Uint8Array = new Uint8Array(32).fill(1);

/** Kinds of its parameters. */
const params = { giver: publicKey(), receiver: party(), sum: amount() };

/** What is executed. */
export const payment: Contract<typeof params, ValueKinds, 'waiting', { readonly give: unknown }> = defineContract({
  name: 'payment',
  params: { giver: publicKey(), receiver: party(), sum: amount() },
  states: { waiting: { amount: ({ sum }) => sum, key: ({ giver }) => giver } },
  transitions: { give: { from: 'waiting', by: 'key', outputs: ({ receiver }) => [pay(receiver, rest)] } },
  funding: () => [to('waiting')],
});

/** An engine over a store; nothing is sent, for nobody works. */
export function engineOver(store: EventStore): ContractEngine {
  return createEngine({
    store,
    chain: createEmbeddedChain().ports,
    network: 'regtest',
    contracts: [payment],
    keys: memoryDigestSigner(createKeyRing({ secretKeys: [SECRET_KEY] })),
  });
}

/** How many are worked on at the same time. */
const AT_ONCE = 1_000;

async function inWaves<Answer>(count: number, work: (place: number) => Promise<Answer>): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  for (let begun = 0; begun < count; begun += AT_ONCE) {
    const wave = Array.from({ length: Math.min(AT_ONCE, count - begun) }, async (_, place) => work(begun + place));
    answers.push(...(await Promise.all(wave)));
  }
  return answers;
}

/** Opens instances whose outputs are known; answers their ids. */
export async function openInstances(engine: ContractEngine, from: number, count: number): Promise<readonly string[]> {
  const key = toHex(currentCrypto().publicKey(SECRET_KEY) ?? SECRET_KEY);
  const params = { giver: key, receiver: { key, payTo: `5120${key.slice(2)}` }, sum: 100_000n };
  return inWaves(count, async (place) => {
    const nonce = String(from + place);
    const id = await engine.open(instantiate(payment, { network: 'regtest', params, nonce }), { nonce });
    await engine.fund(id, [`${(from + place + 1).toString(16).padStart(64, '0')}:0`]);
    return id;
  });
}

/** Executes all of them. */
export async function executeAll(engine: ContractEngine, ids: readonly string[]): Promise<void> {
  await inWaves(ids.length, async (place) =>
    engine.execute(ids[place] ?? '', 'give', {}, { feeRate: feeRate(2_000n) }),
  );
}
