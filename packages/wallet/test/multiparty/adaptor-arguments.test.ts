import { currentCrypto, loadCrypto, SuiteError } from '@bitcoin-enterprise/core';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  aggregateMusigPresignature,
  completeEcdsa,
  completeSchnorr,
  createMusigSession,
  extractEcdsaSecret,
  extractSchnorrSecret,
  presignEcdsa,
  presignSchnorr,
  presignSchnorrMany,
  SecretBytes,
  verifyEcdsaPresignature,
  verifySchnorrPresignature,
  verifySchnorrPresignatures,
} from '../../src/multiparty/index.ts';

beforeAll(async () => {
  await loadCrypto();
});

type Anything = (...given: readonly never[]) => unknown;

const calls: ReadonlyArray<readonly [string, Anything]> = Object.entries({
  aggregateMusigPresignature,
  completeEcdsa,
  completeSchnorr,
  createMusigSession,
  extractEcdsaSecret,
  extractSchnorrSecret,
  presignEcdsa,
  presignSchnorr,
  presignSchnorrMany,
  verifyEcdsaPresignature,
  verifySchnorrPresignature,
  verifySchnorrPresignatures,
});

/** Everything that an argument or a field may be and must not. */
function nonsense(): readonly unknown[] {
  const thing = {
    get bytes(): never {
      throw new Error('uncoded');
    },
  };
  return [
    undefined, null, 0, -1, Number.NaN, 1n, '', 'text', true, [], [null], {}, Symbol('x'), () => 1,
    new Uint8Array(0), new Uint8Array(31), new Uint8Array(32), new Uint8Array(33), new Uint8Array(64),
    new Uint8Array(65).fill(0xff), new Uint8Array(162).fill(0xff), new SecretBytes(new Uint8Array(32)),
    new SecretBytes(new Uint8Array(5)), new Map(), thing,
  ]; // prettier-ignore
}

function codedOrValue(call: () => unknown): void {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(SuiteError);
    expect((error as SuiteError).code).toMatch(/^(?:WALLET|CORE)_/);
  }
}

describe('whatever they are given, adaptor signatures say so with a code', () => {
  it.for(calls)('%s', ([, call]) => {
    const key = new Uint8Array(32).fill(3);
    const point = currentCrypto().publicKey(key) as Uint8Array;
    const good: Readonly<Record<string, unknown>> = {
      secretKey: new SecretBytes(key),
      message: key,
      messageHash: key,
      adaptorPoint: point,
      publicKey: point,
      xOnlyPublicKey: point.subarray(1),
      secret: key,
      signature: new Uint8Array(64).fill(1),
      presignature: presignSchnorr({ secretKey: new SecretBytes(key), message: key, adaptorPoint: point }),
      aggregateNonce: new Uint8Array(66),
      items: [{ message: key, adaptorPoint: point }],
    };
    const firsts = [...nonsense(), good, [good], good['presignature']];
    for (const first of firsts)
      for (const second of [...nonsense(), good]) codedOrValue(() => call(first as never, second as never));
    for (const name of Object.keys(good))
      for (const value of nonsense())
        for (const first of [{ ...good, [name]: value }, [{ ...good, [name]: value }], good['presignature']])
          codedOrValue(() => call(first as never, { ...good, [name]: value } as never));
  });
});
