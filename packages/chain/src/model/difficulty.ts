/** How hard each network makes it to find a block: the rules that a header keeps beside its own proof of work. */
import type { NetworkName } from '@bitcoin-enterprise/core';
import type { BlockHeader } from '@bitcoin-enterprise/script';
import { bitsOf, targetOf } from './proof-of-work.ts';

/** What a network demands of the difficulty and the times of its headers. */
export interface DifficultyRule {
  /** The easiest target there is; never zero. */
  readonly limit: bigint;
  /** Whether the target changes every 2,016 blocks; when not, it never does. */
  readonly retargets: boolean;
  /**
   * Seconds since the block before after which a block may be of the easiest target (the test networks' 20 minutes);
   * absent where it never may.
   */
  readonly easyAfterSeconds?: number;
  /** Whether BIP94 holds: a new target comes from the first block of the period, which must not step far back in time. */
  readonly bip94: boolean;
  /**
   * Work that the best branch is known to have, from the first block up: what a client that knows nothing else must not
   * go below. Bitcoin Core 31 demands as much. Absent where there is more than one chain.
   */
  readonly minimumWork?: bigint;
  /** Seconds that a block may be ahead of the clock; absent where clocks are moved for tests. */
  readonly maxFutureSeconds?: number;
}

/** Blocks between two changes of the difficulty. */
export const RETARGET_PERIOD = 2_016;
/** What a period should take, in seconds. */
const PERIOD_SECONDS = 14 * 86_400;
/** BIP94: how far the first block of a period may step back behind the last one of the period before, in seconds. */
const MAX_STEP_BACK_SECONDS = 600;
const TWO_HOURS = 7_200;
const TWENTY_MINUTES = 1_200;
/** 224 ones: what the main network and two of the test networks call difficulty 1, before it is made compact. */
const DIFFICULTY_1 = 2n ** 224n - 1n;

/** The rules of the networks, by name. */
export const DIFFICULTY_RULES: Readonly<Record<NetworkName, DifficultyRule>> = {
  main: {
    limit: DIFFICULTY_1,
    retargets: true,
    bip94: false,
    minimumWork: 0x1128750f82f4c366153a3a030n,
    maxFutureSeconds: TWO_HOURS,
  },
  test: {
    limit: DIFFICULTY_1,
    retargets: true,
    easyAfterSeconds: TWENTY_MINUTES,
    bip94: false,
    minimumWork: 0x17dde1c649f3708d14b6n,
    maxFutureSeconds: TWO_HOURS,
  },
  testnet4: {
    limit: DIFFICULTY_1,
    retargets: true,
    easyAfterSeconds: TWENTY_MINUTES,
    bip94: true,
    minimumWork: 0x9a0fe15d0177d086304n,
    maxFutureSeconds: TWO_HOURS,
  },
  // Who may make blocks of a signet is in their coinbase, which no header shows; many begin with this first block.
  signet: { limit: 0x377aen << 216n, retargets: true, bip94: false, maxFutureSeconds: TWO_HOURS },
  regtest: { limit: 2n ** 255n - 1n, retargets: false, bip94: false },
};

/** Whether a compact target is one, and not easier than the network's easiest. */
export function isWithinLimit(rule: DifficultyRule, bits: number): boolean {
  const target = targetOf(bits);
  return target !== undefined && target <= rule.limit;
}

/**
 * The compact target that a block must have.
 *
 * @param block - Its height, 1 or more, and its time.
 * @param at - Headers of its branch below it, back to the first one of its period, or of the period before when it is
 * the first of its own.
 * @returns `undefined` when a header is missing that decides it.
 */
export function requiredBits(
  rule: DifficultyRule,
  block: { readonly height: number; readonly time: number },
  at: (height: number) => BlockHeader | undefined,
): number | undefined {
  const { height, time } = block;
  const before = at(height - 1);
  if (before === undefined) return undefined;
  if (!rule.retargets) return before.bits;
  if (height % RETARGET_PERIOD === 0) {
    const first = at(height - RETARGET_PERIOD);
    return first === undefined ? undefined : nextBits(rule, { first, last: before });
  }
  if (rule.easyAfterSeconds === undefined) return before.bits;
  const easy = bitsOf(rule.limit);
  if (time > before.time + rule.easyAfterSeconds) return easy;
  // The target that held before easy blocks came between.
  for (let below = height - 1; ; below--) {
    const header = at(below);
    if (header === undefined) return undefined;
    if (below % RETARGET_PERIOD === 0 || header.bits !== easy) return header.bits;
  }
}

/** The compact target after a period, from its first and last header; `undefined` when they name none. */
export function nextBits(
  rule: DifficultyRule,
  { first, last }: { readonly first: BlockHeader; readonly last: BlockHeader },
): number | undefined {
  const target = targetOf(rule.bip94 ? first.bits : last.bits);
  if (target === undefined) return undefined;
  const seconds = Math.min(PERIOD_SECONDS * 4, Math.max(PERIOD_SECONDS / 4, last.time - first.time));
  const next = (target * BigInt(seconds)) / BigInt(PERIOD_SECONDS);
  return bitsOf(next > rule.limit ? rule.limit : next);
}

/** Whether the target may change so between two blocks, one upon the other; for who does not know the whole period. */
export function mayFollow(
  rule: DifficultyRule,
  block: { readonly height: number; readonly bits: number },
  bitsBefore: number,
): boolean {
  const { height, bits } = block;
  if (!isWithinLimit(rule, bits)) return false;
  // Easy blocks may come and go.
  if (rule.easyAfterSeconds !== undefined) return true;
  if (!rule.retargets || height % RETARGET_PERIOD !== 0) return bits === bitsBefore;
  const [target, before] = [targetOf(bits), targetOf(bitsBefore)];
  if (target === undefined || before === undefined) return false;
  const easiest = before * 4n > rule.limit ? rule.limit : before * 4n;
  // Compact targets are rounded down.
  const bounds = [targetOf(bitsOf(before / 4n)), targetOf(bitsOf(easiest))];
  return target >= (bounds[0] ?? 0n) && target <= (bounds[1] ?? rule.limit);
}

/** Whether a block steps further back behind the block before than BIP94 allows. */
export function stepsTooFarBack(
  rule: DifficultyRule,
  block: { readonly height: number; readonly time: number },
  timeBefore: number,
): boolean {
  return rule.bip94 && block.height % RETARGET_PERIOD === 0 && block.time < timeBefore - MAX_STEP_BACK_SECONDS;
}

/** Whether a block is further ahead of the clock than the network allows; `now` in seconds since 1970. */
export function isTooNew(rule: DifficultyRule, time: number, now: number): boolean {
  return rule.maxFutureSeconds !== undefined && time > now + rule.maxFutureSeconds;
}
