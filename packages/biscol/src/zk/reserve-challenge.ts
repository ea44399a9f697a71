import { currentCrypto, displayHash, toHex } from '@bitcoin-enterprise/core';
import { requireBytes, requireInteger, requireObject } from '../checks.ts';
import { requirePoint } from './commitments.ts';

/** What a proof of reserves is about: nothing of it can be reused for another day or another auditor. */
export interface ReserveChallenge {
  /** 16 to 64 bytes of the auditor, new for each proof. */
  readonly nonce: Uint8Array;
  /** The tip when it was asked for: hash in internal order. */
  readonly block: { readonly hash: Uint8Array; readonly height: number };
  /** Unix seconds. */
  readonly time: number;
  /** The commitment to the sum of what is owed, 33 bytes: see {@link createLiabilities}. */
  readonly liabilities: Uint8Array;
  /** The root of the tree of what is owed, 32 bytes, where there is one. */
  readonly liabilitiesHash?: Uint8Array;
}

/** Throws unless a value is a challenge. */
export function requireChallenge(argument: string, value: unknown): ReserveChallenge {
  const { nonce, block, time, liabilities, liabilitiesHash } = requireObject<ReserveChallenge>(argument, value);
  const { hash, height } = requireObject<ReserveChallenge['block']>(`${argument}.block`, block);
  const random = requireBytes(`${argument}.nonce`, nonce);
  requireInteger(`${argument}.nonce.length`, random.length, 16, 64);
  return {
    nonce: random,
    block: {
      hash: requireBytes(`${argument}.block.hash`, hash, 32),
      height: requireInteger(`${argument}.block.height`, height, 0, 0xffff_ffff),
    },
    time: requireInteger(`${argument}.time`, time, 0, Number.MAX_SAFE_INTEGER),
    liabilities: requirePoint(`${argument}.liabilities`, liabilities),
    ...(liabilitiesHash === undefined
      ? {}
      : { liabilitiesHash: requireBytes(`${argument}.liabilitiesHash`, liabilitiesHash, 32) }),
  };
}

/**
 * The message that the owners of the coins sign (BIP322): the whole challenge, for people to read.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function reserveMessage(challenge: ReserveChallenge): string {
  const { nonce, block, time, liabilities, liabilitiesHash } = requireChallenge('challenge', challenge);
  return [
    'Proof of reserves',
    `auditor ${toHex(nonce)}`,
    `block ${block.height} ${displayHash(block.hash)}`,
    `time ${time}`,
    `liabilities ${toHex(liabilities)}`,
    ...(liabilitiesHash === undefined ? [] : [`tree ${toHex(liabilitiesHash)}`]),
  ].join('\n');
}

/** What the proof that the coins are enough is bound to. */
export function reserveContext(challenge: ReserveChallenge): Uint8Array {
  return currentCrypto().taggedHash('biscol/zk/reserves', new TextEncoder().encode(reserveMessage(challenge)));
}
