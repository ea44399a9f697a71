import { currentCrypto, equalBytes, parseHex, toHex } from '@bitcoin-enterprise/core';
import { describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../../scripts/testing/vectors.ts';
import {
  aggregateMusigKeys,
  aggregateMusigNonces,
  aggregateMusigSignatures,
  createMusigNonce,
  createMusigSession,
  type MusigKeys,
  SecretBytes,
  signMusig,
  signMusigDeterministically,
  sortMusigKeys,
  tweakMusigKeys,
  verifyMusigPartial,
} from '../../src/multiparty/index.ts';

interface Fault {
  readonly type: 'invalid_contribution' | 'value';
  readonly signer?: number | null;
  readonly contrib?: string;
  readonly message?: string;
}

interface Case {
  readonly key_indices: readonly number[];
  readonly nonce_indices: readonly number[];
  readonly pnonce_indices: readonly number[];
  readonly tweak_indices?: readonly number[];
  readonly psig_indices: readonly number[];
  readonly tweaks: readonly string[];
  readonly is_xonly: readonly boolean[];
  readonly msg_index: number;
  readonly signer_index: number;
  readonly secnonce_index: number;
  readonly aggnonce_index: number;
  readonly aggnonce: string;
  readonly aggothernonce: string;
  readonly rand: string | null;
  readonly sig: string;
  readonly expected: string;
  readonly error: Fault;
  readonly comment?: string;
}

interface Vectors {
  readonly sk: string;
  readonly pubkeys: readonly string[];
  readonly sorted_pubkeys: readonly string[];
  readonly pnonces: readonly string[];
  readonly secnonce: string;
  readonly secnonces: readonly string[];
  readonly aggnonce: string;
  readonly aggnonces: readonly string[];
  readonly tweaks: readonly string[];
  readonly psigs: readonly string[];
  readonly msg: string;
  readonly msgs: readonly string[];
  readonly valid_test_cases: readonly Case[];
  readonly error_test_cases: readonly Case[];
  readonly sign_error_test_cases: readonly Case[];
  readonly verify_fail_test_cases: readonly Case[];
  readonly verify_error_test_cases: readonly Case[];
}

interface NonceCase {
  readonly rand_: string;
  readonly sk: string | null;
  readonly pk: string;
  readonly aggpk: string | null;
  readonly msg: string | null;
  readonly extra_in: string | null;
  readonly expected_secnonce: string;
  readonly expected_pubnonce: string;
}

const read = (name: string): Vectors | undefined => readJsonVectors<Vectors>(`bips/bip-0327/${name}_vectors.json`);
const upper = (bytes: Uint8Array): string => toHex(bytes).toUpperCase();
const at = (list: readonly string[], indexes: readonly number[]): readonly Uint8Array[] =>
  indexes.map((index) => parseHex(list[index] as string));
const secret = (hex: string): SecretBytes => new SecretBytes(parseHex(hex));

function keysOf(vectors: Vectors, case_: Case, tweaks: readonly string[] = vectors.tweaks): MusigKeys {
  const indexes = case_.tweak_indices ?? [];
  return tweakMusigKeys(
    aggregateMusigKeys(at(vectors.pubkeys, case_.key_indices)),
    indexes.map((index, place) => ({
      tweak: parseHex(tweaks[index] as string),
      kind: case_.is_xonly[place] === true ? 'x-only' : 'plain',
    })),
  );
}

/** What an error of the vectors is here. */
function codeOf({ type, signer, contrib, message = '' }: Fault): object {
  if (type === 'invalid_contribution') {
    const kinds: Readonly<Record<string, string>> = {
      pubkey: 'public key',
      pubnonce: 'public nonce',
      aggnonce: 'aggregate nonce',
      aggothernonce: 'aggregate nonce',
      psig: 'partial signature',
    };
    const kind = kinds[contrib ?? ''];
    const details = typeof signer === 'number' ? { signer, kind } : { kind };
    return { code: 'WALLET_CONTRIBUTION_INVALID', details };
  }
  if (message.includes('must be included')) return { code: 'WALLET_KEY_UNKNOWN' };
  if (message.includes('secnonce')) return { code: 'WALLET_NONCE_SPENT' };
  return { code: 'WALLET_INVALID_ARGUMENT', details: { argument: 'tweak' } };
}

function errorOf(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  return undefined;
}

const sorting = read('key_sort');
const aggregation = read('key_agg');
const nonceAggregation = read('nonce_agg');
const signing = read('sign_verify');
const tweaking = read('tweak');
const signatureAggregation = read('sig_agg');
const deterministic = read('det_sign');
const nonceGeneration = readJsonVectors<{ readonly test_cases: readonly NonceCase[] }>(
  'bips/bip-0327/nonce_gen_vectors.json',
);

describe.skipIf(sorting === undefined)('the vectors of BIP327', () => {
  it('sort keys', () => {
    const { pubkeys, sorted_pubkeys: sorted } = sorting as Vectors;

    expect(sortMusigKeys(pubkeys.map((key) => parseHex(key))).map(upper)).toEqual(sorted);
  });

  it.for(aggregation?.valid_test_cases ?? [])('aggregate keys to $expected', (case_) => {
    expect(upper(keysOf(aggregation as Vectors, case_).xOnlyPublicKey)).toBe(case_.expected);
  });

  it.for(aggregation?.error_test_cases ?? [])('refuse keys: $comment', (case_) => {
    expect(errorOf(() => keysOf(aggregation as Vectors, case_))).toMatchObject(codeOf(case_.error));
  });

  it.for(nonceGeneration?.test_cases ?? [])('make the nonce $expected_pubnonce', (case_) => {
    const { rand_: random, sk, pk, aggpk, msg, extra_in: extra } = case_;
    const { publicNonce, secretNonce } = createMusigNonce({
      publicKey: parseHex(pk),
      ...(sk === null ? {} : { secretKey: secret(sk) }),
      ...(aggpk === null ? {} : { xOnlyPublicKey: parseHex(aggpk) }),
      ...(msg === null ? {} : { message: parseHex(msg) }),
      ...(extra === null ? {} : { extra: parseHex(extra) }),
      entropy: { bytes: () => parseHex(random) },
    });

    expect(upper(publicNonce)).toBe(case_.expected_pubnonce);
    expect(secretNonce.use(upper)).toBe(case_.expected_secnonce);
  });

  it.for(nonceAggregation?.valid_test_cases ?? [])('aggregate nonces to $expected', (case_) => {
    expect(upper(aggregateMusigNonces(at((nonceAggregation as Vectors).pnonces, case_.pnonce_indices)))).toBe(
      case_.expected,
    );
  });

  it.for(nonceAggregation?.error_test_cases ?? [])('refuse nonces: $comment', (case_) => {
    const { pnonces } = nonceAggregation as Vectors;

    expect(errorOf(() => aggregateMusigNonces(at(pnonces, case_.pnonce_indices)))).toMatchObject(codeOf(case_.error));
  });

  it.for(signing?.valid_test_cases ?? [])('sign and verify $expected', (case_) => {
    const vectors = signing as Vectors;
    const nonces = at(vectors.pnonces, case_.nonce_indices);
    const aggregateNonce = aggregateMusigNonces(nonces);
    expect(upper(aggregateNonce)).toBe(vectors.aggnonces[case_.aggnonce_index]);
    const message = parseHex(vectors.msgs[case_.msg_index] as string);
    const session = createMusigSession(keysOf(vectors, case_), { aggregateNonce, message });
    const signature = signMusig(session, {
      secretKey: secret(vectors.sk),
      secretNonce: secret(vectors.secnonces[0] as string),
    });

    expect(upper(signature)).toBe(case_.expected);
    const { signer_index: signer } = case_;
    expect(verifyMusigPartial(session, { signer, publicNonce: nonces[signer] as Uint8Array, signature })).toBe(true);
  });

  it.for(signing?.sign_error_test_cases ?? [])('refuse to sign: $comment', (case_) => {
    const vectors = signing as Vectors;
    const error = errorOf(() => {
      const session = createMusigSession(keysOf(vectors, case_), {
        aggregateNonce: parseHex(vectors.aggnonces[case_.aggnonce_index] as string),
        message: parseHex(vectors.msgs[case_.msg_index] as string),
      });
      return signMusig(session, {
        secretKey: secret(vectors.sk),
        secretNonce: secret(vectors.secnonces[case_.secnonce_index] as string),
      });
    });

    expect(error).toMatchObject(codeOf(case_.error));
  });

  const verified = (case_: Case): boolean => {
    const vectors = signing as Vectors;
    const nonces = at(vectors.pnonces, case_.nonce_indices);
    const session = createMusigSession(keysOf(vectors, case_), {
      aggregateNonce: aggregateMusigNonces(nonces),
      message: parseHex(vectors.msgs[case_.msg_index] as string),
    });
    const { signer_index: signer, sig } = case_;
    return verifyMusigPartial(session, {
      signer,
      publicNonce: nonces[signer] as Uint8Array,
      signature: parseHex(sig),
    });
  };

  it.for(signing?.verify_fail_test_cases ?? [])('do not verify: $comment', (case_) => {
    expect(verified(case_)).toBe(false);
  });

  it.for(signing?.verify_error_test_cases ?? [])('blame a verified signer: $comment', (case_) => {
    expect(errorOf(() => verified(case_))).toMatchObject(codeOf(case_.error));
  });

  it.for(tweaking?.valid_test_cases ?? [])('tweak: $comment', (case_) => {
    const vectors = tweaking as Vectors;
    const nonces = at(vectors.pnonces, case_.nonce_indices);
    const aggregateNonce = aggregateMusigNonces(nonces);
    expect(upper(aggregateNonce)).toBe(vectors.aggnonce);
    const session = createMusigSession(keysOf(vectors, case_), { aggregateNonce, message: parseHex(vectors.msg) });
    const signature = signMusig(session, { secretKey: secret(vectors.sk), secretNonce: secret(vectors.secnonce) });

    expect(upper(signature)).toBe(case_.expected);
    const { signer_index: signer } = case_;
    expect(verifyMusigPartial(session, { signer, publicNonce: nonces[signer] as Uint8Array, signature })).toBe(true);
  });

  it.for(tweaking?.error_test_cases ?? [])('refuse a tweak: $comment', (case_) => {
    expect(errorOf(() => keysOf(tweaking as Vectors, case_))).toMatchObject(codeOf(case_.error));
  });

  it.for(signatureAggregation?.valid_test_cases ?? [])('aggregate signatures to $expected', (case_) => {
    const vectors = signatureAggregation as Vectors;
    const aggregateNonce = aggregateMusigNonces(at(vectors.pnonces, case_.nonce_indices));
    expect(upper(aggregateNonce)).toBe(case_.aggnonce);
    const keys = keysOf(vectors, case_);
    const message = parseHex(vectors.msg);
    const session = createMusigSession(keys, { aggregateNonce, message });
    const signature = aggregateMusigSignatures(session, at(vectors.psigs, case_.psig_indices));

    expect(upper(signature)).toBe(case_.expected);
    expect(currentCrypto().schnorrVerify(signature, message, keys.xOnlyPublicKey)).toBe(true);
  });

  it.for(signatureAggregation?.error_test_cases ?? [])('refuse to aggregate: $comment', (case_) => {
    const vectors = signatureAggregation as Vectors;
    const session = createMusigSession(keysOf(vectors, case_), {
      aggregateNonce: parseHex(case_.aggnonce),
      message: parseHex(vectors.msg),
    });
    const error = errorOf(() => aggregateMusigSignatures(session, at(vectors.psigs, case_.psig_indices)));

    expect(error).toMatchObject(codeOf(case_.error));
  });

  const deterministically = (case_: Case): ReturnType<typeof signMusigDeterministically> => {
    const vectors = deterministic as Vectors;
    const keys = keysOf(vectors, { ...case_, tweak_indices: case_.tweaks.map((_, place) => place) }, case_.tweaks);
    return signMusigDeterministically(keys, {
      secretKey: secret(vectors.sk),
      aggregateOtherNonce: parseHex(case_.aggothernonce),
      message: parseHex(vectors.msgs[case_.msg_index] as string),
      ...(case_.rand === null ? {} : { random: parseHex(case_.rand) }),
    });
  };

  it.for(deterministic?.valid_test_cases ?? [])('sign deterministically to $expected', (case_) => {
    const { publicNonce, signature } = deterministically(case_);

    expect([upper(publicNonce), upper(signature)]).toEqual(case_.expected);
    const keys = (deterministic as Vectors).pubkeys;
    const first = at(keys, case_.key_indices)[case_.signer_index] as Uint8Array;
    expect(equalBytes(first, parseHex(keys[0] as string))).toBe(true);
  });

  it.for(deterministic?.error_test_cases ?? [])('refuse to sign deterministically: $comment', (case_) => {
    expect(errorOf(() => deterministically(case_))).toMatchObject(codeOf(case_.error));
  });
});
