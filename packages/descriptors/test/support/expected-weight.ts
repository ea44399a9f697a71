import { compactSizeLength, toHex } from '@bitcoin-enterprise/core';
import { boundsOf, type Miniscript, parseMiniscript, satisfy } from '../../src/index.ts';
import type { NormalPolicy } from '../../src/policy/normal.ts';
import { type Expression, parseExpression, textOf } from '../../src/text/expression.ts';

/** A Taproot output by names of keys. */
export interface NamedOutput {
  /** Those who sign for the key path; `undefined` for one that nobody can sign for. */
  readonly internalKeys: readonly string[] | undefined;
  readonly leaves: readonly { readonly fragment: Miniscript; readonly depth: number }[];
}

/** One way to fulfil a policy, and how likely it is. */
export interface PolicyWay {
  readonly probability: number;
  readonly keys: ReadonlySet<string>;
  readonly hashes: ReadonlySet<string>;
  readonly older: number;
  readonly after: number;
}

const NUMS = /^50929b74|^NUMS$/;

/** The output that a text of a descriptor names. */
export function outputOf(template: string): NamedOutput {
  const [key, tree] = parseExpression(template).args ?? [];
  const leaves: { readonly fragment: Miniscript; readonly depth: number }[] = [];
  const visit = (node: Expression, depth: number): void => {
    if (node.brackets === 'curly') for (const side of node.args ?? []) visit(side, depth + 1);
    else leaves.push({ fragment: parseMiniscript(textOf(node), { context: 'tapscript' }), depth });
  };
  if (tree !== undefined) visit(tree, 0);
  const internal = key === undefined ? '' : textOf(key);
  return { internalKeys: NUMS.test(internal) ? undefined : signersOf(internal), leaves };
}

/** The names behind a key: those who aggregate, or itself. */
function signersOf(key: string): readonly string[] {
  return key.startsWith('musig(') ? key.slice(6, -1).split(',') : [key];
}

/** All ways of a policy. */
export function waysOf(policy: NormalPolicy<string>): readonly PolicyWay[] {
  const one: PolicyWay = { probability: 1, keys: new Set(), hashes: new Set(), older: 0, after: 0 };
  switch (policy.name) {
    case 'pk':
      return [{ ...one, keys: new Set([policy.key]) }];
    case 'older':
      return [{ ...one, older: policy.value }];
    case 'after':
      return [{ ...one, after: policy.value }];
    case 'and':
      return policy.subs.map(waysOf).reduce(together, [one]);
    case 'or':
      return policy.subs.flatMap((sub, place) =>
        waysOf(sub).map((way) => ({ ...way, probability: way.probability * (policy.weights[place] ?? 0) })),
      );
    case 'thresh': {
      const choices = Array.from({ length: 2 ** policy.subs.length }, (_, mask) =>
        policy.subs.filter((_sub, place) => ((mask >> place) & 1) === 1),
      ).filter((subs) => subs.length === policy.threshold);
      return choices.flatMap((subs) =>
        subs
          .map(waysOf)
          .reduce(together, [one])
          .map((way) => ({ ...way, probability: way.probability / choices.length })),
      );
    }
    default:
      return [{ ...one, hashes: new Set([`${policy.name} ${toHex(policy.hash)}`]) }];
  }
}

function together(a: readonly PolicyWay[], b: readonly PolicyWay[]): readonly PolicyWay[] {
  return a.flatMap((x) =>
    b.map((y) => ({
      probability: x.probability * y.probability,
      keys: new Set([...x.keys, ...y.keys]),
      hashes: new Set([...x.hashes, ...y.hashes]),
      older: Math.max(x.older, y.older),
      after: Math.max(x.after, y.after),
    })),
  );
}

/** Weight units of the witness in expectation, when each way of the policy is spent the cheapest way that it allows. */
export function expectedWeightOf(output: NamedOutput, policy: NormalPolicy<string>): number {
  return waysOf(policy).reduce((sum, way) => sum + way.probability * cheapest(output, way), 0);
}

function cheapest({ internalKeys, leaves }: NamedOutput, way: PolicyWay): number {
  const signs = (key: string): boolean => signersOf(key).every((one) => way.keys.has(one));
  let best = internalKeys?.every((key) => way.keys.has(key)) === true ? 66 : Infinity;
  for (const { fragment, depth } of leaves) {
    const found = satisfy(fragment, {
      context: 'tapscript',
      assets: {
        canSign: signs,
        hasPreimage: (name, hash) => way.hashes.has(`${name} ${toHex(hash)}`),
        isOld: (value) => value <= way.older,
        isAfter: (value) => value <= way.after,
        signatureSize: () => ({ minimum: 64, maximum: 64 }),
      },
    });
    if (found === undefined) continue;
    const script = boundsOf(fragment, 'tapscript').scriptSize;
    const control = 33 + 32 * depth;
    best = Math.min(
      best,
      1 + found.size.maximum + compactSizeLength(script) + script + compactSizeLength(control) + control,
    );
  }
  return best;
}
