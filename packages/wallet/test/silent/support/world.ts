import { currentCrypto } from '@bitcoin-enterprise/core';
import { taprootOutput, UNSPENDABLE_INTERNAL_KEY } from '@bitcoin-enterprise/script';
import type { Random } from '../../../../../scripts/testing/random.ts';
import { SecretBytes } from '../../../src/keys/secret-bytes.ts';
import type { SilentInput, SilentKeys, SilentSenderInput } from '../../../src/silent/index.ts';

/** A kind of input. */
export type Kind = 'p2pkh' | 'p2pkh-malleated' | 'p2sh-p2wpkh' | 'p2wpkh' | 'p2tr' | 'p2tr-tweaked' | 'nums' | 'p2wsh';

export const KINDS: readonly Kind[] = [
  'p2pkh',
  'p2pkh-malleated',
  'p2sh-p2wpkh',
  'p2wpkh',
  'p2tr',
  'p2tr-tweaked',
  'nums',
  'p2wsh',
];

/** An input as the sender and as the receiver see it. */
export interface BothSides {
  readonly kind: Kind;
  readonly secret: Uint8Array;
  readonly sent: SilentSenderInput;
  readonly seen: SilentInput;
}

const NOTHING = new Uint8Array();
const SIGNATURE = new Uint8Array(64).fill(3);

/** An input of a kind that spends something random. */
export function makeInput(kind: Kind, random: Random): BothSides {
  const crypto = currentCrypto();
  const secret = random.bytes(32);
  const publicKey = crypto.publicKey(secret) as Uint8Array;
  const hash = crypto.hash160(publicKey);
  const outpoint = { previousTxid: random.bytes(32), previousIndex: random.below(4) };
  const make = (
    scriptPubKey: Uint8Array,
    spend: { readonly scriptSig?: Uint8Array; readonly witness?: readonly Uint8Array[] },
    key: Uint8Array | undefined = secret,
  ): BothSides => ({
    kind,
    secret,
    sent: {
      ...outpoint,
      scriptPubKey,
      ...(key === undefined ? { takesPart: false } : { secretKey: new SecretBytes(key) }),
    },
    seen: { ...outpoint, scriptPubKey, scriptSig: NOTHING, witness: [], ...spend },
  });
  const witness = [SIGNATURE, publicKey];
  switch (kind) {
    case 'p2pkh':
    case 'p2pkh-malleated': {
      const script = Uint8Array.of(0x76, 0xa9, 20, ...hash, 0x88, 0xac);
      const extra = kind === 'p2pkh' ? [] : [2, 0x52, 0x53, 0x75];
      return make(script, {
        scriptSig: Uint8Array.of(...extra, 64, ...SIGNATURE, 33, ...publicKey, ...(kind === 'p2pkh' ? [] : [0x61])),
      });
    }
    case 'p2sh-p2wpkh': {
      const redeem = Uint8Array.of(0, 20, ...hash);
      return make(Uint8Array.of(0xa9, 20, ...crypto.hash160(redeem), 0x87), {
        scriptSig: Uint8Array.of(22, ...redeem),
        witness,
      });
    }
    case 'p2wpkh':
      return make(Uint8Array.of(0, 20, ...hash), { witness });
    case 'p2tr':
      return make(Uint8Array.of(0x51, 32, ...publicKey.subarray(1)), { witness: [SIGNATURE] });
    case 'p2tr-tweaked': {
      const tree = { script: Uint8Array.of(0x51) };
      const { scriptPubKey, leaves, tweak } = taprootOutput({ internalKey: publicKey.subarray(1), tree });
      const isEven = publicKey[0] === 2;
      const base = isEven ? secret : (crypto.secretKeyNegate(secret) as Uint8Array);
      const key = crypto.secretKeyTweakAdd(base, tweak) as Uint8Array;
      const leaf = leaves[0] as (typeof leaves)[0];
      const annex = random.chance(0.5) ? [Uint8Array.of(0x50, 1)] : [];
      return make(scriptPubKey, { witness: [leaf.script, leaf.controlBlock, ...annex] }, key);
    }
    case 'nums': {
      const { scriptPubKey, leaves } = taprootOutput({
        internalKey: UNSPENDABLE_INTERNAL_KEY,
        tree: { script: Uint8Array.of(0x51) },
      });
      const leaf = leaves[0] as (typeof leaves)[0];
      return {
        ...make(scriptPubKey, { witness: [leaf.script, leaf.controlBlock] }),
        sent: { ...outpoint, scriptPubKey, takesPart: false },
      };
    }
    case 'p2wsh': {
      const script = Uint8Array.of(0x51);
      const scriptPubKey = Uint8Array.of(0, 32, ...crypto.sha256(script));
      return { ...make(scriptPubKey, { witness: [script] }), sent: { ...outpoint, scriptPubKey } };
    }
  }
}

/** Whether a kind takes part in the sum of keys. */
export function takesPart(kind: Kind): boolean {
  return kind !== 'nums' && kind !== 'p2wsh';
}

/** Keys of a receiver. */
export function makeReceiver(random: Random): SilentKeys {
  const spend = random.bytes(32);
  return {
    scanKey: new SecretBytes(random.bytes(32)),
    spendKey: new SecretBytes(spend),
    spendPublicKey: currentCrypto().publicKey(spend) as Uint8Array,
  };
}
