import { currentCrypto, loadCrypto, parseHex } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  beginFrostCoordination,
  createFrostParty,
  dealFrostShares,
  type FrostCoordination,
  type FrostGroup,
  type FrostParty,
  openNonceVault,
  stepFrostCoordination,
} from '../../src/multiparty/index.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const message = new Uint8Array(32).fill(8);

beforeAll(() => loadCrypto());

async function partiesOf(
  threshold: number,
  participants: number,
): Promise<{ readonly group: FrostGroup; readonly parties: readonly FrostParty[] }> {
  const { group, shares } = dealFrostShares({ threshold, participants });
  const parties = await Promise.all(
    shares.map(async (share) =>
      createFrostParty({ share, vault: await openNonceVault({ store: createMemoryStore(), name: 'v' }) }),
    ),
  );
  return { group, parties };
}

type Behaviour = 'honest' | 'silent' | 'wrong share' | 'wrong nonce';

/** Runs a coordination to its end; participants behave as they are told. */
async function run(
  threshold: number,
  behaviours: readonly Behaviour[],
  pick: (bound: number) => number,
): Promise<{ readonly state: FrostCoordination; readonly group: FrostGroup }> {
  const { group, parties } = await partiesOf(threshold, behaviours.length);
  let state = beginFrostCoordination(group, message);
  const wires: unknown[] = [];
  for (const [index, party] of parties.entries()) {
    const offer = await party.offer();
    wires.push(behaviours[index] === 'wrong nonce' ? { ...offer, nonce: '05'.repeat(66) } : offer);
  }
  while (wires.length > 0) {
    const [sent] = wires.splice(pick(wires.length), 1);
    // Each may come twice.
    for (let times = 1 + pick(2); times > 0; times--) {
      const step = stepFrostCoordination(state, structuredClone(sent));
      state = JSON.parse(JSON.stringify(step.state)) as FrostCoordination;
      for (const effect of step.effects) {
        if (effect.type !== 'ask') continue;
        for (const signer of effect.signers) {
          const behaviour = behaviours[signer - 1];
          if (behaviour === 'silent') continue;
          const answer = await (parties[signer - 1] as FrostParty).answer(effect.request, { message });
          wires.push(behaviour === 'wrong share' ? { ...answer, signature: '01'.repeat(32) } : answer);
        }
      }
    }
  }
  return { state, group };
}

