import { assertBytes, blockHeight, type Clock, NETWORKS, type NetworkName } from '@bitcoin-enterprise/core';
import type { ResilienceObserver } from '@bitcoin-enterprise/core/resilience';
import { requireMs } from '../adapters/arguments.ts';
import { invalidArgument } from '../errors.ts';
import type { BlockReference } from '../ports/chain-source.ts';
import type { PoolSource } from './member.ts';

/** Settings of {@link ChainPool}. */
export interface ChainPoolOptions {
  /** Network that all must serve: name and first block are checked before first use, and again after every failure. */
  readonly network: NetworkName;
  /** Whom to ask, in order of preference; 1 to 32. Independent of one another, or a quorum says nothing. */
  readonly sources: readonly PoolSource[];
  /**
   * How many must say the same for a read; more than half of them when absent. 1 is failover without a vote: the first
   * source that is fit and answers is believed, and one is behind only when more than half of the others are ahead.
   */
  readonly quorum?: number;
  /** Blocks that all must have, where they have blocks that high; none when absent. */
  readonly checkpoints?: readonly BlockReference[];
  /** Blocks that a source may be behind the others before it is not asked; 2 when absent. */
  readonly maxLagBlocks?: number;
  /** Age of a tip in seconds beyond which its source is not asked; any age when absent. */
  readonly maxTipAgeSeconds?: number;
  /** Milliseconds after which tips are compared anew; 10,000 when absent. */
  readonly inspectEveryMs?: number;
  /** Milliseconds that a source is given before one more is asked; 500 when absent. */
  readonly hedgeDelayMs?: number;
  /** Milliseconds until a source is given up for a call; 30,000 when absent. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks of a follower; 1,000 when absent. */
  readonly pollMs?: number;
  /** Milliseconds that a follower bears sources that contradict each other; 60,000 when absent. */
  readonly patienceMs?: number;
  /** When a source is left alone; 5 failures in a row, for 1 to 60 seconds, when absent. */
  readonly breaker?: {
    readonly consecutiveFailures?: number;
    readonly openMs?: number;
    readonly maxOpenMs?: number;
  };
  /** What time is measured with; the system's when absent. */
  readonly clock?: Clock;
  /** Is told of attempts and breakers. */
  readonly observe?: ResilienceObserver;
}

const MAX_SOURCES = 32;

/** Throws unless the settings make sense. */
export function requirePoolOptions(options: ChainPoolOptions): void {
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const { network, sources, quorum, checkpoints = [] } = options;
  if (typeof network !== 'string' || !Object.hasOwn(NETWORKS, network))
    throw invalidArgument('options.network', `one of ${Object.keys(NETWORKS).join(', ')}`, network);
  if (!Array.isArray(sources) || sources.length === 0 || sources.length > MAX_SOURCES)
    throw invalidArgument('options.sources', `1 to ${MAX_SOURCES} sources`, sources);
  const names = new Set<string>();
  for (const source of sources as readonly (PoolSource | null)[]) {
    if (typeof source !== 'object' || source === null) throw invalidArgument('options.sources[]', 'an object', source);
    if (typeof source.name !== 'string' || source.name === '' || names.has(source.name))
      throw invalidArgument('options.sources[].name', 'a text of its own', source.name);
    if (typeof source.chain?.tip !== 'function')
      throw invalidArgument('options.sources[].chain', 'a ChainSource', source.chain);
    names.add(source.name);
  }
  if (quorum !== undefined && !(Number.isInteger(quorum) && quorum >= 1 && quorum <= sources.length))
    throw invalidArgument('options.quorum', `a whole number, 1 to ${sources.length}`, quorum);
  if (!Array.isArray(checkpoints)) throw invalidArgument('options.checkpoints', 'an array', checkpoints);
  for (const { hash, height } of checkpoints as readonly BlockReference[]) {
    assertBytes('options.checkpoints[].hash', hash, 32);
    blockHeight(height);
  }
  for (const name of ['inspectEveryMs', 'hedgeDelayMs', 'timeoutMs', 'pollMs', 'patienceMs'] as const)
    if (options[name] !== undefined) requireMs(`options.${name}`, options[name]);
  for (const name of ['maxLagBlocks', 'maxTipAgeSeconds'] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isInteger(value) && value >= 0))
      throw invalidArgument(`options.${name}`, 'a whole number of at least 0', value);
  }
}
