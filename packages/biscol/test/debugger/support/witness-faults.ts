import { currentCrypto, parseHex } from '@bitcoin-enterprise/core';
import { verifyInput, consensusFlags, type Transaction } from '@bitcoin-enterprise/script';
import type { Cause, Diagnosis } from '@bitcoin-enterprise/biscol/debugger';
import { keyOf, secretOf } from '../../support/people.ts';
import { behind, type Faulty, type FaultKind, type Right, withWitness, witnessOf } from './fault.ts';

/** A fault of a leaf: script and control block are apart. */
function ofLeaf(
  inject: (
    right: Right,
    of: { readonly items: readonly Uint8Array[]; readonly script: Uint8Array; readonly block: Uint8Array },
  ) => readonly Uint8Array[] | undefined,
  expected: Cause,
  details: Partial<Diagnosis> = {},
): FaultKind['inject'] {
  return (right) => {
    if (behind(right) === 0) return undefined;
    const witness = witnessOf(right);
    const [script, block] = witness.slice(-2) as [Uint8Array, Uint8Array];
    const changed = inject(right, { items: witness.slice(0, -2), script, block });
    return changed === undefined ? undefined : { tx: withWitness(right, changed), expected, details };
  };
}

function others(
  right: Right,
  script: Uint8Array,
): readonly { readonly script: Uint8Array; readonly controlBlock: Uint8Array }[] {
  const leaves = right.plan.inputs[right.inputIndex]?.output.taproot.leaves ?? [];
  return leaves.filter((leaf) => Buffer.compare(leaf.script, script) !== 0);
}

const changedByte = (bytes: Uint8Array, at: number, mask: number): Uint8Array =>
  bytes.map((byte, place) => (place === at ? byte ^ mask : byte));

/** A fault of a secret. */
function ofSecret(
  change: (secret: Uint8Array, right: Right) => Uint8Array | undefined,
  expected: Cause,
): FaultKind['inject'] {
  return (right): Faulty | undefined => {
    const [secret] = right.plan.preimages;
    if (secret === undefined || behind(right) === 0) return undefined;
    const witness = witnessOf(right);
    const place = witness.findIndex((item) => Buffer.compare(item, secret) === 0);
    const changed = place === -1 ? undefined : change(secret, right);
    if (changed === undefined) return undefined;
    const hash = right.plan.inputs[right.inputIndex]?.plan.items.find((item) => item.kind === 'preimage');
    const preimages =
      hash?.kind === 'preimage'
        ? [{ hashFunction: hash.hashFunction, hash: Buffer.from(hash.hash).toString('hex') }]
        : [];
    return {
      tx: withWitness(
        right,
        witness.map((item, at) => (at === place ? changed : item)),
      ),
      expected,
      details: { missing: { keys: [], preimages } },
    };
  };
}

function isValid({ plan, inputIndex }: Right, tx: Transaction): boolean {
  return verifyInput({
    tx,
    inputIndex,
    spentOutputs: plan.spentOutputs,
    flags: [...consensusFlags, 'CHECKTEMPLATEVERIFY'],
  }).ok;
}

