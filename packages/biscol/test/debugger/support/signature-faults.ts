import { concatBytes, parseHex } from '@bitcoin-enterprise/core';
import { covenantRequest, type SigningRequest } from '@bitcoin-enterprise/biscol';
import { policyProfiles, Sighasher, type Transaction } from '@bitcoin-enterprise/script';
import type { Cause, Diagnosis } from '@bitcoin-enterprise/biscol/debugger';
import { keyOf, ringOf } from '../../support/people.ts';
import {
  behind,
  type Faulty,
  type FaultKind,
  isSignature,
  personWith,
  type Right,
  signDigest,
  singleRequests,
  withSignature,
  withWitness,
  witnessOf,
} from './fault.ts';

const STRANGER = 77;

/** A fault of one signature that somebody makes alone. */
function ofOne(inject: (right: Right, asked: SigningRequest) => Faulty | undefined): FaultKind['inject'] {
  return (right) => {
    const requests = singleRequests(right).filter(({ key }) => personWith(key.publicKey) !== undefined);
    const asked = requests[right.dice.below(Math.max(1, requests.length))];
    return asked === undefined ? undefined : inject(right, asked);
  };
}

/** A fault of whatever signature the witness holds. */
function ofAny(
  change: (signature: Uint8Array, right: Right) => Uint8Array | undefined,
  expected: Cause,
  details: Partial<Diagnosis> = {},
): FaultKind['inject'] {
  return (right) => {
    const own = [...right.signatures.values()];
    const witness = witnessOf(right);
    const places = witness.flatMap((item, at) => (own.some((one) => isSignature(item, one)) ? [at] : []));
    const place = places[right.dice.below(Math.max(1, places.length))];
    if (place === undefined) return undefined;
    const changed = change(witness[place] as Uint8Array, right);
    if (changed === undefined) return undefined;
    return {
      tx: withWitness(
        right,
        witness.map((item, at) => (at === place ? changed : item)),
      ),
      expected,
      details,
    };
  };
}

function hasherOf({ plan }: Right): Sighasher {
  return new Sighasher({ tx: plan.tx, spentOutputs: plan.spentOutputs });
}

/** A signature of another message of the same input. */
function ofMessage(
  what: (right: Right, asked: SigningRequest) => Parameters<Sighasher['taproot']>[1] | undefined,
  of: {
    readonly expected: Cause;
    readonly details?: Partial<Diagnosis>;
    readonly typed?: number;
    readonly witness?: (right: Right, tx: Transaction) => Transaction;
  },
): FaultKind['inject'] {
  return ofOne((right, asked) => {
    const message = what(right, asked);
    if (message === undefined) return undefined;
    const signature = signDigest(asked, hasherOf(right).taproot(right.inputIndex, message));
    if (signature === undefined) return undefined;
    const { typed = right.plan.hashType } = of;
    const full = typed === 0 ? signature : concatBytes(signature, Uint8Array.of(typed));
    return {
      tx: withSignature(right, asked, full),
      expected: of.expected,
      ...(of.details === undefined ? {} : { details: of.details }),
    };
  });
}

const leafOf = ({ leafHash }: SigningRequest): { readonly leafHash?: Uint8Array } =>
  leafHash === undefined ? {} : { leafHash };

/** A person of the contract who is not the one who has to sign. */
function otherPerson({ instance }: Right, n: number): { readonly n: number; readonly name: string } | undefined {
  for (const [name, { key }] of instance.parties) {
    const other = personWith(parseHex(key));
    if (other !== undefined && other !== n) return { n: other, name };
  }
  return undefined;
}

const withAnnex = (right: Right, tx: Transaction, annex: Uint8Array): Transaction => ({
  ...tx,
  inputs: tx.inputs.map((input, at) =>
    at === right.inputIndex ? { ...input, witness: [...input.witness, annex] } : input,
  ),
});

