/** Three nights: a warm one, one of frost and of a broken thermometer, and one of which nobody says enough. */
import { currentCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { serializeTransaction, taprootOutput } from '@bitcoin-enterprise/script';
import { combinePsbts, extractTransaction, finalizePsbt, parsePsbt } from '@bitcoin-enterprise/wallet';
import { Desk, Refused } from './desk.ts';
import type { OfBothHex, Start } from './messages.ts';
import type { Scene } from './scene.ts';
import { COIN, coinOf, type Deal, type OracleName, ORACLES, PARTIES, type PartyName } from './terms.ts';

/** What came of a night. */
export interface Night {
  readonly title: string;
  /** What each oracle has said, in °C. */
  readonly said: Readonly<Partial<Record<OracleName, number>>>;
  readonly end: 'attested' | 'refund';
  /** Satoshis that each was paid. */
  readonly farmer: bigint;
  readonly insurer: bigint;
}

/** What came of the story. */
export interface Told {
  readonly scene: string;
  /** Presigned ends of each contract. */
  readonly ends: number;
  readonly nights: readonly Night[];
  /** Codes of the refusals, in their order. */
  readonly refusals: readonly { readonly what: string; readonly code: string }[];
  readonly kills: number;
}

const MATURITY = 1_800_000_000;
/** About two seconds. */
const LOOKS_A_BLOCK = 20;

/**
 * Tells the story on a chain.
 *
 * @param folder - Where the processes keep what they have; it must exist.
 */
export async function tellStory(scene: Scene, folder: string, say: (line: string) => void): Promise<Told> {
  const crypto = currentCrypto();
  const secretOf = (name: string): Uint8Array => crypto.sha256(new TextEncoder().encode(`dlc-weather/${name}`));
  const keyOf = (name: string): string => toHex(crypto.publicKey(secretOf(name)) ?? new Uint8Array(33));
  const oracles = ORACLES.map((name) => keyOf(name).slice(2));
  const startOf = (name: string): Start => ({
    name,
    folder,
    secretKey: toHex(secretOf(name)),
    oracles,
    node: scene.node,
  });
  const desk = new Desk();
  const refusals: { what: string; code: string }[] = [];
  const nights: Night[] = [];
  let ends = 0;

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
  const restart = async (name: string, when: string): Promise<void> => {
    await desk.restart(name);
    say(`  ${name} is killed ${when}, and starts again`);
  };
  const scriptOf = (name: PartyName, night: string): Uint8Array =>
    taprootOutput({ internalKey: parseHex(keyOf(`${name} is paid, ${night}`)).subarray(1) }).scriptPubKey;

  /** Oracles announce, parties agree. */
  const agree = async (night: string, patience: number): Promise<{ readonly deal: Deal; readonly id: string }> => {
    const announced = await Promise.all(
      ORACLES.map(async (name) => desk.ask(name, 'announce', { eventId: night, maturity: MATURITY })),
    );
    const each = <Value>(of: (name: PartyName) => Value): Record<PartyName, Value> => ({
      farmer: of('farmer'),
      insurer: of('insurer'),
    });
    const coins = each(() => '');
    for (const name of PARTIES) coins[name] = await scene.fund(coinOf(keyOf(name)).scriptPubKey, COIN[name]);
    const deal: Deal = {
      oracles: announced,
      keys: each(keyOf),
      payTo: each((name) => toHex(scriptOf(name, night))),
      coins,
      refundAfter: (await scene.height()) + patience,
      nonce: night,
    };
    const [mine, theirs] = await Promise.all(PARTIES.map(async (name) => desk.ask(name, 'agree', { deal })));
    if (mine === undefined || mine.id !== theirs?.id) throw new Error('they have not agreed on the same');
    ends = mine.ends;
    return { deal, id: mine.id };
  };
  const nonces = async (id: string): Promise<OfBothHex> =>
    Promise.all([desk.ask('farmer', 'nonces', { id }), desk.ask('insurer', 'nonces', { id })]);
  /** Both rounds of MuSig2, for all ends at once. */
  const presign = async (id: string): Promise<void> => {
    const made = await nonces(id);
    const partials: OfBothHex = await Promise.all([
      desk.ask('farmer', 'presign', { id, nonces: made }),
      desk.ask('insurer', 'presign', { id, nonces: made }),
    ]);
    for (const name of PARTIES) await desk.ask(name, 'join', { id, nonces: made, partials });
    say(`  ${ends} ends are presigned by both, and on record with both`);
  };
  /** A block now and then: who missed a message is told again, and locks end. */
  const until = async (is: () => Promise<boolean>): Promise<void> => {
    for (let looks = 1; !(await is()); looks++) {
      if (looks > 600) throw new Error('it never came');
      if (looks % LOOKS_A_BLOCK === 0) await scene.mine(1);
      await pause(100);
    }
  };
  const signRefund = async (id: string): Promise<void> => {
    for (const name of PARTIES) await desk.ask(name, 'refund', { id });
    for (const name of PARTIES) await until(async () => (await desk.ask(name, 'look', { id })).hasRefund);
    say('  the refund is signed by both, and waits for its height');
  };
  /** Both sign for their coins; only now is there anything to lose. */
  const fund = async (id: string): Promise<void> => {
    const signed = await Promise.all(PARTIES.map(async (name) => parsePsbt(await desk.ask(name, 'pay', { id }))));
    await scene.send(serializeTransaction(extractTransaction(finalizePsbt(combinePsbts(signed)))));
    await scene.mine(1);
    say('  both have paid in, in one transaction');
  };
  const hear = async (id: string, attestation: string): Promise<void> => {
    for (const name of PARTIES) await desk.ask(name, 'hear', { id, attestation });
  };
  const over = async (night: Pick<Night, 'title' | 'said' | 'end'>, id: string): Promise<void> => {
    for (const name of PARTIES) await until(async () => (await desk.ask(name, 'look', { id })).spent !== undefined);
    await scene.mine(3);
    for (const name of PARTIES) await until(async () => (await desk.ask(name, 'look', { id })).isOver);
    const [farmer = 0n, insurer = 0n] = await Promise.all(
      PARTIES.map(async (name) => scene.held(scriptOf(name, night.title))),
    );
    nights.push({ ...night, farmer, insurer });
    say(`  ${night.end}: the farmer has ${farmer} sat, the insurer ${insurer}`);
  };

  try {
    await desk.begin(
      new Map([
        ...ORACLES.map((name) => [startOf(name), 'oracle'] as const),
        ...PARTIES.map((name) => [startOf(name), 'party'] as const),
      ]),
    );

    const warm = 'a warm night';
    say(`\n1. ${warm}: two oracles are enough`);
    const first = await agree(warm, 150);
    await refused('paying before anything is presigned', async () => desk.ask('insurer', 'pay', first));
    // Who has announced is not needed before it attests.
    await Promise.all([presign(first.id), restart('valley', 'between announcing and attesting')]);
    await refused('paying before there is a refund', async () => desk.ask('insurer', 'pay', first));
    await signRefund(first.id);
    await fund(first.id);
    await desk.kill('airport');
    say('  airport is killed, and stays silent');
    for (const name of ['valley', 'hill'] as const) {
      await hear(first.id, await desk.ask(name, 'attest', { eventId: warm, celsius: 12 }));
      say(`  ${name}: 12 °C`);
    }
    await restart('insurer', 'between presigning and completing');
    await desk.ask('insurer', 'complete', first);
    await Promise.all([
      over({ title: warm, said: { valley: 12, hill: 12 }, end: 'attested' }, first.id),
      desk.start('airport'),
    ]);

    const frost = 'a night of frost';
    say(`\n2. ${frost}: two oracles differ a little, the thermometer of a third is broken`);
    const second = await agree(frost, 150);
    const begun = await nonces(second.id);
    await restart('farmer', 'between its two rounds of MuSig2');
    await refused('a nonce of a dead process', async () => desk.ask('farmer', 'presign', { ...second, nonces: begun }));
    await presign(second.id);
    await signRefund(second.id);
    await fund(second.id);
    const said = { valley: -2, hill: 30, airport: -1 } as const;
    const attested = new Map<OracleName, string>();
    for (const name of ORACLES) {
      const attestation = await desk.ask(name, 'attest', { eventId: frost, celsius: said[name] });
      attested.set(name, attestation);
      await hear(second.id, attestation);
      say(`  ${name}: ${said[name]} °C`);
      if (name === 'hill')
        await refused('completing with oracles that contradict each other', async () =>
          desk.ask('insurer', 'complete', second),
        );
    }
    await restart('valley', 'after attesting');
    await refused('attesting another temperature', async () =>
      desk.ask('valley', 'attest', { eventId: frost, celsius: 8 }),
    );
    const again = await desk.ask('valley', 'attest', { eventId: frost, celsius: said.valley });
    if (again !== attested.get('valley')) throw new Error('an oracle has signed twice');
    await desk.ask('farmer', 'complete', second);
    await restart('farmer', 'right after completing');
    await over({ title: frost, said, end: 'attested' }, second.id);

    const silent = 'a night without a word';
    say(`\n3. ${silent}: one oracle alone decides nothing`);
    const third = await agree(silent, 25);
    await presign(third.id);
    await signRefund(third.id);
    await fund(third.id);
    for (const name of ['hill', 'airport']) await desk.kill(name);
    say('  hill and airport are killed, and stay silent');
    await hear(third.id, await desk.ask('valley', 'attest', { eventId: silent, celsius: 0 }));
    say('  valley: 0 °C');
    await refused('completing with one oracle of three', async () => desk.ask('farmer', 'complete', third));
    await Promise.all(PARTIES.map(async (name) => restart(name, 'while it waits')));
    await scene.mine(Math.max(1, third.deal.refundAfter - (await scene.height())));
    await over({ title: silent, said: { valley: 0 }, end: 'refund' }, third.id);

    return { scene: scene.name, ends, nights, refusals, kills: desk.kills };
  } finally {
    await desk.close();
  }
}

async function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
