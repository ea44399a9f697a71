/** Following a chain by asking for it, step by step, so that a lost notification costs time and never an event. */
import { assertBytes, blockHeight, displayHash, equalBytes, hasCode } from '@bitcoin-enterprise/core';
import { ChainError } from '../errors.ts';
import type { BlockReference, CallOptions, ChainSource } from '../ports/chain-source.ts';
import type { BlockEvent, MempoolEvent } from '../ports/subscriptions.ts';
import { answerInvalid } from './answer.ts';
import { requireCallOptions, signalOf } from './arguments.ts';
import { endable } from './endable.ts';
import type { Waits } from './waits.ts';

/** Settings of {@link followBlocks}. */
export interface FollowBlocksOptions {
  readonly after?: Uint8Array;
  readonly signal?: AbortSignal;
}

/** Blocks of the best branch as they come and go, without a gap; `open` gives what is waited with at the tip. */
export function followBlocks(
  source: Pick<ChainSource, 'tip' | 'header' | 'blockHash'>,
  options: FollowBlocksOptions,
  open: () => Waits,
): AsyncIterableIterator<BlockEvent, void, undefined> {
  return endable((signal) => blocks(source, { options, signal, open }), signalOf(options));
}

async function* blocks(
  source: Pick<ChainSource, 'tip' | 'header' | 'blockHash'>,
  facts: { readonly options: FollowBlocksOptions; readonly signal: AbortSignal; readonly open: () => Waits },
): AsyncGenerator<BlockEvent, void, undefined> {
  const { options, signal, open } = facts;
  requireCallOptions(options);
  const { after } = options;
  if (after !== undefined) assertBytes('options.after', after, 32);
  const waits = open();
  try {
    let current = await start(source, after, { signal });
    for (;;) {
      const next = await step(source, current, { signal });
      if (next === undefined) {
        await waits.wait(signal);
        continue;
      }
      current = next.current;
      yield next.event;
    }
  } catch (error) {
    if (!endedBySignal(error, signal)) throw error;
  } finally {
    waits.close();
  }
}

async function start(
  source: Pick<ChainSource, 'tip' | 'header'>,
  after: Uint8Array | undefined,
  call: CallOptions,
): Promise<BlockReference> {
  if (after === undefined) return source.tip(call);
  const known = await source.header(after, call);
  if (known !== undefined) return known;
  const block = displayHash(after);
  throw new ChainError('CHAIN_BLOCK_UNKNOWN', `expected a block that the node knows, got ${block}`, {
    details: { block },
  });
}

/** How often the branch may change between two questions before the answers are taken for nonsense. */
const MAX_LOOKS = 20;

/** The next change after `current`, and the block the follower then stands on; `undefined` at the tip. */
async function step(
  source: Pick<ChainSource, 'header' | 'blockHash'>,
  current: BlockReference,
  call: CallOptions,
): Promise<{ readonly event: BlockEvent; readonly current: BlockReference } | undefined> {
  for (let look = 0; look < MAX_LOOKS; look++) {
    const here = await source.header(current.hash, call);
    if (here === undefined) throw answerInvalid('header', 'the header of a block it named before');
    if (here.confirmations === 0) {
      const { hash, height } = here;
      if (height === 0) throw answerInvalid('header', 'a best branch that holds the first block');
      const event: BlockEvent = { type: 'disconnected', hash, height };
      return { event, current: { hash: here.header.previousBlockHash, height: blockHeight(height - 1) } };
    }
    const height = blockHeight(current.height + 1);
    const hash = await source.blockHash(height, call);
    if (hash === undefined) return undefined;
    const next = await source.header(hash, call);
    if (next !== undefined && next.height === height && equalBytes(next.header.previousBlockHash, current.hash))
      return { event: { type: 'connected', hash, height }, current: { hash, height } };
    // The branch changed between the questions: look again, from the same block.
  }
  throw answerInvalid('blockHash', 'of a branch that holds still for a moment');
}

/** The mempool as it changes, by comparing lists; `list` gives ids in display form. */
export function followMempool(
  list: (call: CallOptions) => Promise<ReadonlyMap<string, Uint8Array>>,
  options: { readonly signal?: AbortSignal },
  open: () => Waits,
): AsyncIterableIterator<MempoolEvent, void, undefined> {
  return endable((signal) => transactions(list, { options, signal, open }), signalOf(options));
}

async function* transactions(
  list: (call: CallOptions) => Promise<ReadonlyMap<string, Uint8Array>>,
  facts: {
    readonly options: { readonly signal?: AbortSignal };
    readonly signal: AbortSignal;
    readonly open: () => Waits;
  },
): AsyncGenerator<MempoolEvent, void, undefined> {
  const { options, signal, open } = facts;
  requireCallOptions(options);
  let known: ReadonlyMap<string, Uint8Array> = new Map();
  const waits = open();
  try {
    for (;;) {
      const now = await list({ signal });
      for (const [id, txid] of known) if (!now.has(id)) yield { type: 'removed', txid };
      for (const [id, txid] of now) if (!known.has(id)) yield { type: 'added', txid };
      known = now;
      await waits.wait(signal);
    }
  } catch (error) {
    if (!endedBySignal(error, signal)) throw error;
  } finally {
    waits.close();
  }
}

function endedBySignal(error: unknown, signal: AbortSignal): boolean {
  return signal.aborted && hasCode(error, 'CHAIN_ABORTED');
}
