import { type Clock, hasCode } from '@bitcoin-enterprise/core';
import { requireCallOptions } from '../adapters/arguments.ts';
import { aborted } from '../adapters/policy.ts';
import type { CallOptions, ChainHeader } from '../ports/chain-source.ts';
import type { PoolMember } from './member.ts';
import type { ChainPoolOptions } from './options.ts';
import { quorumMissing } from './quorum.ts';
import { settled } from './settled.ts';

const MAX_LAG_BLOCKS = 2;

/** What the sources of a pool are held against. */
export interface RosterOptions extends Pick<ChainPoolOptions, 'maxLagBlocks' | 'maxTipAgeSeconds' | 'inspectEveryMs'> {
  readonly quorum: number;
  readonly hedgeDelayMs: number;
  readonly clock: Clock;
}

/** The sources of a pool: who of them may be asked, and who is behind. */
export class PoolRoster {
  readonly members: readonly PoolMember[];
  readonly quorum: number;
  /** Blocks that a source may be behind the others. */
  readonly maxLagBlocks: number;
  readonly #options: RosterOptions;
  #inspectedMs = -Infinity;
  #inspecting: Promise<void> | undefined;

  /**
   * @param members - All of them.
   * @param options - What they are held against.
   */
  constructor(members: readonly PoolMember[], options: RosterOptions) {
    this.members = members;
    this.quorum = options.quorum;
    this.maxLagBlocks = options.maxLagBlocks ?? MAX_LAG_BLOCKS;
    this.#options = options;
  }

  /** Members that may be asked; at least as many as needed. */
  async fit(call: string, options: CallOptions, needed: number): Promise<readonly PoolMember[]> {
    const { signal } = requireCallOptions(options);
    requireRunning(call, signal);
    const { inspectEveryMs = 10_000, clock, hedgeDelayMs } = this.#options;
    const due = clock.monotonicMs() - this.#inspectedMs >= inspectEveryMs;
    const enough = (): boolean => this.members.filter((member) => member.fit).length >= needed;
    if (due || !enough()) await this.inspect({ graceMs: hedgeDelayMs, ...options });
    if (!enough()) await this.inspect({ graceMs: Infinity, ...options });
    requireRunning(call, signal);
    const fit = this.members.filter((member) => member.fit);
    if (fit.length >= needed) return fit;
    const failures = this.members
      .filter((member) => !member.fit)
      .map(({ name, obstacle }) => ({ source: name, error: obstacle }));
    throw quorumMissing({ call, needed, answered: fit.length, failures });
  }

  /** Members of the right network, however far behind. */
  async trusted(call: string, options: CallOptions): Promise<readonly PoolMember[]> {
    try {
      await this.fit(call, options, 1);
    } catch (error) {
      if (!hasCode(error, 'CHAIN_QUORUM_MISSING')) throw error;
    }
    const trusted = this.members.filter((member) => member.fit || member.stale);
    if (trusted.length > 0) return trusted;
    const failures = this.members.map(({ name, obstacle }) => ({ source: name, error: obstacle }));
    throw quorumMissing({ call, needed: 1, answered: 0, failures });
  }

  /** Compares all tips, waiting for those that answer within a time. */
  async inspect(options: CallOptions & { readonly graceMs: number }): Promise<void> {
    this.#inspecting ??= this.#inspectAll(options.graceMs).finally(() => {
      this.#inspecting = undefined;
    });
    const { signal } = options;
    if (signal === undefined) return this.#inspecting;
    let onAbort = (): void => undefined;
    const ended = new Promise<void>((done) => {
      onAbort = done;
      signal.addEventListener('abort', onAbort, { once: true });
    });
    await Promise.race([this.#inspecting, ended]);
    signal.removeEventListener('abort', onAbort);
  }

  /** Whether a tip is too far behind a height, or too old. */
  lags(tip: ChainHeader, reference: number): boolean {
    const { maxTipAgeSeconds = Infinity, clock } = this.#options;
    return reference - tip.height > this.maxLagBlocks || clock.now() - tip.header.time > maxTipAgeSeconds;
  }

  async #inspectAll(graceMs: number): Promise<void> {
    const all = this.members.map(async (member) => member.inspect());
    const enough = (): boolean => this.members.filter(({ tip }) => tip !== undefined).length >= this.quorum;
    await settled(all, { enough, graceMs });
    this.#compare();
    this.#inspectedMs = this.#options.clock.monotonicMs();
    // Those who were too slow count as soon as they have answered.
    void Promise.all(all).then(() => this.#compare());
  }

  #compare(): void {
    const known = this.members.filter(({ tip }) => tip !== undefined);
    const tips = known.flatMap(({ tip }) => (tip === undefined ? [] : [tip]));
    const reference = referenceOf(tips, this.quorum);
    for (const member of known) {
      const { tip } = member;
      if (tip === undefined) continue;
      member.lagBlocks = Math.max(0, reference - tip.height);
      member.lags = this.lags(tip, reference);
    }
  }
}

/** Throws when the caller has ended the call. */
export function requireRunning(call: string, signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) throw aborted(call, signal.reason);
}

/**
 * The height that tips are held against. The highest ones may be lies of all but a quorum, which must not make the
 * others look as if they were behind; nor may one that is behind be what the others are held against. Of two that must
 * agree it is the higher one: who of them is right cannot be told, and none is believed. Where one is believed alone,
 * it is what more than half of them have.
 */
export function referenceOf(tips: readonly ChainHeader[], quorum: number): number {
  const heights = tips.map(({ height }) => height).sort((a, b) => b - a);
  const { length } = heights;
  const place = quorum === 1 ? Math.floor(length / 2) : Math.min(quorum - 1, Math.floor((length - 1) / 2));
  return heights[place] ?? 0;
}
