/** What happens at the desk: four escrows, one for each way that they end, while parties are killed. */
import { fundingOutputs, instantiate } from '@bitcoin-enterprise/biscol';
import { escrow } from '@bitcoin-enterprise/biscol/contracts';
import { currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { taprootOutput } from '@bitcoin-enterprise/script';
import { openDesk, until } from './desk.ts';
import { PARTIES, type PartyName, type ToParty } from './messages.ts';
import type { Scene } from './scene.ts';

/** What came of the story. */
export interface Told {
  readonly scene: string;
  readonly escrows: readonly { readonly end: string; readonly buyer: bigint; readonly seller: bigint }[];
  readonly kills: number;
  readonly lost: number;
}

const PRICE = 100_000n;
/** More blocks than come while the others make up their minds, on a slow machine too. */
const PATIENCE = 30;
/** About a second. */
const LOOKS_A_BLOCK = 15;

interface Chapter {
  readonly title: string;
  /** Who asks for what; nobody when the buyer just waits. */
  readonly ask?: {
    readonly by: PartyName;
    readonly transition: string;
    readonly args: object;
    readonly signers?: readonly string[];
  };
  readonly agreeing?: PartyName;
  readonly kills: readonly PartyName[];
  readonly end: string;
}

const CHAPTERS: readonly Chapter[] = [
  {
    title: 'both agree: one signature of both',
    ask: { by: 'buyer', transition: 'release', args: {} },
    agreeing: 'seller',
    kills: ['buyer', 'seller', 'buyer'],
    end: 'release',
  },
  {
    title: 'the arbiter decides for the seller',
    ask: { by: 'seller', transition: 'awardSeller', args: {} },
    agreeing: 'arbiter',
    kills: ['arbiter', 'seller'],
    end: 'awardSeller',
  },
  {
    title: 'the arbiter splits, with the buyer',
    ask: { by: 'buyer', transition: 'splitWithBuyer', args: { toBuyer: '60000' } },
    agreeing: 'arbiter',
    kills: ['buyer', 'arbiter'],
    end: 'splitWithBuyer',
  },
  { title: 'nobody does anything: the buyer takes it back', kills: ['buyer', 'seller'], end: 'refund' },
];

export async function tellStory(scene: Scene, folder: string, say: (line: string) => void): Promise<Told> {
  const crypto = currentCrypto();
  const secretOf = (name: string): Uint8Array => crypto.sha256(new TextEncoder().encode(`escrow-desk/${name}`));
  const keyOf = (name: string): Uint8Array => crypto.publicKey(secretOf(name)) ?? new Uint8Array(33);
  const desk = await openDesk(
    PARTIES.map((name) => ({ name, folder, secretKey: toHex(secretOf(name)), node: scene.node })),
  );
  const escrows: Told['escrows'][number][] = [];
  let kills = 0;
  try {
    for (const [place, chapter] of CHAPTERS.entries()) {
      say(`\n${place + 1}. ${chapter.title}`);
      const scriptOf = (name: string): Uint8Array =>
        taprootOutput({ internalKey: keyOf(`${name} is paid ${place}`).subarray(1) }).scriptPubKey;
      const someone = (name: string) => ({ key: toHex(keyOf(name)), payTo: toHex(scriptOf(name)) });
      const params = {
        buyer: someone('buyer'),
        seller: someone('seller'),
        arbiter: someone('arbiter'),
        price: String(PRICE),
        patience: PATIENCE,
      };
      const nonce = `chapter ${place}`;
      const instance = instantiate(escrow, { network: 'regtest', params, nonce });
      const [funding] = fundingOutputs(instance);
      if (funding === undefined) throw new Error('an escrow without an output');
      const outpoint = await scene.fund(funding.output.scriptPubKey, PRICE);
      const id = await desk.open({ params, outpoint, nonce });
      for (const name of PARTIES)
        desk.tell(name, {
          say: 'agree',
          transitions: name === chapter.agreeing && chapter.ask !== undefined ? [chapter.ask.transition] : [],
        });
      const ask = (): void => {
        if (chapter.ask === undefined) return;
        const { by, transition, args, signers } = chapter.ask;
        const asked: ToParty = { say: 'do', id, transition, args };
        desk.tell(by, signers === undefined ? asked : { ...asked, signers });
      };
      ask();
      for (const name of chapter.kills) {
        await pause(40 * (kills % 5));
        say(`   ${name} is killed`);
        await desk.kill(name);
        kills += 1;
        // Whoever was killed before it was on record is asked again: the same execution.
        ask();
      }
      // A block now and then: who missed a message is told again, and the buyer's time comes.
      if (chapter.ask === undefined) await scene.mine(PATIENCE);
      let looks = 0;
      await until(async () => {
        looks += 1;
        if (looks % LOOKS_A_BLOCK === 0) await scene.mine(1);
        return (await desk.look('buyer', id)).end !== undefined;
      });
      await scene.mine(3);
      for (const name of PARTIES) await until(async () => (await desk.look(name, id)).isOver);
      const { end = 'unknown' } = await desk.look('buyer', id);
      const told = { end, buyer: await scene.held(scriptOf('buyer')), seller: await scene.held(scriptOf('seller')) };
      say(`   ${end}: the buyer has ${told.buyer} sat, the seller ${told.seller}`);
      escrows.push(told);
    }
    return { scene: scene.name, escrows, kills, lost: desk.traffic.lost };
  } finally {
    await desk.close();
  }
}

async function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
