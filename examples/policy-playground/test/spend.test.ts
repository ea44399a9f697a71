import { loadCrypto } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { compileWritten, outputOf, type PlaygroundOutput } from '../src/compile.ts';
import { examplesOf } from '../src/examples.ts';
import { mineChain, situationOf, waited } from '../src/situation.ts';
import { planPlayground, runSpend } from '../src/spend.ts';
import { type PlaygroundState, readLink, stateOf, withinChain, writeLink } from '../src/state.ts';
import { PlayWallet } from '../src/wallet.ts';

const { engine: crypto } = await loadCrypto();
const wallet = new PlayWallet('test', crypto);
const tools = { wallet, crypto, typedPreimages: new Map<string, Uint8Array>() };

function compiled(state: PlaygroundState): PlaygroundOutput {
  const answer = compileWritten(state, wallet);
  if (!answer.ok) throw new Error(answer.message);
  return outputOf(answer, state, wallet);
}

describe('every example', () => {
  const cases = examplesOf(crypto).flatMap(({ title, state }) => [
    { title: `${title}, without aggregates`, state: { ...state, musig: 'none' as const } },
    { title: `${title}, aggregates in the key path`, state },
    { title: `${title}, aggregates everywhere`, state: { ...state, musig: 'everywhere' as const } },
    { title: `${title}, P2WSH`, state: { ...state, context: 'wsh' as const } },
  ]);

  it.each(cases)('$title: is mined at the weight that was predicted', async ({ state }) => {
    const { output } = compiled(state);
    let now = state;
    let plan = planPlayground(output, now, tools);
    if (!plan.ok && plan.spendableFrom !== undefined) {
      now = waited(state, plan.spendableFrom);
      plan = planPlayground(output, now, tools);
    }
    if (!plan.ok) throw new Error('blocked');
    const { accepted, reason, minedHeight, actualWeight } = await runSpend(plan, now, tools);

    expect({ accepted, reason, minedHeight }).toEqual({
      accepted: true,
      reason: undefined,
      minedHeight: now.height + 1,
    });
    expect(actualWeight).toBeLessThanOrEqual(plan.weight.maximum);
    expect(actualWeight).toBeGreaterThanOrEqual(plan.weight.minimum);
    if (state.context === 'tr') expect(plan.weight.minimum).toBe(plan.weight.maximum);
  });
});

it('a key of a policy may have any name', () => {
  expect(compiled(stateOf('or(pk(__proto__),pk(constructor))')).names).toEqual(['__proto__', 'constructor']);
});

describe('the situation that is told without mining', () => {
  const genesisTime = 1_296_688_602;
  it.each([
    { height: 150, confirmations: 1, clock: undefined },
    { height: 150, confirmations: 40, clock: undefined },
    { height: 150, confirmations: 40, clock: genesisTime + 86_400 * 365 },
    { height: 150, confirmations: 6, clock: genesisTime + 86_400 * 365 },
    { height: 150, confirmations: 7, clock: genesisTime + 86_400 * 365 },
    { height: 150, confirmations: 2, clock: genesisTime + 86_400 * 365 },
    { height: 150, confirmations: 2, clock: genesisTime },
    { height: 700, confirmations: 590, clock: genesisTime + 600 * 650 },
  ])('is that of the mined chain: $height, $confirmations, $clock', async (numbers) => {
    const state = withinChain({ ...stateOf('pk(a)'), ...numbers });
    const { chain, coin } = await mineChain(compiled(state).output.scriptPubKey, state, {
      crypto,
      onProgress: () => undefined,
    });
    const told = situationOf(state);

    expect(chain.height).toBe(told.height);
    expect(chain.height - coin.height + 1).toBe(told.confirmations);
    expect(chain.tip.medianTime).toBe(told.medianTime);
  });
});

it.each(['and(pk(a),older(4194306))', 'and(pk(a),after(1700000000))', 'and(pk(a),after(200))', 'and(pk(a),older(20))'])(
  'a lock is open after the wait that the plan tells, and not before: %s',
  async (policy) => {
    const early = stateOf(policy);
    const { output } = compiled(early);
    const blocked = planPlayground(output, early, tools);
    if (blocked.ok || blocked.spendableFrom === undefined) throw new Error('not blocked');
    const late = waited(early, blocked.spendableFrom);
    const plan = planPlayground(output, late, tools);
    if (!plan.ok) throw new Error('still blocked');

    expect((await runSpend(plan, late, tools)).accepted).toBe(true);
    // What the plan forbids, the chain forbids.
    expect(await runSpend(plan, early, tools)).toMatchObject({
      accepted: false,
      reason: expect.stringMatching(/^non-(BIP68-)?final$/),
    });
  },
);

it('a state survives its link', () => {
  const state = withinChain({
    ...stateOf('or(\n 9@pk(a),and(pk(b&c),older(5)))'),
    context: 'wsh',
    musig: 'none',
    ifFree: true,
    absent: ['a', 'b&c'],
    hidden: ['00ff'],
    height: 500,
    confirmations: 17,
    clock: 1_700_000_000,
  });

  expect(readLink(`#${writeLink(state)}`)).toEqual(state);
  expect(readLink('')).toBeUndefined();
});

it.each([
  ['or(pk(a),\n  pq(b))', 'pq', 'DESCRIPTORS_FUNCTION_INVALID'],
  ['thresh(3,\n pk(a),\n pk(b))', '3', 'DESCRIPTORS_THRESHOLD_INVALID'],
  ['and(pk(a),\n sha256(00))', '00', 'DESCRIPTORS_SYNTAX'],
  [`and(pk(a),pk(02${'00'.repeat(32)}))`, `02${'00'.repeat(32)}`, 'DESCRIPTORS_KEY_INVALID'],
])('a fault is told at its place in what was written: %j', (policy, where, code) => {
  const fault = compileWritten(stateOf(policy), wallet);
  if (fault.ok) throw new Error('no fault');

  expect(fault.code).toBe(code);
  expect(policy.slice(fault.position, fault.position + fault.length)).toBe(where);
});
