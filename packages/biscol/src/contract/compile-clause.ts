import { compilePolicy, printPolicy } from '@bitcoin-enterprise/descriptors';
import type { Clause, ClauseKey } from './clauses.ts';

/** One leaf of a clause: a miniscript whose keys are written `k0`, `k1`…, and how likely it is within the clause. */
export interface ClauseLeaf {
  readonly miniscript: string;
  readonly probability: number;
}

/** Keys of a state by the names that they have in its scripts. */
export class KeyNames {
  readonly #names = new Map<string, string>();

  /** The name of a key, `musig(k0,k1)` of an aggregate. */
  nameOf({ key, participants }: ClauseKey): string {
    if (participants !== undefined) return `musig(${participants.map((one) => this.nameOf(one)).join(',')})`;
    const known = this.#names.get(key);
    if (known !== undefined) return known;
    const name = `k${this.#names.size}`;
    this.#names.set(key, name);
    return name;
  }

  /** A miniscript or key with the keys in the place of names. */
  write(text: string): string {
    const keys = [...this.#names.keys()];
    return text.replaceAll(/\bk(\d+)\b/g, (_, place: string) => keys[Number(place)] as string);
  }
}

/** Clauses that were compiled, by their text; instances of one contract have nearly all of them in common. */
const compiled = new Map<string, readonly ClauseLeaf[]>();
const MOST_KEPT = 2_000;

/**
 * The leaves of a clause: the cheapest without IF, each spendable under every relay policy.
 *
 * @throws DescriptorsError of `compilePolicy` for a clause that nobody needs to sign, or that can never be fulfilled.
 */
export function compileClause(clause: Clause, names: KeyNames): readonly ClauseLeaf[] {
  const hashes: Uint8Array[] = [];
  // Hashes do not matter for what is cheapest: with stand-ins of the same length clauses of many instances are one.
  const text = printPolicy(withStandIns(clause, hashes), (key) => names.nameOf(key));
  let leaves = compiled.get(text);
  if (leaves === undefined) {
    leaves = leavesOf(text);
    if (compiled.size >= MOST_KEPT) compiled.clear();
    compiled.set(text, leaves);
  }
  return leaves.map(({ miniscript, probability }) => ({ miniscript: withHashes(miniscript, hashes), probability }));
}

function leavesOf(policy: string): readonly ClauseLeaf[] {
  const { paths } = compilePolicy(policy, { context: 'tr', ifFree: true, musig: 'none' });
  return paths.map(({ kind, text, probability }) => ({
    miniscript: kind === 'key' ? `pk(${text})` : text,
    probability,
  }));
}

function withStandIns(clause: Clause, hashes: Uint8Array[]): Clause {
  if ('hash' in clause) {
    hashes.push(clause.hash);
    return { ...clause, hash: standIn(hashes.length - 1, clause.hash.length) };
  }
  return 'subs' in clause ? { ...clause, subs: clause.subs.map((sub) => withStandIns(sub, hashes)) } : clause;
}

/** Bytes that say which hash they stand for. */
function standIn(place: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length).fill(0xee);
  new DataView(bytes.buffer).setUint32(0, place);
  return bytes;
}

function withHashes(miniscript: string, hashes: readonly Uint8Array[]): string {
  return miniscript.replaceAll(/\b([\da-f]{8})(?:ee){16,28}\b/g, (_, place: string) =>
    Array.from(hashes[Number.parseInt(place, 16)] as Uint8Array, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  );
}