describe('a coordinator', () => {
  it(
    'ends with a signature as long as enough participants are honest, and blames the others',
    { timeout: 120_000 },
    async () => {
      const behaviour = fc.constantFrom<Behaviour>('honest', 'silent', 'wrong share', 'wrong nonce');
      await fc.assert(
        fc.asyncProperty(
          fc.integer({ min: 2, max: 4 }),
          fc.array(behaviour, { maxLength: 4 }),
          fc.array(fc.nat(1_000), { minLength: 5, maxLength: 30 }),
          async (threshold, others, numbers) => {
            const behaviours = [...others, ...Array.from({ length: threshold }, (): Behaviour => 'honest')];
            let at = 0;
            const { state, group } = await run(
              threshold,
              behaviours,
              (bound) => (numbers[at++ % numbers.length] as number) % bound,
            );

            const signature = parseHex(state.signature ?? '00'.repeat(64));
            expect(currentCrypto().schnorrVerify(signature, message, group.xOnlyPublicKey)).toBe(true);
            expect(state.attempts.length).toBeLessThanOrEqual(behaviours.length - threshold + 1);
            for (const { signer, kind } of state.blamed)
              expect(behaviours[signer - 1]).toBe(kind === 'public nonce' ? 'wrong nonce' : 'wrong share');
          },
        ),
        { numRuns: long ? 300 : 15, seed },
      );
    },
  );

  it('takes no notice of what is no message, of strangers, of answers that nobody asked for', async () => {
    const { group, parties } = await partiesOf(2, 3);
    const [first, second, third] = parties as [FrostParty, FrostParty, FrostParty];
    let state = beginFrostCoordination(group, message);
    const offers = [await first.offer(), await second.offer()];
    for (const offer of offers) ({ state } = stepFrostCoordination(state, offer));
    const answer = await first.answer({ kind: 'request', attempt: 0, nonces: state.attempts[0]?.nonces }, { message });
    const strange: readonly unknown[] = [
      undefined,
      null,
      7,
      [],
      {},
      { ...answer, signer: 0 },
      { ...answer, signer: 4 },
      { ...answer, signer: 1.5 },
      { ...answer, signer: 3 },
      { ...answer, attempt: 1 },
      { ...answer, attempt: 'x' },
      // What a list has besides its places.
      { ...answer, attempt: 'length' },
      { ...answer, attempt: 'map' },
      { ...answer, attempt: '__proto__' },
      { ...answer, attempt: '0' },
      { ...answer, attempt: -1 },
      { ...answer, signature: 'zz' },
      { ...answer, next: 7 },
      { ...answer, kind: 'x' },
      { ...offers[0], nonce: 7 },
      { ...offers[0], nonce: 'x' },
      offers[0],
    ];
    for (const sent of strange) expect(stepFrostCoordination(state, sent)).toEqual({ state, effects: [] });
    ({ state } = stepFrostCoordination(state, answer));
    expect(stepFrostCoordination(state, answer)).toEqual({ state, effects: [] });
    expect(stepFrostCoordination(state, { ...answer, signature: '01'.repeat(32) })).toEqual({ state, effects: [] });

    await expect(
      third.answer({ kind: 'request', attempt: 0, nonces: state.attempts[0]?.nonces }, { message }),
    ).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
    });
  });

  it('asks a participant who began again, and one who is blamed no more', async () => {
    const { group, parties } = await partiesOf(2, 2);
    const [first, second] = parties as [FrostParty, FrostParty];
    let state = beginFrostCoordination(group, message);
    ({ state } = stepFrostCoordination(state, await first.offer()));
    const again = await first.offer();
    ({ state } = stepFrostCoordination(state, again));
    const { state: asked, effects } = stepFrostCoordination(state, await second.offer());
    expect(effects).toMatchObject([
      { type: 'ask', signers: [1, 2], request: { nonces: [{ signer: 1, nonce: again.nonce }, {}] } },
    ]);
    const wrong = { kind: 'answer', attempt: 0, signer: 2, signature: '01'.repeat(32), next: again.nonce };
    const blamed = stepFrostCoordination(asked, wrong);
    expect(blamed.effects).toEqual([{ type: 'blame', signer: 2, kind: 'signature share' }]);

    expect(stepFrostCoordination(blamed.state, await second.offer()).effects).toEqual([]);
  });

  it('is not held up by one who begins again and again, and never answers', async () => {
    const { group, parties } = await partiesOf(2, 3);
    const [first, second, third] = parties as [FrostParty, FrostParty, FrostParty];
    let state = beginFrostCoordination(group, message);
    const asked: Array<readonly [FrostParty, unknown]> = [];
    const send = (sent: unknown): void => {
      const step = stepFrostCoordination(state, sent);
      ({ state } = step);
      for (const effect of step.effects)
        if (effect.type === 'ask')
          for (const signer of effect.signers)
            if (signer !== 3) asked.push([parties[signer - 1] as FrostParty, effect.request]);
    };
    for (const party of [third, first, third, second]) send(await party.offer());
    // He is always there before the honest ones meet.
    for (let turn = asked.shift(); turn !== undefined && state.attempts.length < 100; turn = asked.shift()) {
      send(await third.offer());
      send(await turn[0].answer(turn[1], { message }));
    }

    expect(state.signature).toHaveLength(128);
    expect(state.attempts.length).toBeLessThanOrEqual(3 - 2 + 1 + 8);
  });

  it('cannot have another message signed, nor a nonce used twice', async () => {
    const { group, parties } = await partiesOf(2, 2);
    const [first, second] = parties as [FrostParty, FrostParty];
    let state = beginFrostCoordination(group, message);
    for (const party of [first, second]) ({ state } = stepFrostCoordination(state, await party.offer()));
    const request = { kind: 'request', attempt: 0, nonces: state.attempts[0]?.nonces };
    await first.answer(request, { message });

    await expect(first.answer(request, { message: new Uint8Array(32) })).rejects.toMatchObject({
      code: 'WALLET_NONCE_SPENT',
    });
    for (const wrong of [
      undefined,
      {},
      { ...request, nonces: 7 },
      { ...request, nonces: [] },
      { ...request, nonces: [{ signer: 1, nonce: 'x' }] },
      { ...request, attempt: 'x' },
    ])
      await expect(second.answer(wrong, { message })).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
    await expect(second.answer(request, {} as never)).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
    expect(() => createFrostParty({} as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
    const [attempt] = state.attempts;
    for (const broken of [
      undefined,
      {},
      { ...state, group: {} },
      { ...state, offers: 7 },
      { ...state, message: 7 },
      { ...state, signature: 7 },
      { ...state, signature: undefined },
      ...[null, {}, { signer: 0 }, { signer: 'x' }].flatMap((strange) => [
        { ...state, offers: [strange] },
        { ...state, blamed: [strange] },
        { ...state, attempts: [strange] },
        { ...state, attempts: [{ ...attempt, nonces: [strange] }] },
        { ...state, attempts: [{ ...attempt, answers: [strange] }] },
      ]),
    ])
      expect(() =>
        stepFrostCoordination(broken as never, { kind: 'answer', attempt: 0, signer: 1, signature: '00', next: '00' }),
      ).toThrow(/WALLET_INVALID_ARGUMENT/);
    expect(() => beginFrostCoordination(group, 'x' as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
  });
});
