import { type Fragment, type FragmentShape } from '../../src/miniscript/fragment.ts';
import { makeFragment } from '../../src/miniscript/type.ts';
import { hasLetters } from '../../src/miniscript/type.ts';
import type { NormalPolicy } from '../../src/policy/normal.ts';
import { andOf, orOf } from '../../src/policy/normal.ts';
import { printPolicy } from '../../src/policy/policy.ts';

const at = <Item>(items: readonly Item[], place: number): Item => items[place] as Item;

/** A script by its type and what it costs; all that are not worse in each respect are kept. */
interface Point {
  readonly f: Fragment<string>;
  readonly size: number;
  readonly sat: number;
  readonly dis: number;
}
const NEVER = Infinity;
const key = (p: NormalPolicy<string>): string =>
  JSON.stringify(p, (_k, v: unknown) => (typeof v === 'number' ? Number(v.toPrecision(9)) : v));

/** The least of script size and expected satisfaction over all tapscript miniscripts, by sets of points without odds. */
export class Exhaustive {
  readonly #known = new Map<string, readonly Point[]>();
  points(policy: NormalPolicy<string>): readonly Point[] {
    const name = key(policy);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    let front: Point[] = [];
    const queue: Point[] = [];
    const offer = (shape: FragmentShape<string>, size: number, sat: number, dis: number): void => {
      const f = makeFragment(shape, 'tapscript');
      if (f === undefined || !hasLetters(f.type, 'm')) return;
      const type = f.type & 0x3fff;
      for (const other of front)
        if (
          (other.f.type & 0x3fff) === type &&
          other.size <= size &&
          other.sat <= sat + 1e-12 &&
          other.dis <= dis + 1e-12
        )
          return;
      front = front.filter(
        (other) =>
          !(
            (other.f.type & 0x3fff) === type &&
            size <= other.size &&
            sat <= other.sat + 1e-12 &&
            dis <= other.dis + 1e-12
          ),
      );
      const point = { f, size, sat, dis };
      front.push(point);
      queue.push(point);
    };
    this.#compose(policy, offer);
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const { f, size, sat, dis } = next;
      if (!front.includes(next)) continue;
      const zero = makeFragment<string>({ name: '0' }, 'tapscript') as Fragment<string>;
      const one = makeFragment<string>({ name: '1' }, 'tapscript') as Fragment<string>;
      offer({ name: 'c', subs: [f] }, size + 1, sat, dis);
      offer({ name: 'a', subs: [f] }, size + 2, sat, dis);
      offer({ name: 's', subs: [f] }, size + 1, sat, dis);
      offer({ name: 'n', subs: [f] }, size + 1, sat, dis);
      offer({ name: 'v', subs: [f] }, size + (hasLetters(f.type, 'x') ? 1 : 0), sat, NEVER);
      offer({ name: 'd', subs: [f] }, size + 3, sat + 2, 1);
      offer({ name: 'j', subs: [f] }, size + 4, sat, 1);
      offer({ name: 'and_v', subs: [f, one] }, size + 1, sat, NEVER);
      if (f.name !== 'or_i') {
        offer({ name: 'or_i', subs: [zero, f] }, size + 4, sat + 1, Math.min(2, dis + 1));
        offer({ name: 'or_i', subs: [f, zero] }, size + 4, sat + 2, Math.min(dis + 2, 1));
      }
    }
    this.#known.set(name, front);
    return front;
  }
  #compose(
    policy: NormalPolicy<string>,
    offer: (shape: FragmentShape<string>, size: number, sat: number, dis: number) => void,
  ): void {
    switch (policy.name) {
      case 'pk':
        offer({ name: 'pk_k', key: policy.key }, 33, 65, 1);
        offer({ name: 'pk_h', key: policy.key }, 24, 98, 34);
        return;
      case 'older':
      case 'after':
        offer(
          { name: policy.name, value: policy.value },
          1 +
            (policy.value <= 16
              ? 1
              : policy.value < 128
                ? 2
                : policy.value < 32768
                  ? 3
                  : policy.value < 8388608
                    ? 4
                    : 5),
          0,
          NEVER,
        );
        return;
      case 'and': {
        multi(policy.subs, policy.subs.length, offer);
        for (const [left, right] of bipartitions(policy.subs.length)) {
          const xs = this.points(andOf(left.map((i) => at(policy.subs, i))));
          const ys = this.points(andOf(right.map((i) => at(policy.subs, i))));
          const zero = makeFragment<string>({ name: '0' }, 'tapscript') as Fragment<string>;
          for (const x of xs)
            for (const y of ys) {
              offer({ name: 'and_v', subs: [x.f, y.f] }, x.size + y.size, x.sat + y.sat, NEVER);
              offer({ name: 'and_b', subs: [x.f, y.f] }, x.size + y.size + 1, x.sat + y.sat, x.dis + y.dis);
              offer({ name: 'andor', subs: [x.f, y.f, zero] }, x.size + y.size + 4, x.sat + y.sat, x.dis);
            }
        }
        this.#thresh(
          policy.subs,
          policy.subs.map(() => 1),
          policy.subs.length,
          offer,
        );
        return;
      }
      case 'or': {
        if (policy.weights.every((w) => Math.abs(w - at(policy.weights, 0)) < 1e-12)) multi(policy.subs, 1, offer);
        for (const [left, right] of bipartitions(policy.subs.length)) {
          const l = left.reduce((s, i) => s + at(policy.weights, i), 0);
          const r = right.reduce((s, i) => s + at(policy.weights, i), 0);
          const L = l / (l + r);
          const R = r / (l + r);
          const lp = orOf(
            left.map((i) => at(policy.subs, i)),
            left.map((i) => at(policy.weights, i)),
          );
          const rp = orOf(
            right.map((i) => at(policy.subs, i)),
            right.map((i) => at(policy.weights, i)),
          );
          const xs = this.points(lp);
          const ys = this.points(rp);
          for (const x of xs)
            for (const y of ys) {
              const size = x.size + y.size;
              const cascade = L * x.sat + R * (x.dis + y.sat);
              if (x.dis < NEVER && y.dis < NEVER)
                offer(
                  { name: 'or_b', subs: [x.f, y.f] },
                  size + 1,
                  L * (x.sat + y.dis) + R * (x.dis + y.sat),
                  x.dis + y.dis,
                );
              if (x.dis < NEVER) {
                offer({ name: 'or_d', subs: [x.f, y.f] }, size + 3, cascade, x.dis + y.dis);
                offer({ name: 'or_c', subs: [x.f, y.f] }, size + 2, cascade, NEVER);
              }
              offer(
                { name: 'or_i', subs: [x.f, y.f] },
                size + 3,
                L * (x.sat + 2) + R * (y.sat + 1),
                Math.min(x.dis + 2, y.dis + 1),
              );
            }
          if (lp.name === 'and')
            for (const [a, b] of bipartitions(lp.subs.length)) {
              const as = this.points(andOf(a.map((i) => at(lp.subs, i))));
              const bs = this.points(andOf(b.map((i) => at(lp.subs, i))));
              for (const x of as)
                if (x.dis < NEVER && hasLetters(x.f.type, 'Bdu'))
                  for (const y of bs)
                    for (const z of ys)
                      offer(
                        { name: 'andor', subs: [x.f, y.f, z.f] },
                        x.size + y.size + z.size + 3,
                        L * (x.sat + y.sat) + R * (x.dis + z.sat),
                        x.dis + z.dis,
                      );
            }
        }
        this.#thresh(policy.subs, policy.weights, 1, offer);
        return;
      }
      case 'thresh':
        multi(policy.subs, policy.threshold, offer);
        this.#thresh(
          policy.subs,
          policy.subs.map(() => policy.threshold / policy.subs.length),
          policy.threshold,
          offer,
        );
        return;
      default:
        throw new Error('no hashes here');
    }
  }
  #thresh(
    subs: readonly NormalPolicy<string>[],
    shares: readonly number[],
    k: number,
    offer: (shape: FragmentShape<string>, size: number, sat: number, dis: number) => void,
  ): void {
    for (let first = 0; first < subs.length; first++) {
      const order = [first, ...subs.map((_, i) => i).filter((i) => i !== first)];
      let partial: readonly {
        readonly subs: readonly Fragment<string>[];
        readonly size: number;
        readonly sat: number;
        readonly dis: number;
      }[] = [{ subs: [], size: 0, sat: 0, dis: 0 }];
      for (const [place, i] of order.entries()) {
        const options = this.points(at(subs, i)).filter(
          ({ f, dis }) => dis < NEVER && hasLetters(f.type, place === 0 ? 'Bdu' : 'Wdu'),
        );
        let next: typeof partial = partial.flatMap((before) =>
          options.map((o) => ({
            subs: [...before.subs, o.f],
            size: before.size + o.size,
            sat: before.sat + at(shares, i) * o.sat + (1 - at(shares, i)) * o.dis,
            dis: before.dis + o.dis,
          })),
        );
        // Points that are worse in each respect, with as good a type, do not help.
        next = next.filter(
          (a, at) =>
            !next.some(
              (b, other) =>
                other !== at &&
                ((b.subs.at(-1) as Fragment<string>).type & 0x3fff) ===
                  ((a.subs.at(-1) as Fragment<string>).type & 0x3fff) &&
                b.size <= a.size &&
                b.sat <= a.sat &&
                b.dis <= a.dis &&
                (b.size < a.size || b.sat < a.sat || b.dis < a.dis || other < at),
            ),
        );
        partial = next;
      }
      for (const p of partial)
        offer({ name: 'thresh', threshold: k, subs: p.subs }, p.size + subs.length + 1, p.sat, p.dis);
    }
  }
  /** Script size and expected satisfaction of the best safe script. */
  best(policy: NormalPolicy<string>): { readonly size: number; readonly total: number } | undefined {
    let best: { readonly size: number; readonly total: number } | undefined;
    for (const { f, size, sat } of this.points(policy))
      if (hasLetters(f.type, 'Bms') && (best === undefined || size + sat < best.total))
        best = { size, total: size + sat };
    return best;
  }
}
function multi(
  subs: readonly NormalPolicy<string>[],
  threshold: number,
  offer: (shape: FragmentShape<string>, size: number, sat: number, dis: number) => void,
): void {
  if (!subs.every(({ name }) => name === 'pk')) return;
  const keys = subs.map((s) => (s.name === 'pk' ? s.key : ''));
  offer(
    { name: 'multi_a', threshold, keys },
    34 * keys.length + 2,
    65 * threshold + keys.length - threshold,
    keys.length,
  );
}
function* bipartitions(n: number): Generator<readonly [readonly number[], readonly number[]]> {
  for (let mask = 1; mask < 2 ** n - 1; mask++) {
    const l: number[] = [];
    const r: number[] = [];
    for (let i = 0; i < n; i++) ((mask >> i) & 1 ? l : r).push(i);
    yield [l, r];
  }
}

