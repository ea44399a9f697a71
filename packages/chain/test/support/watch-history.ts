import { createEmbeddedChain, type EmbeddedChain } from '@bitcoin-enterprise/chain';
import { createWatcher, type Watcher, type WatchNotice } from '@bitcoin-enterprise/chain/watches';
import { blockHeight, displayHash, satoshis, toHex } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { viewBlock } from '@bitcoin-enterprise/script';
import { expect } from 'vitest';
import { kitOutput } from '../../src/testing/kit-scripts.ts';
import { type Dice, dice } from './dice.ts';
import { behind } from './watched-sources.ts';

const SCRIPTS = [0, 1, 2].map((i) => kitOutput(`watched ${i}`).scriptPubKey);
const DEPTHS = [1, 2, 4];

/** Killed here: what the process would have done next does not happen. */
class Killed extends Error {}

/** A store whose process may die before an append, or after it and before it is acknowledged. */
function mortal(store: EventStore, roll: Dice): EventStore {
  return new Proxy(store, {
    get(target, name) {
      if (name !== 'append') {
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      }
      return async (...call: Parameters<EventStore['append']>) => {
        if (roll.oneIn(12)) throw new Killed();
        const appended = await target.append(...call);
        if (roll.oneIn(12)) throw new Killed();
        return appended;
      };
    },
  });
}

/** A random history with random deaths of the watching process; throws when the notices are no true story of it. */
export async function seeded(seed: number): Promise<void> {
  const roll = dice(seed);
  const chain = createEmbeddedChain();
  chain.mine(101);
  const store = createMemoryStore();
  let lag = 0;
  const source = behind(chain, { blocks: () => lag });
  const spawn = (): Watcher => createWatcher({ chain: source, store: mortal(store, roll), name: 'w', keepBlocks: 60 });
  let watcher = spawn();
  const survive = async (work: () => Promise<void>): Promise<void> => {
    for (;;)
      try {
        await work();
        return;
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
        watcher = spawn();
      }
  };
  for (const [i, script] of SCRIPTS.entries())
    await survive(async () => watcher.watchScript(`script ${i}`, script, { confirmations: 4, depths: DEPTHS }));
  await survive(async () => watcher.watchHeight('height', 108, { confirmations: 4, depths: DEPTHS }));
  const [late] = SCRIPTS as [Uint8Array];
  const addedAt = roll.below(25);
  for (let step = 0; step < 25; step++) {
    happen(chain, roll);
    // A failover to a node that has yet to get the last blocks.
    lag = roll.oneIn(3) ? 1 + roll.below(4) : 0;
    if (roll.oneIn(2)) await survive(async () => watcher.catchUp());
    // To search the past the source has to have it.
    if (step === addedAt) lag = 0;
    if (step === addedAt)
      await survive(async () => watcher.watchScript('late', late, { confirmations: 4, depths: DEPTHS, since: 102 }));
  }
  lag = 0;
  await survive(async () => watcher.catchUp());

  const notices = (await store.claimEffects({ limit: 1_000 })).map(({ data }) => data as WatchNotice);
  requireStory(notices);
  await requireTruth(chain, notices);
}

function happen(chain: EmbeddedChain, roll: Dice): void {
  const what = roll.below(4);
  if (what === 0) chain.mine(1 + roll.below(3));
  else if (what === 1) chain.fund(SCRIPTS[roll.below(SCRIPTS.length)] as Uint8Array, satoshis(10_000n));
  else if (what === 2) chain.reorg(1 + roll.below(6), roll.oneIn(2) ? { replacement: [] } : {});
  else {
    // A node that is set back to what it was, and goes on from there: blocks of before are as if they had never been.
    const before = chain.snapshot();
    chain.mine(1 + roll.below(2));
    if (roll.oneIn(2)) chain.revert(before);
  }
}

/** Numbers without a gap, and for each sighting steps that can follow one another. */
function requireStory(notices: readonly WatchNotice[]): void {
  expect(new Set(notices.map(({ key }) => key)).size).toBe(notices.length);
  const sequences = new Map<string, number>();
  const stories = new Map<string, WatchNotice>();
  for (const notice of notices) {
    const last = sequences.get(notice.watch) ?? 0;
    expect(notice.sequence).toBe(last + 1);
    sequences.set(notice.watch, notice.sequence);
    const before = stories.get(storyOf(notice));
    const inBlock = before?.kind === 'confirmed' || before?.kind === 'final';
    if (notice.kind === 'confirmed' || notice.kind === 'final') {
      if (inBlock) expect([before.block, (before.depth ?? 0) < (notice.depth ?? 0)]).toEqual([notice.block, true]);
      else expect(notice.depth).toBe(1);
    } else if (notice.kind === 'reorged-out') expect([inBlock, before?.block]).toEqual([true, notice.block]);
    else expect(inBlock).toBe(false);
    stories.set(storyOf(notice), notice);
  }
}

/** What was told last of each sighting is how it is. */
async function requireTruth(chain: EmbeddedChain, notices: readonly WatchNotice[]): Promise<void> {
  const told = new Map<string, string>();
  for (const notice of notices) {
    const confirmed = notice.kind === 'confirmed' || notice.kind === 'final';
    if (confirmed) told.set(storyOf(notice), `${notice.block?.hash} ${notice.depth}`);
    else told.delete(storyOf(notice));
  }
  const truth = new Map<string, string>();
  for (let height = 102; height <= chain.height; height++) {
    const hash = await chain.ports.blockHash(blockHeight(height));
    const bytes = hash === undefined ? undefined : await chain.ports.block(hash);
    if (hash === undefined || bytes === undefined) throw new Error('a block of the best branch is there');
    const depth = DEPTHS.findLast((reached) => reached <= chain.height - height + 1);
    const place = `${displayHash(hash)} ${depth}`;
    if (height === 108) truth.set('height undefined undefined', place);
    for (const tx of viewBlock(bytes).transactions)
      for (let index = 0; index < tx.outputCount; index++) {
        const script = SCRIPTS.findIndex((one) => toHex(one) === toHex(tx.scriptPubKey(index)));
        if (script >= 0) truth.set(`script ${script} ${displayHash(tx.id())} ${index}`, place);
        if (script === 0) truth.set(`late ${displayHash(tx.id())} ${index}`, place);
      }
  }
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(truth));
}

function storyOf({ watch, txid, index }: WatchNotice): string {
  return `${watch} ${txid} ${index}`;
}