/** A signature is not what it has to be. */
export const signatureFaults: readonly FaultKind[] = [
  {
    name: 'signed by somebody else of the contract',
    inject: ofOne((right, asked) => {
      const n = personWith(asked.key.publicKey) as number;
      const other = otherPerson(right, n);
      if (other === undefined) return undefined;
      const publicKey = parseHex(keyOf(other.n));
      const key = asked.leafHash === undefined ? publicKey.subarray(1) : publicKey;
      const signature = ringOf(other.n).sign({ ...asked.request, key: { ...asked.request.key, publicKey: key } });
      const full = right.plan.hashType === 0 ? signature : concatBytes(signature, Uint8Array.of(right.plan.hashType));
      return { tx: withSignature(right, asked, full), expected: 'wrong-key', details: { signer: other.name } };
    }),
  },
  {
    name: 'signed by a stranger whose key is known',
    inject: ofOne((right, asked) => {
      const publicKey = parseHex(keyOf(STRANGER));
      const key = asked.leafHash === undefined ? publicKey.subarray(1) : publicKey;
      const signature = ringOf(STRANGER).sign({ ...asked.request, key: { ...asked.request.key, publicKey: key } });
      const full = right.plan.hashType === 0 ? signature : concatBytes(signature, Uint8Array.of(right.plan.hashType));
      return {
        tx: withSignature(right, asked, full),
        expected: 'wrong-key',
        details: { signer: 'stranger' },
        keys: [{ name: 'stranger', key: publicKey }],
      };
    }),
  },
  {
    name: 'signed by a stranger whom nobody knows',
    inject: ofOne((right, asked) => {
      const publicKey = parseHex(keyOf(STRANGER));
      const key = asked.leafHash === undefined ? publicKey.subarray(1) : publicKey;
      const signature = ringOf(STRANGER).sign({ ...asked.request, key: { ...asked.request.key, publicKey: key } });
      const full = right.plan.hashType === 0 ? signature : concatBytes(signature, Uint8Array.of(right.plan.hashType));
      return { tx: withSignature(right, asked, full), expected: 'wrong-signature' };
    }),
  },
  {
    name: 'signed without the tweak of the output',
    inject: ofOne((right, asked) => {
      if (asked.leafHash !== undefined) return undefined;
      const n = personWith(asked.key.publicKey) as number;
      const { digest, scheme } = asked.request;
      const signature = ringOf(n).sign({ key: asked.request.key, digest, scheme });
      return { tx: withSignature(right, asked, signature), expected: 'wrong-key' };
    }),
  },
  {
    name: 'signed alone where all have to',
    inject: (right) => {
      const { plan, inputIndex } = right;
      const [key] = plan.inputs[inputIndex]?.plan.signers ?? [];
      const one = key?.participants[0];
      const n = one === undefined ? undefined : personWith(one.publicKey);
      const way = plan.inputs[inputIndex]?.plan.way;
      if (n === undefined || way?.leaf !== undefined) return undefined;
      const digest = hasherOf(right).taproot(inputIndex, { hashType: plan.hashType });
      const publicKey = parseHex(keyOf(n)).subarray(1);
      const tweak = plan.inputs[inputIndex]?.output.taproot.tweak as Uint8Array;
      const signature = ringOf(n).sign({ key: { publicKey } as never, digest, scheme: 'schnorr', tweak });
      return { tx: withWitness(right, [signature]), expected: 'wrong-key' };
    },
  },
  {
    name: 'a bit flipped in a signature',
    inject: ofAny((signature, { dice }) => {
      const changed = new Uint8Array(signature);
      const at = dice.below(64);
      changed[at] = (changed[at] as number) ^ (1 << dice.below(8));
      return changed;
    }, 'wrong-signature'),
  },
  {
    name: 'a signature cut short',
    inject: ofAny((signature) => signature.subarray(0, 63), 'malformed-signature'),
  },
  {
    name: 'a signature with bytes behind it',
    inject: ofAny((signature) => concatBytes(signature, Uint8Array.of(1, 1)), 'malformed-signature'),
  },
  {
    name: 'no signature in its place',
    inject: ofAny(() => new Uint8Array(0), 'missing-signature'),
  },
  {
    name: 'the default hash type written out',
    inject: ofAny((signature) => concatBytes(signature.subarray(0, 64), Uint8Array.of(0)), 'wrong-sighash-type'),
  },
  {
    name: 'a hash type that there is not',
    inject: ofAny((signature) => concatBytes(signature.subarray(0, 64), Uint8Array.of(0x42)), 'wrong-sighash-type'),
  },
  {
    name: 'another hash type written than signed',
    inject: ofAny(
      (signature, { plan }) => concatBytes(signature.subarray(0, 64), Uint8Array.of(plan.hashType === 1 ? 0x81 : 1)),
      'wrong-sighash-type',
      { differs: ['sighash-type'] },
    ),
  },
  {
    name: 'another hash type signed than written',
    inject: ofMessage(({ plan }, asked) => ({ hashType: plan.hashType === 2 ? 1 : 2, ...leafOf(asked) }), {
      expected: 'wrong-sighash-type',
      details: { differs: ['sighash-type'] },
    }),
  },
  {
    name: 'signed for another leaf',
    inject: ofMessage(
      ({ plan, inputIndex }, { leafHash }) => {
        if (leafHash === undefined) return undefined;
        const other = plan.inputs[inputIndex]?.output.taproot.leaves.find(
          (leaf) => Buffer.compare(leaf.leafHash, leafHash) !== 0,
        );
        return other === undefined ? undefined : { hashType: plan.hashType, leafHash: other.leafHash };
      },
      { expected: 'signature-of-another-message', details: { differs: ['leaf-hash'] } },
    ),
  },
  {
    name: 'signed for the key path where a leaf is spent',
    inject: ofMessage(({ plan }, { leafHash }) => (leafHash === undefined ? undefined : { hashType: plan.hashType }), {
      expected: 'signature-of-another-message',
      details: { differs: ['key-path'] },
    }),
  },
  {
    name: 'signed for a leaf where the key path is spent',
    inject: ofMessage(
      ({ plan, inputIndex }, { leafHash }) => {
        const [leaf] = plan.inputs[inputIndex]?.output.taproot.leaves ?? [];
        return leafHash !== undefined || leaf === undefined
          ? undefined
          : { hashType: plan.hashType, leafHash: leaf.leafHash };
      },
      { expected: 'signature-of-another-message', details: { differs: ['key-path'] } },
    ),
  },
  {
    name: 'an annex that nobody signed',
    inject: (right) => ({
      tx: withAnnex(right, right.tx, Uint8Array.of(0x50, 1, 2)),
      expected: 'annex',
      details: { differs: ['annex'] },
    }),
  },
  {
    name: 'an annex signed and left out',
    inject: ofMessage(
      ({ plan }, asked) => ({ hashType: plan.hashType, annex: Uint8Array.of(0x50), ...leafOf(asked) }),
      {
        expected: 'annex',
        details: { differs: ['annex'] },
      },
    ),
  },
  {
    name: 'an annex that nobody relays',
    inject: (right) => {
      const requests = singleRequests(right);
      const all = [...right.signatures.keys()].filter((name) => name.startsWith(`${right.inputIndex}:`));
      const hasTemplate = right.plan.inputs[right.inputIndex]?.plan.way.template !== undefined;
      if (requests.length === 0 || all.length !== requests.length || hasTemplate) return undefined;
      if (covenantRequest(right.instance, right.plan) !== undefined) return undefined;
      const annex = Uint8Array.of(0x50, 7);
      let { tx } = right;
      for (const asked of requests) {
        const what = { hashType: right.plan.hashType, annex, ...leafOf(asked) };
        const signature = signDigest(asked, hasherOf(right).taproot(right.inputIndex, what));
        if (signature === undefined) return undefined;
        const { hashType } = right.plan;
        const full = hashType === 0 ? signature : concatBytes(signature, Uint8Array.of(hashType));
        tx = withSignature({ ...right, tx }, asked, full);
      }
      return {
        tx: withAnnex(right, tx, annex),
        expected: 'policy',
        details: { rule: 'taproot-annex' },
        profile: policyProfiles['core-31'],
      };
    },
  },
  {
    name: 'a signature of the right key and message in the place of a secret',
    inject: (right) => {
      const items = witnessOf(right).slice(0, -2);
      const secret = right.plan.preimages[0];
      if (behind(right) === 0 || secret === undefined) return undefined;
      const place = items.findIndex((item) => Buffer.compare(item, secret) === 0);
      const signature = items.find((item) => item.length === 64);
      if (place === -1 || signature === undefined) return undefined;
      return {
        tx: withWitness(
          right,
          witnessOf(right).map((item, at) => (at === place ? signature : item)),
        ),
        expected: 'preimage-size',
      };
    },
  },
];