interface Part {
  readonly policy: NormalPolicy<string>;
  readonly share: number;
}
const thresholdOf = (k: number, subs: readonly NormalPolicy<string>[]): NormalPolicy<string> =>
  k === subs.length
    ? andOf(subs)
    : k === 1
      ? orOf(
          subs,
          subs.map(() => 1),
        )
      : { name: 'thresh', threshold: k, subs };
/** All ways to make two leaves of one. */
function* halves(policy: NormalPolicy<string>): Generator<readonly [Part, Part]> {
  if (policy.name === 'or') {
    for (const [l, r] of bipartitions(policy.subs.length)) {
      if (!l.includes(0)) continue;
      const part = (places: readonly number[]): Part => ({
        policy: orOf(
          places.map((i) => at(policy.subs, i)),
          places.map((i) => at(policy.weights, i)),
        ),
        share: places.reduce((s, i) => s + at(policy.weights, i), 0),
      });
      yield [part(l), part(r)];
    }
  } else if (policy.name === 'thresh') {
    const { threshold: k, subs } = policy;
    const n = subs.length;
    for (let i = 0; i < n; i++) {
      const rest = subs.filter((_, j) => j !== i);
      yield [
        { policy: andOf([at(subs, i), thresholdOf(k - 1, rest)]), share: k / n },
        { policy: thresholdOf(k, rest), share: 1 - k / n },
      ];
    }
  } else if (policy.name === 'and') {
    for (const [i, sub] of policy.subs.entries())
      for (const [a, b] of halves(sub)) {
        const rest = policy.subs.filter((_, j) => j !== i);
        yield [
          { policy: andOf([a.policy, ...rest]), share: a.share },
          { policy: andOf([b.policy, ...rest]), share: b.share },
        ];
      }
  }
}
/** The least expected weight of a Taproot output over all spreadings of a policy over leaves. */
export function exhaustiveTaproot(
  policy: NormalPolicy<string>,
  options: { readonly musig: boolean; readonly most: number },
): number | undefined {
  const scripts = new Exhaustive();
  const names = new Map<string, string>();
  const nameOf = ({ policy: p, share }: Part): string => `${share.toPrecision(9)} ${canonical(p)}`;
  const canonical = (p: NormalPolicy<string>): string => {
    const raw =
      printPolicy(p as never, (k: string) => k) + ('weights' in p ? p.weights.map((w) => w.toPrecision(6)).join() : '');
    let known = names.get(raw);
    if (known === undefined) {
      known =
        p.name === 'and' || p.name === 'thresh'
          ? `${p.name}${p.name === 'thresh' ? p.threshold : ''}(${p.subs.map(canonical).sort().join()})`
          : p.name === 'or'
            ? `or(${p.subs
                .map((s, i) => `${at(p.weights, i).toPrecision(6)}@${canonical(s)}`)
                .sort()
                .join()})`
            : raw;
      names.set(raw, known);
    }
    return known;
  };
  const leafWeight = (p: NormalPolicy<string>): number => {
    const best = scripts.best(p);
    return best === undefined ? Infinity : 1 + (best.size < 253 ? 1 : 3) + best.total;
  };
  const isKey = (p: NormalPolicy<string>): boolean =>
    p.name === 'pk' || (options.musig && p.name === 'and' && p.subs.every(({ name }) => name === 'pk'));
  let least = Infinity;
  const evaluate = (parts: readonly Part[]): void => {
    for (let chosen = -1; chosen < parts.length; chosen++) {
      if (chosen >= 0 && !isKey(at(parts, chosen).policy)) continue;
      const rest = parts.filter((_, i) => i !== chosen);
      let weight = chosen < 0 ? 0 : 66 * at(parts, chosen).share;
      for (const { policy: p, share } of rest) weight += share * leafWeight(p);
      // Huffman: the sum of all inner weights, 32 bytes for each branch.
      const heap = rest.map(({ share }) => share).sort((a, b) => a - b);
      let inner = 0;
      while (heap.length > 1) {
        const sum = (heap.shift() as number) + (heap.shift() as number);
        inner += sum;
        const i = heap.findIndex((x) => x > sum);
        heap.splice(i < 0 ? heap.length : i, 0, sum);
      }
      weight += 32 * inner + 34 * rest.reduce((s, { share }) => s + share, 0);
      least = Math.min(least, weight);
    }
  };
  const seen = new Set<string>();
  const queue: (readonly Part[])[] = [[{ policy, share: 1 }]];
  seen.add(at(queue, 0).map(nameOf).join('|'));
  for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
    evaluate(next);
    for (const [i, part] of next.entries())
      for (const pair of halves(part.policy)) {
        const parts = [
          ...next.slice(0, i),
          ...next.slice(i + 1),
          ...pair.map(({ policy: p, share }) => ({ policy: p, share: share * part.share })),
        ];
        const name = parts.map(nameOf).sort().join('|');
        if (seen.has(name)) continue;
        if (seen.size >= options.most) return undefined;
        seen.add(name);
        queue.push(parts);
      }
  }
  return least;
}
/** All shapes of policies of keys alone with so many keys, `and`, `or`, `thresh`. */
export function shapes(keys: number): readonly string[] {
  const memo = new Map<number, readonly string[]>();
  const of = (n: number): readonly string[] => {
    const known = memo.get(n);
    if (known !== undefined) return known;
    const found = new Set<string>(n === 1 ? ['pk(_)'] : []);
    for (const parts of integerPartitions(n))
      if (parts.length > 1)
        for (const subs of choices(parts.map(of))) {
          const sorted = [...subs].sort();
          found.add(`and(${sorted.join(',')})`);
          found.add(`or(${sorted.join(',')})`);
          for (let k = 2; k < parts.length; k++) found.add(`thresh(${k},${sorted.join(',')})`);
        }
    memo.set(n, [...found]);
    return [...found];
  };
  return of(keys);
}
function integerPartitions(n: number, most = n): readonly (readonly number[])[] {
  if (n === 0) return [[]];
  const found: (readonly number[])[] = [];
  for (let first = Math.min(n, most); first >= 1; first--)
    for (const rest of integerPartitions(n - first, first)) found.push([first, ...rest]);
  return found;
}
function choices(lists: readonly (readonly string[])[]): readonly (readonly string[])[] {
  return lists.reduce<readonly (readonly string[])[]>(
    (found, list) => found.flatMap((before) => list.map((one) => [...before, one])),
    [[]],
  );
}
