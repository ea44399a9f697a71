/** What happens to the treasury, from its founding to its recovery. */
import { decodeAddress, feeRate, parseHex, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { createMemoryStore } from '@bitcoin-enterprise/events';
import type { EnvelopeJson } from '@bitcoin-enterprise/receipts';
import { parseTransaction } from '@bitcoin-enterprise/script';
import {
  type AccountDraft,
  type BitcoinAccount,
  createBitcoinAccount,
  createKeyRing,
  memorySigner,
  psbtToBase64,
} from '@bitcoin-enterprise/wallet';
import { cosignerKey, cosignerText, masterKey, SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import { restartMusigPsbt } from '@bitcoin-enterprise/wallet/multiparty';
import { Party, Refused, signTogether } from './desk.ts';
import type { Scene } from './scene.ts';
import {
  PARTIES,
  type PartyCard,
  type PartyName,
  RECOVERY_LOCK,
  treasuryDescriptor,
  treasuryPolicy,
} from './treasury.ts';

/** What came of it. */
export interface Told {
  readonly scene: string;
  readonly descriptor: string;
  /** Satoshis that each payment took, with its fee. */
  readonly payments: readonly { readonly what: string; readonly txid: string; readonly witness: readonly number[] }[];
  /** Codes of the refusals, in their order. */
  readonly refusals: readonly { readonly what: string; readonly code: string }[];
  /** How many receipts each party has. */
  readonly receipts: Readonly<Record<string, number>>;
  /** Satoshis that the recovery brought home. */
  readonly recovered: bigint;
}

const OUTSIDE = 'bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080';

/**
 * Tells the story on a chain.
 *
 * @param folder - Where the parties keep what they have; it must exist.
 */
export async function tellStory(scene: Scene, folder: string, say: (line: string) => void): Promise<Told> {
  say('Three parties, each with a seed of its own, in a process of its own');
  const parties = await Promise.all(PARTIES.map(async (name) => Party.make(name, folder)));
  const [ann, bob, cat] = parties as [Party, Party, Party];
  try {
    const cards = await Promise.all(
      parties.map(async (party) => (await party.ask<{ card: PartyCard }>({ ask: 'card' })).card),
    );
    const seed = new SecretBytes(webEntropy().bytes(32));
    const recovery = cosignerKey(masterKey(seed, { network: 'test' }), { scheme: 'bip87', network: 'regtest' });
    const descriptor = treasuryDescriptor(cards, cosignerText(recovery));
    const policy = treasuryPolicy(cards);
    const join = { ask: 'join', descriptor, policy } as const;
    for (const party of parties) await party.ask(join);
    for (const { name, pid } of parties) say(`  ${name}: process ${pid}`);

    const keyOf = new Map(cards.map(({ name, key }) => [key.slice(1, 9), name]));
    const store = createMemoryStore();
    const account = (signers: readonly PartyName[]): BitcoinAccount =>
      createBitcoinAccount({
        id: 'treasury',
        descriptor,
        network: 'regtest',
        chain: scene.chain,
        store,
        signers: [],
        // An aggregate is asked for by those that it is made of, and only the recovery key is none of them.
        canSign: ({ origin }) => {
          const name = keyOf.get(toHex(origin.fingerprint));
          return name !== undefined && signers.includes(name);
        },
      });
    const desk = account(['ann', 'bob']);
    const address = await desk.receiveAddress();
    const { scriptPubKey } = decodeAddress(address, 'regtest');
    await scene.fund(scriptPubKey, 100_000_000n);
    say(`\nThe treasury: ${address}`);
    say('  1 bitcoin came in');

    const payments: { what: string; txid: string; witness: readonly number[] }[] = [];
    const refusals: { what: string; code: string }[] = [];
    const outside = decodeAddress(OUTSIDE, 'regtest').scriptPubKey;
    const draft = async (from: BitcoinAccount, value: bigint): Promise<AccountDraft> =>
      from.draft({ payments: [{ value, scriptPubKey: outside }], feeRate: feeRate(2_000n) });
    const pay = async (
      what: string,
      from: BitcoinAccount,
      made: AccountDraft,
      signed: AccountDraft['psbt'],
    ): Promise<void> => {
      const { id } = await from.finish(what, made, signed);
      await scene.mine(1);
      const sent = (await from.sent()).find(({ txid }) => txid === id);
      payments.push({ what, txid: id, witness: witnessSizes(sent?.raw ?? '') });
      say(`  ${what}: ${id}`);
    };
    const refused = async (what: string, action: () => Promise<unknown>): Promise<void> => {
      try {
        await action();
      } catch (error) {
        if (!(error instanceof Refused)) throw error;
        refusals.push({ what, code: error.code });
        say(`  refused, ${what}: ${error.message}`);
        return;
      }
      throw new Error(`${what}: nobody refused`);
    };

    say('\nA small payment: Ann and Bob sign together, which looks like one signature');
    const small = await draft(desk, 10_000_000n);
    await pay('small payment', desk, small, await signTogether(small.psbt, [ann, bob]));

    say('\nA large one: the policy of every party stops it until two have approved it');
    const large = await draft(desk, 40_000_000n);
    await refused('40 million satoshis without approvals', async () => ann.sign(large.psbt));
    const approvals = await Promise.all(
      [bob, cat].map(async (party) =>
        party.ask<{ id: string; envelope: EnvelopeJson }>({ ask: 'approve', psbt: psbtToBase64(large.psbt) }),
      ),
    );
    await ann.ask({ ask: 'approve', psbt: psbtToBase64(large.psbt) });
    for (const party of [ann, bob])
      for (const { id, envelope } of approvals) await party.ask({ ask: 'approval', id, envelope });
    await pay('large payment, approved by two', desk, large, await signTogether(large.psbt, [ann, bob]));
    const excessive = await draft(desk, 35_000_000n);
    await refused('35 million satoshis without approvals', async () => bob.sign(excessive.psbt));

    say('\nBob is killed in the middle of a session');
    const third = await draft(desk, 5_000_000n);
    let half = await bob.sign(await ann.sign(third.psbt));
    const before = bob.pid;
    await bob.kill();
    await bob.start();
    await bob.ask(join);
    say(`  bob: process ${before} is now ${bob.pid}`);
    // Bob has signed with a nonce that only the dead process knew; Ann completes what he had sent.
    half = await ann.sign(half);
    await pay('payment over a restart', desk, third, half);
    const fourth = await draft(desk, 1_000_000n);
    const nonces = await ann.sign(fourth.psbt);
    const withBoth = await bob.sign(nonces);
    await ann.kill();
    await ann.start();
    await ann.ask(join);
    await refused('a nonce of a dead process', async () => ann.sign(withBoth));
    await pay('payment begun again', desk, fourth, await signTogether(restartMusigPsbt(withBoth), [ann, bob]));

    say('\nAnn is away: Bob and Cat sign, by their leaf');
    const others = account(['bob', 'cat']);
    const fifth = await draft(others, 2_000_000n);
    await pay('payment of Bob and Cat', others, fifth, await signTogether(fifth.psbt, [bob, cat]));

    const receipts: Record<string, number> = {};
    for (const party of parties)
      receipts[party.name] = (await party.ask<{ receipts: number }>({ ask: 'receipts' })).receipts;
    say(
      `\nReceipts: ${Object.entries(receipts)
        .map(([name, count]) => `${name} ${count}`)
        .join(', ')}`,
    );

    say('\nAll parties are lost. The recovery key waits for 90 days');
    for (const party of parties) await party.kill();
    const recovered = await recover(scene, { descriptor, recovery }, say);
    return { scene: scene.name, descriptor, payments, refusals, receipts, recovered };
  } finally {
    for (const party of parties) await party.kill();
  }
}

/** With nothing but the descriptor and the recovery key. */
async function recover(
  scene: Scene,
  { descriptor, recovery }: { readonly descriptor: string; readonly recovery: ReturnType<typeof cosignerKey> },
  say: (line: string) => void,
): Promise<bigint> {
  const account = createBitcoinAccount({
    id: 'recovery',
    descriptor,
    network: 'regtest',
    chain: scene.chain,
    store: createMemoryStore(),
    signers: [memorySigner(createKeyRing({ extendedKeys: [recovery] }))],
    canSign: ({ origin }) => toHex(origin.fingerprint) === toHex(recovery.origin.fingerprint),
  });
  const [held] = await account.balances();
  if ((await account.coins()).length > 0) throw new Error('the recovery key could spend at once');
  say(`  now: it sees ${held?.available} satoshis and can spend none`);
  const days = Math.ceil(((RECOVERY_LOCK & 0xffff) * 512) / 86_400);
  await scene.pass(days * 86_400);
  const coins = await account.coins();
  const home = decodeAddress(OUTSIDE, 'regtest').scriptPubKey;
  const total = coins.reduce((sum, { value }) => sum + value, 0n);
  const draft = await account.draft({
    payments: [{ value: total, scriptPubKey: home }],
    feeFrom: [0],
    feeRate: feeRate(2_000n),
  });
  const { id, fee } = await account.finish('recovery', draft, await account.sign(draft.psbt));
  await scene.mine(1);
  say(`  after ${days} days: ${total - fee} satoshis are home in ${id}`);
  return total - fee;
}

/** Sizes of the witness of the first input. */
function witnessSizes(raw: string): readonly number[] {
  const { inputs } = parseTransaction(parseHex(raw));
  return inputs[0]?.witness.map(({ length }) => length) ?? [];
}
