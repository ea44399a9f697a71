import { currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import { createMemoryKeyStore } from '@bitcoin-enterprise/receipts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  aggregateMusigKeys,
  createMusigParty,
  type MusigMessage,
  type MusigRun,
  type MusigParty,
  openNonceVault,
  pendingMusig,
  SecretBytes,
  stepMusig,
  tweakForTaproot,
} from '../../src/multiparty/index.ts';

const long = process.env['BE_LONG'] === '1';
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);
const message = new Uint8Array(32).fill(5);

async function signers(count: number): Promise<readonly MusigParty[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, index) =>
      createMusigParty({
        secretKey: new SecretBytes(new Uint8Array(32).fill(index + 1)),
        vault: await openNonceVault({ store: createMemoryStore(), name: 'v' }),
      }),
    ),
  );
}

const keysOf = (all: readonly MusigParty[]): readonly Uint8Array[] => all.map(({ publicKey }) => publicKey);

/** Delivers all messages of all runs in an order that `pick` decides, each to everybody, some of them twice. */
async function converse(
  runs: readonly MusigRun[],
  pick: (bound: number) => number,
  tamper: (message: MusigMessage, to: number) => unknown = (sent) => sent,
): Promise<readonly unknown[]> {
  const wires: Array<{ readonly to: number; readonly sent: MusigMessage }> = [];
  const send = (from: number, messages: readonly MusigMessage[]): void => {
    for (const sent of messages)
      for (const to of runs.keys()) {
        if (to !== from) wires.push({ to, sent });
        if (to !== from && pick(4) === 0) wires.push({ to, sent });
      }
  };
  for (const [from, run] of runs.entries()) send(from, run.outbox);
  const errors: unknown[] = [];
  while (wires.length > 0) {
    const [wire] = wires.splice(pick(wires.length), 1) as [(typeof wires)[number]];
    try {
      const run = runs[wire.to] as MusigRun;
      send(wire.to, await run.receive(structuredClone(tamper(wire.sent, wire.to))));
    } catch (error) {
      errors.push(error);
    }
  }
  return errors;
}

function picker(numbers: readonly number[]): (bound: number) => number {
  let at = 0;
  return (bound) => (numbers[at++ % numbers.length] as number) % bound;
}

