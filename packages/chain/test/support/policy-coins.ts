/** Coins of every kind that a mempool looks at in its own way, each with the ways to spend it well and badly. */
import { concatBytes, currentCrypto, parseHex } from '@bitcoin-enterprise/core';
import { assemble } from '@bitcoin-enterprise/script';
import type { Random } from '../../../../scripts/testing/random.ts';
import { p2sh, p2trLeaf, p2wsh } from './fault-scene.ts';

/** What satisfies an input, or is meant not to. */
export interface Satisfaction {
  readonly note: string;
  readonly scriptSig?: Uint8Array;
  readonly witness?: readonly Uint8Array[];
}

/** A kind of coin. */
export interface CoinKind {
  readonly name: string;
  readonly scriptPubKey: Uint8Array;
  /** How it may be spent; the first way is right under every policy, where there is one. */
  readonly spends: readonly Satisfaction[];
}

const crypto = currentCrypto();
const fill = (length: number, byte = 1): Uint8Array => new Uint8Array(length).fill(byte);
const push = (...items: readonly Uint8Array[]): Uint8Array => assemble(items);

const key = crypto.publicKey(fill(32, 7)) as Uint8Array;
const dropTrue = parseHex('7551');
const longScript = concatBytes(...Array.from({ length: 7 }, () => concatBytes(push(fill(513)), Uint8Array.of(0x75))));
const wshSigops = (count: number): Uint8Array => concatBytes(parseHex('0063'), fill(count, 0xae), parseHex('6851'));

function wsh(
  name: string,
  script: Uint8Array,
  spends: readonly (readonly [string, readonly Uint8Array[]])[],
): CoinKind {
  return {
    name,
    scriptPubKey: p2wsh(script),
    spends: spends.map(([note, items]) => ({ note, witness: [...items, script] })),
  };
}

function tap(
  name: string,
  script: Uint8Array,
  spends: readonly (readonly [string, readonly Uint8Array[], Uint8Array?])[],
): CoinKind {
  const { scriptPubKey, controlBlock } = p2trLeaf(script);
  return {
    name,
    scriptPubKey,
    spends: spends.map(([note, items, annex]) => ({
      note,
      witness: [...items, script, controlBlock, ...(annex === undefined ? [] : [annex])],
    })),
  };
}

function wrapped(name: string, redeemScript: Uint8Array, spends: readonly Satisfaction[]): CoinKind {
  return { name, scriptPubKey: p2sh(redeemScript), spends };
}

const shTrue = parseHex('51');
const shNop10 = parseHex('b951');
const shSigops = concatBytes(parseHex('0063'), fill(16, 0xac), parseHex('6851'));
const shWitness = p2wsh(shTrue);

/** A coin that anybody can spend and that is standard everywhere: most of a run is made of these. */
export const plainKinds: readonly CoinKind[] = [
  wsh('wsh', parseHex('51'), [['right', []]]),
  tap('tr', parseHex('51'), [['right', []]]),
  wsh('wsh drop', dropTrue, [['right', [fill(20)]]]),
];

