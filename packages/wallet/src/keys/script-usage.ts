import { blockHeight, equalBytes, toHex } from '@bitcoin-enterprise/core';
import type { ChainSource } from '@bitcoin-enterprise/chain';
import { viewBlock } from '@bitcoin-enterprise/script';
import { requireFunction, requireInteger, requireObject } from '../checks.ts';
import { WalletError } from '../errors.ts';

/** Says which scripts were ever paid to. */
export interface ScriptUsage {
  /**
   * For each script, whether anything ever paid to it.
   *
   * @param options - `signal` ends the call.
   */
  used(scripts: readonly Uint8Array[], options?: { readonly signal?: AbortSignal }): Promise<readonly boolean[]>;
}

/** How far behind the last block a scan begins again when that block has left the best branch. */
const REORGANISED_BLOCKS = 144;

/**
 * Which scripts hold unspent outputs: quick with an index behind it, and blind for what was spent. A gap of spent
 * addresses hides what lies behind it: use {@link scannedUsage}, or a source with a history of its own, to be sure.
 *
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; its calls throw what the chain throws.
 */
export function unspentUsage(chain: Pick<ChainSource, 'unspentOutputsOf'>): ScriptUsage {
  requireFunction('chain.unspentOutputsOf', requireObject<ChainSource>('chain', chain).unspentOutputsOf);
  return {
    async used(scripts, options = {}) {
      const found = await Promise.all(scripts.map((script) => chain.unspentOutputsOf(script, options)));
      return found.map((outputs) => outputs.length > 0);
    },
  };
}

/**
 * Which scripts any confirmed output pays to, spent or not: reads all blocks once, from a height up, and again only what
 * is new. Keeps every script it saw, about 150 bytes each: for regtest, signet, and wallets whose birthday is known.
 *
 * @param options - `fromHeight`: that of the first block to read, 0 when absent.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; its calls throw what the chain throws, `WALLET_CHAIN_INCOMPLETE` for a
 * node that is pruned, and `WALLET_ABORTED`.
 */
export function scannedUsage(
  chain: Pick<ChainSource, 'tip' | 'blockHash' | 'block'>,
  options: { readonly fromHeight?: number } = {},
): ScriptUsage {
  requireFunction('chain.block', requireObject<ChainSource>('chain', chain).block);
  const { fromHeight = 0 } = requireObject<{ readonly fromHeight?: number }>('options', options);
  const first = requireInteger('options.fromHeight', fromHeight, 0, 0x7fff_ffff);
  const seen = new Set<string>();
  let next = first;
  let last: Uint8Array | undefined;

  const scan = async (call: { readonly signal?: AbortSignal }): Promise<void> => {
    if (last !== undefined && !isSame(await chain.blockHash(blockHeight(next - 1), call), last)) {
      // What a block that left has paid to counts as used: it was shown.
      next = Math.max(first, next - REORGANISED_BLOCKS);
      last = undefined;
    }
    const { height } = await chain.tip(call);
    while (next <= height) {
      requireGoing(call.signal);
      const hash = await chain.blockHash(blockHeight(next), call);
      // The branch became shorter: what is above will be there at the next call.
      if (hash === undefined) return;
      const bytes = await chain.block(hash, call);
      if (bytes === undefined) throw incomplete(next);
      for (const transaction of viewBlock(bytes).transactions)
        for (let i = 0; i < transaction.outputCount; i++) seen.add(toHex(transaction.scriptPubKey(i)));
      last = hash;
      next += 1;
    }
  };
  let running: Promise<void> = Promise.resolve();

  return {
    async used(scripts, call = {}) {
      // One scan at a time; one that failed is not the next one's.
      running = running.catch(() => undefined).then(() => scan(call));
      await running;
      return scripts.map((script) => seen.has(toHex(script)));
    },
  };
}

function isSame(hash: Uint8Array | undefined, other: Uint8Array): boolean {
  return hash !== undefined && equalBytes(hash, other);
}

function requireGoing(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted('used', signal);
}

function incomplete(height: number): WalletError<'WALLET_CHAIN_INCOMPLETE'> {
  return new WalletError('WALLET_CHAIN_INCOMPLETE', `expected a block at height ${height}, got none`, {
    details: { height },
    hint: 'A node that is pruned cannot be scanned: begin above, or use another one.',
  });
}

/** Makes the error for a call that its signal ended. */
export function aborted(call: string, signal: AbortSignal): WalletError<'WALLET_ABORTED'> {
  return new WalletError('WALLET_ABORTED', `${call} was ended by its AbortSignal`, {
    details: { call },
    cause: signal.reason,
  });
}
