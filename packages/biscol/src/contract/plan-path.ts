import { compactSizeLength } from '@bitcoin-enterprise/core';
import { type DerivedKey, type HashFunction, satisfy } from '@bitcoin-enterprise/descriptors';
import type { PathPlan, StateOutput, Way } from './state-output.ts';

/** What is at hand on a path. */
export interface PathAssets {
  readonly canSign: (key: DerivedKey) => boolean;
  readonly hasPreimage: (hashFunction: HashFunction, hash: Uint8Array) => boolean;
  /** Bytes of a signature: 64 under SIGHASH_DEFAULT, else 65. */
  readonly signatureSize: 64 | 65;
}

/** Outpoint, length of an empty scriptSig, sequence. */
const INPUT_BASE = 36 + 1 + 4;
const REPLACEABLE = 0xffff_fffd;

/** The cheapest way of a path that the assets allow; locks are waited for. `undefined` when there is none. */
export function planPath(output: StateOutput, path: string, assets: PathAssets): PathPlan | undefined {
  let best: PathPlan | undefined;
  for (const way of output.ways) {
    if (way.path !== path) continue;
    const plan = planWay(way, assets);
    if (plan !== undefined && (best === undefined || plan.witnessSize < best.witnessSize)) best = plan;
  }
  return best;
}

/** The same for assets of all keys and no secrets, found once for an output. */
export function planPathOnce(output: StateOutput, path: string, assets: PathAssets): PathPlan | undefined {
  const { plans } = output;
  const name = `${path} ${assets.signatureSize}`;
  const known = plans.get(name);
  if (known !== undefined) return known;
  const plan = planPath(output, path, assets);
  if (plan !== undefined) plans.set(name, plan);
  return plan;
}

function planWay(way: Way, { canSign, hasPreimage, signatureSize }: PathAssets): PathPlan | undefined {
  const size = { minimum: signatureSize, maximum: signatureSize };
  const satisfaction = satisfy(way.fragment, {
    context: 'tapscript',
    assets: { canSign, hasPreimage, isOld: () => true, isAfter: () => true, signatureSize: () => size },
  });
  if (satisfaction === undefined) return undefined;
  const { items, lockTime, sequence } = satisfaction;
  const { script, controlBlock } = way.leaf ?? {};
  const behind =
    script === undefined || controlBlock === undefined ? 0 : sizeOf(script.length) + sizeOf(controlBlock.length);
  const count = items.length + (way.leaf === undefined ? 0 : 2);
  const witnessSize = compactSizeLength(count) + satisfaction.size.maximum + behind;
  return {
    way,
    items,
    signers: items.flatMap((item) => (item.kind === 'signature' ? [item.key] : [])),
    lockTime,
    sequence: sequence === 0 ? REPLACEABLE : sequence,
    witnessSize,
    weight: 4 * INPUT_BASE + witnessSize,
  };
}

function sizeOf(bytes: number): number {
  return compactSizeLength(bytes) + bytes;
}