/** The odd ones. */
export const oddKinds: readonly CoinKind[] = [
  wsh('wsh fails', parseHex('00'), [['false', []]]),
  wsh('wsh unclean', parseHex('5151'), [['unclean', []]]),
  wsh('wsh if', parseHex('6351675168'), [
    ['minimal', [fill(1)]],
    ['not minimal', [fill(1, 2)]],
  ]),
  wsh('wsh item', dropTrue, [
    ['item of 80', [fill(80)]],
    ['item of 81', [fill(81)]],
  ]),
  wsh('wsh items', concatBytes(fill(101, 0x75), Uint8Array.of(0x51)), [
    ['101 items', Array.from({ length: 101 }, () => fill(1))],
  ]),
  wsh('wsh 100 items', concatBytes(fill(100, 0x75), Uint8Array.of(0x51)), [
    ['100 items', Array.from({ length: 100 }, () => fill(1))],
  ]),
  wsh('wsh long', concatBytes(longScript, Uint8Array.of(0x51)), [['script above 3,600', []]]),
  wsh('wsh sigops', wshSigops(30), [['30 multisigs', []]]),
  wsh('wsh many sigops', wshSigops(190), [['190 multisigs', []]]),
  tap('tr item', dropTrue, [
    ['item of 80', [fill(80)]],
    ['item of 81', [fill(81)]],
    ['annex', [fill(3)], Uint8Array.of(0x50, 1)],
  ]),
  tap('tr success', Uint8Array.of(0x50), [['OP_SUCCESS', []]]),
  tap('tr if', parseHex('6351675168'), [
    ['minimal', [fill(1)]],
    ['not minimal', [fill(1, 2)]],
  ]),
  {
    name: 'tr odd leaf',
    scriptPubKey: plainKinds[1]?.scriptPubKey as Uint8Array,
    spends: [{ note: 'empty control block', witness: [parseHex('51'), new Uint8Array()] }],
  },
  {
    name: 'anchor',
    scriptPubKey: parseHex('51024e73'),
    spends: [
      { note: 'right' },
      { note: 'stuffed', witness: [fill(1)] },
      { note: 'scriptSig', scriptSig: parseHex('51') },
    ],
  },
  { name: 'witness v2', scriptPubKey: parseHex(`5220${'ab'.repeat(32)}`), spends: [{ note: 'unknown version' }] },
  { name: 'witness v1 short', scriptPubKey: parseHex('5102abcd'), spends: [{ note: 'unknown length' }] },
  { name: 'bare true', scriptPubKey: parseHex('51'), spends: [{ note: 'no form' }] },
  wrapped('sh', shTrue, [
    { note: 'right', scriptSig: push(shTrue) },
    { note: 'extra push', scriptSig: push(fill(1, 3), shTrue) },
    { note: 'no push', scriptSig: concatBytes(Uint8Array.of(0x61), push(shTrue)) },
    { note: 'not minimal', scriptSig: Uint8Array.of(0x4c, 1, 0x51) },
    { note: 'empty' },
    { note: 'long', scriptSig: concatBytes(...Array.from({ length: 4 }, () => push(fill(500))), push(shTrue)) },
    { note: 'witness', scriptSig: push(shTrue), witness: [fill(1)] },
  ]),
  wrapped('sh nop10', shNop10, [{ note: 'discouraged', scriptSig: push(shNop10) }]),
  wrapped('sh sigops', shSigops, [{ note: '16 sigops', scriptSig: push(shSigops) }]),
  wrapped('sh wsh', shWitness, [
    { note: 'right', scriptSig: push(shWitness), witness: [shTrue] },
    { note: 'stripped', scriptSig: push(shWitness) },
  ]),
  {
    name: 'bare multisig',
    scriptPubKey: assemble([1, key, 1, 'OP_CHECKMULTISIG']),
    spends: [{ note: 'no signature', scriptSig: parseHex('0000') }],
  },
  {
    name: 'pkh',
    scriptPubKey: concatBytes(parseHex('76a914'), crypto.hash160(key), parseHex('88ac')),
    spends: [{ note: 'bad signature', scriptSig: push(fill(9, 0x30), key) }],
  },
  {
    name: 'wpkh',
    scriptPubKey: concatBytes(parseHex('0014'), crypto.hash160(key)),
    spends: [{ note: 'no witness' }, { note: 'bad signature', witness: [fill(70, 0x30), key] }],
  },
];

/** Scripts of outputs, standard and not. */
export function outputScript(random: Random): Uint8Array {
  const keys = (count: number): Uint8Array =>
    assemble([1, ...Array.from({ length: count }, () => key), count, 'OP_CHECKMULTISIG']);
  const data = (length: number): Uint8Array => assemble(['OP_RETURN', fill(length)]);
  const scripts: readonly (() => Uint8Array)[] = [
    () => parseHex(`0014${'11'.repeat(20)}`),
    () => parseHex(`76a914${'11'.repeat(20)}88ac`),
    () => p2sh(shTrue),
    () => parseHex('512079be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798'),
    () => parseHex('51024e73'),
    () => data(random.pick([0, 1, 40, 79, 80, 81, 82, 200])),
    () => parseHex('6a'),
    () => keys(random.pick([1, 2, 3])),
    () => keys(4),
    () => assemble([key, 'OP_CHECKSIG']),
    () => parseHex('51'),
    () => concatBytes(Uint8Array.of(0x51 + random.below(16), 2 + random.below(2)), fill(2 + 0)),
    () => parseHex('6002abcd'),
    () => concatBytes(Uint8Array.of(0x6a), Uint8Array.of(0x76)),
  ];
  return random.pick(scripts)();
}