/** The witness does not hold what it has to, where it has to. */
export const witnessFaults: readonly FaultKind[] = [
  {
    name: 'two items in each other’s place',
    inject: (right) => {
      const witness = witnessOf(right);
      const count = witness.length - behind(right);
      for (let one = 0; one < count; one++)
        for (let other = one + 1; other < count; other++) {
          const swapped = witness.map((_, at) => witness[at === one ? other : at === other ? one : at] as Uint8Array);
          const tx = withWitness(right, swapped);
          if (!isValid(right, tx)) return { tx, expected: 'wrong-order' };
        }
      return undefined;
    },
  },
  {
    name: 'items from top to bottom',
    inject: ofLeaf(({ plan, ...right }, { items, script, block }) => {
      const reversed = [...items.toReversed(), script, block];
      const isOther = items.length > 1 && !isValid({ plan, ...right }, withWitness({ plan, ...right }, reversed));
      return isOther ? reversed : undefined;
    }, 'wrong-order'),
  },
  {
    name: 'script and control block in each other’s place',
    inject: ofLeaf((_, { items, script, block }) => [...items, block, script], 'wrong-order'),
  },
  {
    name: 'script and control block before the items',
    inject: ofLeaf(
      (_, { items, script, block }) => (items.length === 1 ? [script, ...items, block] : undefined),
      'wrong-order',
    ),
  },
  {
    name: 'an empty item too many at the bottom',
    inject: (right) => ({
      tx: withWitness(right, [new Uint8Array(0), ...witnessOf(right)]),
      expected: 'extra-witness-item',
    }),
  },
  {
    name: 'an item too many on top',
    inject: (right) => {
      const witness = witnessOf(right);
      const at = witness.length - behind(right);
      const changed = [...witness.slice(0, at), Uint8Array.of(1), ...witness.slice(at)];
      return { tx: withWitness(right, changed), expected: 'extra-witness-item' };
    },
  },
  {
    name: 'an element too many behind everything',
    inject: (right) => ({
      tx: withWitness(right, [...witnessOf(right), Uint8Array.of(2)]),
      expected: 'extra-witness-item',
    }),
  },
  {
    name: 'a signature twice',
    inject: (right) => {
      const [first, ...rest] = witnessOf(right);
      return first === undefined
        ? undefined
        : { tx: withWitness(right, [first, first, ...rest]), expected: 'extra-witness-item' };
    },
  },
  {
    name: 'an item left out',
    inject: (right) => {
      const witness = witnessOf(right);
      const at = right.dice.below(Math.max(1, witness.length - behind(right)));
      return {
        tx: withWitness(
          right,
          witness.filter((_, place) => place !== at),
        ),
        expected: 'missing-witness-item',
      };
    },
  },
  { name: 'no witness', inject: (right) => ({ tx: withWitness(right, []), expected: 'missing-witness-item' }) },
  { name: 'no control block', inject: ofLeaf((_, { items, script }) => [...items, script], 'missing-witness-item') },
  { name: 'no script', inject: ofLeaf((_, { items, block }) => [...items, block], 'missing-witness-item') },
  { name: 'neither script nor control block', inject: ofLeaf((_, { items }) => items, 'missing-witness-item') },
  {
    name: 'another leaf revealed',
    inject: ofLeaf((right, { items, script }) => {
      const list = others(right, script);
      const other = list[right.dice.below(Math.max(1, list.length))];
      return other === undefined ? undefined : [...items, other.script, other.controlBlock];
    }, 'wrong-leaf'),
  },
  {
    name: 'a script that is none of the output',
    inject: ofLeaf(
      (_, { items, script, block }) => [...items, changedByte(script, script.length - 2, 1), block],
      'wrong-leaf',
    ),
  },
  {
    name: 'the control block of another leaf',
    inject: ofLeaf((right, { items, script }) => {
      const [other] = others(right, script);
      return other === undefined ? undefined : [...items, script, other.controlBlock];
    }, 'wrong-control-block'),
  },
  {
    name: 'the wrong parity',
    inject: ofLeaf(
      (_, { items, script, block }) => [...items, script, changedByte(block, 0, 1)],
      'wrong-control-block',
    ),
  },
  {
    name: 'another leaf version',
    inject: ofLeaf(
      (_, { items, script, block }) => [...items, script, changedByte(block, 0, 2)],
      'wrong-control-block',
    ),
  },
  {
    name: 'a bit flipped in the path',
    inject: ofLeaf(
      ({ dice }, { items, script, block }) =>
        block.length < 65 ? undefined : [...items, script, changedByte(block, 33 + dice.below(32), 1 << dice.below(8))],
      'wrong-control-block',
    ),
  },
  {
    name: 'a step of the path too few',
    inject: ofLeaf(
      (_, { items, script, block }) => (block.length < 65 ? undefined : [...items, script, block.subarray(0, -32)]),
      'wrong-control-block',
    ),
  },
  {
    name: 'a step of the path too many',
    inject: ofLeaf(
      (_, { items, script, block }) => [...items, script, Uint8Array.of(...block, ...new Uint8Array(32).fill(9))],
      'wrong-control-block',
    ),
  },
  {
    name: 'a control block cut short',
    inject: ofLeaf((_, { items, script, block }) => [...items, script, block.subarray(0, -1)], 'wrong-control-block'),
  },
  {
    name: 'another internal key',
    inject: ofLeaf(
      (_, { items, script, block }) => [
        ...items,
        script,
        Uint8Array.of(block[0] as number, ...parseHex(keyOf(88)).subarray(1), ...block.subarray(33)),
      ],
      'wrong-internal-key',
    ),
  },
  { name: 'another secret', inject: ofSecret(() => secretOf(123), 'wrong-preimage') },
  {
    name: 'the hash in the place of its secret',
    inject: ofSecret((secret) => currentCrypto().sha256(secret), 'wrong-preimage'),
  },
  { name: 'a secret cut short', inject: ofSecret((secret) => secret.subarray(0, 31), 'preimage-size') },
  { name: 'a secret with a byte more', inject: ofSecret((secret) => Uint8Array.of(...secret, 0), 'preimage-size') },
  { name: 'no secret in its place', inject: ofSecret(() => new Uint8Array(0), 'missing-preimage') },
];