describe('a session', () => {
  it('ends with the signature for everybody, in whatever order messages come, and however often', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(1_000), { minLength: 7, maxLength: 40 }),
        fc.boolean(),
        async (count, numbers, isTaproot) => {
          const all = await signers(count);
          const plain = aggregateMusigKeys(keysOf(all));
          const keys = isTaproot ? tweakForTaproot(plain) : plain;
          const facts = { publicKeys: keysOf(all), message, tweaks: keys.tweaks };
          const runs = await Promise.all(all.map((signer) => signer.begin(facts)));
          expect(await converse(runs, picker(numbers))).toEqual([]);

          for (const { signature = new Uint8Array(64) } of runs)
            expect(currentCrypto().schnorrVerify(signature, message, keys.xOnlyPublicKey)).toBe(true);
        },
      ),
      { numRuns: long ? 300 : 12, seed },
    );
  });

  const lies: ReadonlyArray<{
    readonly name: string;
    readonly lie: (message: MusigMessage) => unknown;
    readonly details: object;
  }> = [
    {
      name: 'a nonce that is no point',
      lie: (sent) => (sent.kind === 'nonce' ? { ...sent, nonce: '04'.repeat(66) } : sent),
      details: { signer: 1, kind: 'public nonce' },
    },
    {
      name: 'a nonce that is too short',
      lie: (sent) => (sent.kind === 'nonce' ? { ...sent, nonce: sent.nonce.slice(2) } : sent),
      details: { signer: 1, kind: 'public nonce' },
    },
    {
      name: 'a wrong partial signature',
      lie: (sent) => (sent.kind === 'partial' ? { ...sent, signature: '01'.repeat(32) } : sent),
      details: { signer: 1, kind: 'partial signature' },
    },
    {
      name: 'a partial signature beyond the group order',
      lie: (sent) => (sent.kind === 'partial' ? { ...sent, signature: 'ff'.repeat(32) } : sent),
      details: { signer: 1, kind: 'partial signature' },
    },
    {
      name: 'a partial signature for other nonces',
      lie: (sent) => (sent.kind === 'partial' ? { ...sent, aggregateNonce: '00'.repeat(66) } : sent),
      details: { kind: 'broadcast' },
    },
  ];

  it.for(lies)('blames the signer of $name', async ({ lie, details }) => {
    const all = await signers(3);
    const facts = { publicKeys: keysOf(all), message };
    const runs = await Promise.all(all.map((signer) => signer.begin(facts)));
    const errors = await converse(runs, picker([3, 1, 4, 1, 5, 9, 2, 6]), (sent, to) =>
      sent.signer === 1 && to === 0 ? lie(sent) : sent,
    );

    expect(errors[0]).toMatchObject({ code: 'WALLET_CONTRIBUTION_INVALID', details });
    expect(runs[0]?.blamed).toEqual([details]);
    expect(runs[0]?.signature).toBeUndefined();
  });

  it.for(['nonce', 'partial'] as const)('blames who tells two different things (%s)', async (kind) => {
    const all = await signers(2);
    const facts = { publicKeys: keysOf(all), message };
    const [hers, his] = [await (all[0] as MusigParty).begin(facts), await (all[1] as MusigParty).begin(facts)];
    for (const sent of hers.outbox) await his.receive(sent);
    const [nonce, partial] = his.outbox as [MusigMessage, MusigMessage];
    const first = kind === 'nonce' ? nonce : partial;
    const second =
      kind === 'nonce'
        ? { ...nonce, nonce: hers.outbox[0]?.kind === 'nonce' ? hers.outbox[0].nonce : '' }
        : { ...partial, signature: '02'.repeat(32) };
    await hers.receive(first);

    await expect(hers.receive(second)).rejects.toMatchObject({ details: { signer: 1, kind: 'broadcast' } });
  });

  it('ignores messages of other sessions and attempts, of nobody, of itself, and what is no message', async () => {
    const all = await signers(2);
    const [alice, bob] = all as [MusigParty, MusigParty];
    const facts = { publicKeys: keysOf(all), message };
    const run = await alice.begin({ ...facts, attempt: '2' });
    const [other] = (await bob.begin({ ...facts, attempt: '1' })).outbox as [MusigMessage];
    const [right] = (await bob.begin({ ...facts, attempt: '2' })).outbox as [MusigMessage];
    const before = run.state;
    const strange: readonly unknown[] = [
      other,
      undefined,
      null,
      7,
      'nonce',
      [],
      {},
      { ...right, signer: 9 },
      { ...right, signer: 0.5 },
      { ...right, signer: '1' },
      { ...right, signer: 0 },
      { ...right, kind: 'x' },
      { ...right, nonce: 7 },
      { ...right, nonce: 'zz' },
      { ...right, nonce: 'ab'.repeat(1_000) },
      { ...right, kind: 'partial', signature: '00' },
    ];
    for (const message_ of strange) expect(await run.receive(message_)).toEqual([]);

    expect(run.state).toEqual(before);
    expect((await run.receive(right)).map(({ kind }) => kind)).toEqual(['partial']);
  });

  it('goes on after a restart, and signs the same', async () => {
    const [store, guard, keys] = [createMemoryStore(), createMemoryStore(), createMemoryKeyStore()];
    const secretKey = new SecretBytes(new Uint8Array(32).fill(40));
    const open = async (): Promise<MusigParty> =>
      createMusigParty({ secretKey, vault: await openNonceVault({ store, guards: [guard], keys, name: 'v' }) });
    const [bob] = (await signers(1)) as [MusigParty];
    const alice = await open();
    const facts = { publicKeys: [alice.publicKey, bob.publicKey], message };
    const [hers, his] = [await alice.begin(facts), await bob.begin(facts)];
    const kept = JSON.parse(JSON.stringify(hers.state)) as typeof hers.state;
    const resumed = await (await open()).resume(kept);
    expect(resumed.outbox).toEqual(hers.outbox);
    for (const sent of resumed.outbox) await his.receive(sent);
    const [nonce, partial] = his.outbox as [MusigMessage, MusigMessage];
    const [answer] = await resumed.receive(nonce);
    // Once more, after the nonce was spent: the vault has the answer.
    const again = await (await open()).resume(JSON.parse(JSON.stringify(resumed.state)) as typeof hers.state);
    expect(again.outbox.at(-1)).toEqual(answer);
    await again.receive(partial);

    const { xOnlyPublicKey } = aggregateMusigKeys(facts.publicKeys);
    expect(currentCrypto().schnorrVerify(again.signature ?? message, message, xOnlyPublicKey)).toBe(true);
  });

  it('fails when its nonce is lost, and begins again as another attempt', async () => {
    const store = createMemoryStore();
    const secretKey = new SecretBytes(new Uint8Array(32).fill(40));
    const open = async (): Promise<MusigParty> =>
      createMusigParty({ secretKey, vault: await openNonceVault({ store, name: 'v' }) });
    const [bob] = (await signers(1)) as [MusigParty];
    const alice = await open();
    const facts = { publicKeys: [alice.publicKey, bob.publicKey], message };
    const [hers, his] = [await alice.begin(facts), await bob.begin(facts)];
    const resumed = await (await open()).resume(hers.state);
    const [nonce] = his.outbox as [MusigMessage];

    await expect(resumed.receive(nonce)).rejects.toMatchObject({ code: 'WALLET_NONCE_SPENT' });
    expect(resumed.state.phase).toBe('failed');
  });

  it('answers wrong arguments with a code', async () => {
    const [alice, bob] = (await signers(2)) as [MusigParty, MusigParty];
    const facts = { publicKeys: [bob.publicKey], message };
    await expect(alice.begin(facts)).rejects.toMatchObject({ code: 'WALLET_KEY_UNKNOWN' });
    const wrong: ReadonlyArray<() => Promise<unknown>> = [
      () => alice.begin(undefined as never),
      () => alice.begin({ publicKeys: [], message }),
      () => alice.begin({ publicKeys: [alice.publicKey], message: 'x' as never }),
      () => alice.begin({ publicKeys: [alice.publicKey], message, attempt: 7 as never }),
      () => alice.begin({ publicKeys: [alice.publicKey, alice.publicKey], message }),
      () => alice.resume(undefined as never),
      () => alice.resume({ publicKeys: [] } as never),
    ];
    for (const call of wrong) await expect(call()).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
    const { state: whole } = await alice.begin({ publicKeys: [alice.publicKey], message });
    for (const broken of [
      undefined,
      { ...whole, publicKeys: [] },
      { ...whole, publicKeys: ['x'] },
      { ...whole, me: 1 },
      { ...whole, session: 7 },
      { ...whole, message: 'x' },
      { ...whole, nonces: [] },
      { ...whole, nonces: ['x'] },
      { ...whole, partials: [7] },
      { ...whole, partials: [{ signature: '00', aggregateNonce: 'x' }] },
      { ...whole, partials: [{ signature: 'x', aggregateNonce: '00' }] },
      { ...whole, tweaks: [{}] },
      { ...whole, tweaks: 7 },
      { ...whole, token: 7 },
      { ...whole, blamed: 7 },
    ]) {
      expect(() => pendingMusig(broken as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
      expect(() => stepMusig(broken as never, { type: 'refused' })).toThrow(/WALLET_INVALID_ARGUMENT/);
    }
    for (const event of [
      undefined,
      {},
      { type: 'x' },
      { type: 'made', token: 7, publicNonce: '' },
      { type: 'made', token: '', publicNonce: 'x' },
      { type: 'made', token: '', publicNonce: '00' },
      { type: 'signed', signature: 'x' },
    ])
      expect(() => stepMusig(whole, event as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
    const { state } = await bob.begin({ publicKeys: [bob.publicKey, alice.publicKey], message });
    await expect(alice.resume(state)).rejects.toMatchObject({ details: { argument: 'state' } });
    for (const options of [undefined, {}, { secretKey: new SecretBytes(new Uint8Array(32)), vault: {} }])
      expect(() => createMusigParty(options as never)).toThrow(/WALLET_INVALID_ARGUMENT/);
  });

  it('has a state without secrets', async () => {
    const [alice] = (await signers(1)) as [MusigParty];
    const run = await alice.begin({ publicKeys: [alice.publicKey], message });

    expect(JSON.stringify(run.state)).not.toContain(toHex(new Uint8Array(8).fill(1)));
    expect(parseHex(run.state.publicKeys[0] ?? '')).toEqual(alice.publicKey);
  });
});
