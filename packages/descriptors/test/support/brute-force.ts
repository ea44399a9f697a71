import type { Fragment, MiniscriptContext, SatisfyAssets } from '../../src/index.ts';

/** One witness, canonical or not. */
export interface Found {
  readonly size: number;
  readonly keys: ReadonlySet<number>;
  /** Tells witnesses apart. */
  readonly name: string;
}

/** All witnesses, malleable ones included. */
export interface EveryWay {
  readonly satisfied: readonly Found[];
  readonly dissatisfied: readonly Found[];
}

/** There are more witnesses than can be tried. */
export class TooMany extends Error {}

const MOST = 20_000;
const EMPTY: Found = { size: 0, keys: new Set(), name: '' };

const bytes = (name: string, size: number): Found => ({ size, keys: new Set(), name: ` ${name}` });
const none = bytes('-', 1);
const one = bytes('1', 2);

function join(a: readonly Found[], b: readonly Found[]): readonly Found[] {
  if (a.length * b.length > MOST) throw new TooMany();
  return a.flatMap((x) =>
    b.map((y) => ({ size: x.size + y.size, keys: new Set([...x.keys, ...y.keys]), name: x.name + y.name })),
  );
}

interface Counted {
  readonly found: Found;
  readonly count: number;
}

/** All ways to satisfy and to dissatisfy, by trying everything: no choice is made on the way. */
export function everyWay(
  fragment: Fragment<number>,
  options: { readonly context: MiniscriptContext; readonly assets: SatisfyAssets<number> },
): EveryWay {
  const { context, assets } = options;
  const visit = (sub: Fragment<number>): EveryWay => everyWay(sub, options);
  const signature = (key: number): readonly Found[] =>
    assets.canSign(key)
      ? [{ size: assets.signatureSize(key).maximum + 1, keys: new Set([key]), name: ` signature ${key}` }]
      : [];
  switch (fragment.name) {
    case '0':
      return { satisfied: [], dissatisfied: [EMPTY] };
    case '1':
      return { satisfied: [EMPTY], dissatisfied: [] };
    case 'older':
      return { satisfied: assets.isOld(fragment.value) ? [EMPTY] : [], dissatisfied: [] };
    case 'after':
      return { satisfied: assets.isAfter(fragment.value) ? [EMPTY] : [], dissatisfied: [] };
    case 'pk_k':
      return { satisfied: signature(fragment.key), dissatisfied: [none] };
    case 'pk_h': {
      const key = [bytes(`key ${fragment.key}`, context === 'wsh' ? 34 : 33)];
      return { satisfied: join(signature(fragment.key), key), dissatisfied: join([none], key) };
    }
    case 'sha256':
    case 'hash256':
    case 'ripemd160':
    case 'hash160': {
      const isKnown = assets.hasPreimage(fragment.name, fragment.hash);
      // Any other 32 bytes dissatisfy: at least two are there.
      return {
        satisfied: isKnown ? [bytes('preimage', 33)] : [],
        dissatisfied: [bytes('wrong', 33), bytes('wrong too', 33)],
      };
    }
    case 'multi':
    case 'multi_a': {
      const { keys, threshold, name } = fragment;
      let ways: readonly Counted[] = [{ found: EMPTY, count: 0 }];
      for (const key of keys)
        ways = ways.flatMap(({ found, count }) => [
          ...(name === 'multi' ? [found] : join([found], [none])).map((next) => ({ found: next, count })),
          ...join([found], signature(key)).map((next) => ({ found: next, count: count + 1 })),
        ]);
      const satisfied = ways.filter(({ count }) => count === threshold).map(({ found }) => found);
      if (name === 'multi')
        return { satisfied: join([none], satisfied), dissatisfied: [bytes('all empty', threshold + 1)] };
      return { satisfied, dissatisfied: ways.filter(({ count }) => count !== threshold).map(({ found }) => found) };
    }
    case 'thresh': {
      let ways: readonly Counted[] = [{ found: EMPTY, count: 0 }];
      for (const sub of fragment.subs) {
        const { satisfied, dissatisfied } = visit(sub);
        ways = ways.flatMap(({ found, count }) => [
          ...join([found], dissatisfied).map((next) => ({ found: next, count })),
          ...join([found], satisfied).map((next) => ({ found: next, count: count + 1 })),
        ]);
        if (ways.length > MOST) throw new TooMany();
      }
      return {
        satisfied: ways.filter(({ count }) => count === fragment.threshold).map(({ found }) => found),
        dissatisfied: ways.filter(({ count }) => count !== fragment.threshold).map(({ found }) => found),
      };
    }
    default:
      return combined(
        fragment.name,
        fragment.subs.map((sub: Fragment<number>) => visit(sub)),
      );
  }
}

function combined(name: string, subs: readonly EveryWay[]): EveryWay {
  const nothing: EveryWay = { satisfied: [], dissatisfied: [] };
  const [x = nothing, y = nothing, z = nothing] = subs;
  switch (name) {
    case 'v':
      return { satisfied: x.satisfied, dissatisfied: [] };
    case 'd':
      return { satisfied: join(x.satisfied, [one]), dissatisfied: [none] };
    case 'j':
      return {
        satisfied: x.satisfied,
        dissatisfied: [none, ...x.dissatisfied.filter((way) => !way.name.endsWith(' -'))],
      };
    case 'and_v':
      return { satisfied: join(y.satisfied, x.satisfied), dissatisfied: join(y.dissatisfied, x.satisfied) };
    case 'and_b':
      return {
        satisfied: join(y.satisfied, x.satisfied),
        dissatisfied: [
          ...join(y.dissatisfied, x.dissatisfied),
          ...join(y.satisfied, x.dissatisfied),
          ...join(y.dissatisfied, x.satisfied),
        ],
      };
    case 'or_b':
      return {
        satisfied: [
          ...join(y.dissatisfied, x.satisfied),
          ...join(y.satisfied, x.dissatisfied),
          ...join(y.satisfied, x.satisfied),
        ],
        dissatisfied: join(y.dissatisfied, x.dissatisfied),
      };
    case 'or_c':
      return { satisfied: [...x.satisfied, ...join(y.satisfied, x.dissatisfied)], dissatisfied: [] };
    case 'or_d':
      return {
        satisfied: [...x.satisfied, ...join(y.satisfied, x.dissatisfied)],
        dissatisfied: join(y.dissatisfied, x.dissatisfied),
      };
    case 'or_i':
      return {
        satisfied: [...join(x.satisfied, [one]), ...join(y.satisfied, [none])],
        dissatisfied: [...join(x.dissatisfied, [one]), ...join(y.dissatisfied, [none])],
      };
    case 'andor':
      return {
        satisfied: [...join(y.satisfied, x.satisfied), ...join(z.satisfied, x.dissatisfied)],
        dissatisfied: [...join(y.dissatisfied, x.satisfied), ...join(z.dissatisfied, x.dissatisfied)],
      };
    default:
      return x;
  }
}

/** The smallest witness that nobody can turn into another one with the signatures in it. */
export function smallestSafe(satisfied: readonly Found[]): Found | undefined {
  const safe = satisfied.filter(
    (way) => !satisfied.some((other) => other.name !== way.name && [...other.keys].every((key) => way.keys.has(key))),
  );
  return safe.toSorted((a, b) => a.size - b.size)[0];
}
