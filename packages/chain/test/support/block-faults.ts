import { concatBytes, parseHex } from '@bitcoin-enterprise/core';
import { parseBlock, parseTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { buildBlock, inputOf, pushOf, spend } from './block-workshop.ts';
import { type CoinName, type FaultScene, p2trLeaf, p2wsh } from './fault-scene.ts';

/** A block with one thing wrong, and Core's reason to refuse it. */
export interface BlockFault {
  readonly name: string;
  readonly reason: string;
  readonly block: (scene: FaultScene) => Uint8Array;
  /** What the node of the tests (Debian's bitcoin-knots) answers where it is not what Bitcoin Core does. */
  readonly knotsAnswers?: string;
}

const SCRIPT = 'block-script-verify-flag-failed';
const OP_TRUE_WITNESS = [Uint8Array.of(0x51)];

const withTransactions = (make: (scene: FaultScene) => readonly Transaction[]) => (scene: FaultScene) =>
  buildBlock(scene.chain, { transactions: make(scene) });

const spends = (name: CoinName, input: Parameters<typeof inputOf>[1] = {}, fields: Parameters<typeof spend>[1] = {}) =>
  withTransactions(({ coin }) => [spend([inputOf(coin(name), input)], fields)]);

const scriptFault = (
  name: string,
  text: string,
  coin: CoinName,
  input: Parameters<typeof inputOf>[1] = {},
  fields: Parameters<typeof spend>[1] = {},
): BlockFault => ({ name, reason: `${SCRIPT} (${text})`, block: spends(coin, input, fields) });

const tapLeaf = (script: Uint8Array, ...stack: readonly Uint8Array[]) => ({
  witness: [...stack, script, p2trLeaf(script).controlBlock],
});

const headerFaults: readonly BlockFault[] = [
  { name: 'a hash above the target', reason: 'high-hash', block: ({ chain }) => buildBlock(chain, { miss: true }) },
  ...[
    ['a target above the limit', 0x2100_ffff],
    ['a negative target', 0x20ff_ffff],
    ['a target of zero', 0x2000_0000],
  ].map(([name, bits]) => ({
    name: name as string,
    reason: 'high-hash',
    block: ({ chain }: FaultScene) => buildBlock(chain, { header: (header) => ({ ...header, bits: bits as number }) }),
  })),
  {
    name: 'a harder target than asked for',
    reason: 'bad-diffbits',
    block: ({ chain }) => buildBlock(chain, { header: (header) => ({ ...header, bits: 0x207f_fffe }) }),
  },
  {
    name: 'the median time itself',
    reason: 'time-too-old',
    block: ({ chain }) => buildBlock(chain, { header: (header) => ({ ...header, time: chain.tip.medianTime }) }),
  },
  {
    name: 'a time more than two hours ahead',
    reason: 'time-too-new',
    block: ({ chain }) =>
      buildBlock(chain, { header: (header) => ({ ...header, time: chain.tip.time + 600 + 7_201 }) }),
  },
  ...[3, 2, 1, 0, -1].map((version) => ({
    name: `version ${version}`,
    reason: `bad-version(0x${(version >>> 0).toString(16).padStart(8, '0')})`,
    block: ({ chain }: FaultScene) => buildBlock(chain, { header: (header) => ({ ...header, version }) }),
    // It takes the sign bit for the mark of another header format.
    ...(version < 0 ? { knotsAnswers: 'submitblock: Block decode failed (-22)' } : {}),
  })),
  {
    name: 'a parent that nobody knows',
    reason: 'prev-blk-not-found',
    block: ({ chain }) =>
      buildBlock(chain, { header: (header) => ({ ...header, previousBlockHash: new Uint8Array(32).fill(7) }) }),
  },
];

const structureFaults: readonly BlockFault[] = [
  {
    name: 'a wrong Merkle root',
    reason: 'bad-txnmrklroot',
    block: ({ chain }) => buildBlock(chain, { header: (header) => ({ ...header, merkleRoot: new Uint8Array(32) }) }),
  },
  {
    name: 'a repeated last transaction with the same Merkle root (CVE-2012-2459)',
    reason: 'bad-txns-duplicate',
    block: ({ chain, coin }) =>
      buildBlock(chain, {
        transactions: [spend([inputOf(coin('anyone'))]), spend([inputOf(coin('checksig'))])],
        afterMerkle: (all) => [...all, all[2] as Transaction],
      }),
  },
  {
    name: 'more than a million bytes without witness',
    reason: 'bad-blk-length',
    block: spends('anyone', {}, { outputs: [{ value: 1n, scriptPubKey: new Uint8Array(1_000_000) }] }),
  },
  {
    name: 'no transaction at all',
    reason: 'bad-blk-length',
    block: ({ chain }) =>
      buildBlock(chain, {
        header: (header) => ({ ...header, merkleRoot: new Uint8Array(32) }),
        afterMerkle: () => [],
      }),
  },
  {
    name: 'no coinbase',
    reason: 'bad-cb-missing',
    block: ({ chain, coin }) => buildBlock(chain, { coinbase: () => spend([inputOf(coin('anyone'))]) }),
  },
  {
    name: 'a second coinbase',
    reason: 'bad-cb-multiple',
    block: withTransactions(({ chain }) => [
      parseBlock(buildBlock(chain, { coinbase: (tx) => ({ ...tx, lockTime: 0 }) })).transactions[0] as Transaction,
    ]),
  },
  {
    name: 'a coinbase script of one byte',
    reason: 'bad-cb-length',
    block: ({ chain }) => buildBlock(chain, { coinbase: withScriptSig(Uint8Array.of(0x51)) }),
  },
  {
    name: 'a coinbase script of 101 bytes',
    reason: 'bad-cb-length',
    block: ({ chain }) =>
      buildBlock(chain, { coinbase: withScriptSig(concatBytes(pushOf(chain.height + 1), new Uint8Array(99))) }),
  },
  {
    name: 'a transaction without outputs',
    reason: 'bad-txns-vout-empty',
    block: spends('anyone', {}, { outputs: [] }),
  },
  { name: 'a negative output', reason: 'bad-txns-vout-negative', block: spends('anyone', {}, { value: -1n }) },
  {
    name: 'an output above 21 million bitcoin',
    reason: 'bad-txns-vout-toolarge',
    block: spends('anyone', {}, { value: 2_100_000_000_000_001n }),
  },
  {
    name: 'outputs above 21 million bitcoin together',
    reason: 'bad-txns-txouttotal-toolarge',
    block: spends(
      'anyone',
      {},
      {
        outputs: [2_100_000_000_000_000n, 1n].map((value) => ({ value, scriptPubKey: parseHex('51') })),
      },
    ),
  },
  {
    name: 'an input twice in one transaction',
    reason: 'bad-txns-inputs-duplicate',
    block: withTransactions(({ coin }) => [spend([inputOf(coin('anyone')), inputOf(coin('anyone'))])]),
  },
  {
    name: 'a null outpoint beside another',
    reason: 'bad-txns-prevout-null',
    block: withTransactions(({ coin }) => [
      spend([inputOf(coin('anyone')), inputOf({ txid: new Uint8Array(32), index: 0xffff_ffff })]),
    ]),
  },
  {
    name: '20,001 signature operations outside any witness',
    reason: 'bad-blk-sigops',
    block: spends('anyone', {}, { outputs: [{ value: 1n, scriptPubKey: new Uint8Array(20_001).fill(0xac) }] }),
  },
  {
    name: '1,001 bare multisigs, twenty operations each',
    reason: 'bad-blk-sigops',
    block: spends('anyone', {}, { outputs: [{ value: 1n, scriptPubKey: new Uint8Array(1_001).fill(0xae) }] }),
  },
];

const contextFaults: readonly BlockFault[] = [
  {
    name: 'a lock time at the height of the block',
    reason: 'bad-txns-nonfinal',
    block: (scene) => spends('anyone', { sequence: 0 }, { lockTime: scene.chain.height + 1 })(scene),
  },
  {
    name: 'a lock time at the median time (BIP113)',
    reason: 'bad-txns-nonfinal',
    block: (scene) => spends('anyone', { sequence: 0 }, { lockTime: scene.chain.tip.medianTime })(scene),
  },
  {
    name: 'a coinbase of another height (BIP34)',
    reason: 'bad-cb-height',
    block: ({ chain }) =>
      buildBlock(chain, { coinbase: withScriptSig(concatBytes(pushOf(chain.height), parseHex('0400000000'))) }),
  },
  {
    name: 'a height in a longer push (BIP34)',
    reason: 'bad-cb-height',
    block: ({ chain }) => buildBlock(chain, { coinbase: withScriptSig(Uint8Array.of(2, chain.height + 1, 0)) }),
  },
  {
    name: 'a reserved value of 31 bytes (BIP141)',
    reason: 'bad-witness-nonce-size',
    block: ({ chain }) => buildBlock(chain, { coinbase: withWitness([new Uint8Array(31)]) }),
  },
  {
    name: 'two reserved values (BIP141)',
    reason: 'bad-witness-nonce-size',
    block: ({ chain }) => buildBlock(chain, { coinbase: withWitness([new Uint8Array(32), new Uint8Array(32)]) }),
  },
  {
    name: 'another witness commitment (BIP141)',
    reason: 'bad-witness-merkle-match',
    block: ({ chain }) => buildBlock(chain, { commitment: 'wrong' }),
  },
  {
    name: 'a witness without a commitment (BIP141)',
    reason: 'unexpected-witness',
    block: ({ chain, matureReward }) =>
      buildBlock(chain, {
        commitment: 'none',
        transactions: [spend([inputOf(matureReward, { witness: OP_TRUE_WITNESS })])],
      }),
  },
  {
    name: 'more than four million weight units',
    reason: 'bad-blk-weight',
    block: spends('unknownWitness', { witness: [new Uint8Array(3_999_900)] }),
  },
];

const coinFaults: readonly BlockFault[] = [
  {
    name: 'an output that never was',
    reason: 'bad-txns-inputs-missingorspent',
    block: withTransactions(() => [spend([inputOf({ txid: new Uint8Array(32).fill(9), index: 0 })])]),
  },
  {
    name: 'an index beyond the outputs',
    reason: 'bad-txns-inputs-missingorspent',
    block: withTransactions(({ coin }) => [spend([inputOf({ txid: coin('anyone').txid, index: 999 })])]),
  },
  {
    name: 'a coin spent twice in the block',
    reason: 'bad-txns-inputs-missingorspent',
    block: withTransactions(({ coin }) => [
      spend([inputOf(coin('anyone'))]),
      spend([inputOf(coin('anyone'))], { value: 2_000n }),
    ]),
  },
  {
    name: 'a child before its parent',
    reason: 'bad-txns-inputs-missingorspent',
    block: withTransactions(({ coin }) => {
      const parent = spend([inputOf(coin('anyone'))]);
      return [spend([inputOf({ txid: transactionId(parent), index: 0 })], { value: 900n }), parent];
    }),
  },
  {
    name: 'an OP_RETURN output',
    reason: 'bad-txns-inputs-missingorspent',
    block: withTransactions(({ maker }) => {
      const tx = parseTransaction(maker);
      return [spend([inputOf({ txid: transactionId(tx), index: tx.outputs.length - 1 })], { value: 0n })];
    }),
  },
  {
    name: 'a block reward before its time',
    reason: 'bad-txns-premature-spend-of-coinbase',
    block: withTransactions(({ youngReward }) => [spend([inputOf(youngReward, { witness: OP_TRUE_WITNESS })])]),
  },
  {
    name: 'more out than in',
    reason: 'bad-txns-in-belowout',
    block: spends('anyone', {}, { value: 100_001n }),
  },
  {
    name: 'a relative lock of ten blocks (BIP68)',
    reason: 'bad-txns-nonfinal',
    block: spends('anyone', { sequence: 10 }),
  },
  {
    name: 'a relative lock of 512 times 20 seconds (BIP68)',
    reason: 'bad-txns-nonfinal',
    block: spends('anyone', { sequence: 0x0040_0000 | 20 }),
  },
  {
    name: 'a satoshi too much for the miner',
    reason: 'bad-cb-amount',
    block: ({ chain }) => buildBlock(chain, { reward: 5_000_000_001n }),
  },
  {
    name: 'a transaction there is already (BIP30)',
    reason: 'bad-txns-BIP30',
    block: withTransactions(({ maker }) => [parseTransaction(maker)]),
  },
  {
    name: 'too many signature operations in redeem scripts (BIP16)',
    reason: 'bad-blk-sigops',
    block: withTransactions(({ coin, redeem }) => {
      const scriptSig = concatBytes(parseHex('4d0802'), redeem.sigops);
      return [spend([inputOf(coin('p2shSigopsA'), { scriptSig }), inputOf(coin('p2shSigopsB'), { scriptSig })])];
    }),
  },
  {
    name: 'too many signature operations in a witness script (BIP141)',
    reason: 'bad-blk-sigops',
    block: (scene) => spends('p2wshSigops', { witness: [scene.redeem.witnessSigops] })(scene),
  },
];

const EVAL_FALSE = 'Script evaluated without error but finished with a false/empty top stack element';
const signature = new Uint8Array(64).fill(1);

const scriptFaults: readonly BlockFault[] = [
  scriptFault('a script that ends false', EVAL_FALSE, 'never'),
  scriptFault('OP_RETURN', 'OP_RETURN was encountered', 'returns'),
  scriptFault('a disabled opcode', 'Attempted to use a disabled opcode', 'disabled'),
  scriptFault('OP_VERIFY of zero', 'Script failed an OP_VERIFY operation', 'verifyFails'),
  scriptFault('OP_IF without end', 'Invalid OP_IF construction', 'unbalanced'),
  scriptFault('a signature that is not DER (BIP66)', 'Non-canonical DER signature', 'checksig', {
    scriptSig: parseHex('02dead'),
  }),
  scriptFault('an empty signature', EVAL_FALSE, 'checksig', { scriptSig: parseHex('00') }),
  scriptFault('an empty stack', 'Operation not valid with the current stack size', 'checksig'),
  scriptFault('a dummy that is not zero (BIP147)', 'Dummy CHECKMULTISIG argument must be zero', 'checkMultisig', {
    scriptSig: parseHex('5100'),
  }),
  scriptFault('a lock time not reached (BIP65)', 'Locktime requirement not satisfied', 'cltvHeight', { sequence: 0 }),
  scriptFault('a negative lock time (BIP65)', 'Negative locktime', 'cltvNegative'),
  scriptFault('a relative lock not carried (BIP112)', 'Locktime requirement not satisfied', 'csvTen'),
  scriptFault('a redeem script that ends false (BIP16)', EVAL_FALSE, 'p2shNever', { scriptSig: parseHex('0100') }),
  scriptFault('a redeem script from an operation (BIP16)', 'Only push operators allowed in signatures', 'p2shNever', {
    scriptSig: parseHex('610100'),
  }),
  scriptFault('another redeem script', EVAL_FALSE, 'p2shNever', { scriptSig: parseHex('0151') }),
  scriptFault('a witness script that ends false (BIP141)', EVAL_FALSE, 'p2wshNever', { witness: [parseHex('00')] }),
  scriptFault('another witness script', 'Witness program hash mismatch', 'p2wshNever', { witness: [parseHex('51')] }),
  scriptFault('no witness', 'Witness program was passed an empty witness', 'p2wshNever'),
  scriptFault('a scriptSig beside a witness', 'Witness requires empty scriptSig', 'p2wshNever', {
    scriptSig: parseHex('51'),
    witness: [parseHex('00')],
  }),
  {
    name: 'more than the redeem script before a nested witness',
    reason: `${SCRIPT} (Witness requires only-redeemscript scriptSig)`,
    block: (scene) => {
      const program = p2wsh(scene.redeem.witnessNever);
      const scriptSig = concatBytes(parseHex('51'), Uint8Array.of(program.length), program);
      return spends('p2shWitness', { scriptSig, witness: [scene.redeem.witnessNever] })(scene);
    },
  },
  scriptFault('a program of ten bytes', 'Witness program has incorrect length', 'witnessWrongLength', {
    witness: [parseHex('51')],
  }),
  scriptFault('one item for a key hash', 'Witness program hash mismatch', 'witnessPubkeyHash', {
    witness: [parseHex('51')],
  }),
  scriptFault('a witness for a script without', 'Witness provided for non-witness script', 'anyone', {
    witness: [parseHex('51')],
  }),
  scriptFault('no witness for a Taproot key', 'Witness program was passed an empty witness', 'taprootKey'),
  scriptFault('a wrong Schnorr signature (BIP340)', 'Invalid Schnorr signature', 'taprootKey', {
    witness: [signature],
  }),
  scriptFault('a Schnorr signature of 63 bytes', 'Invalid Schnorr signature size', 'taprootKey', {
    witness: [signature.subarray(1)],
  }),
  scriptFault('an undefined sighash type (BIP341)', 'Invalid Schnorr signature hash type', 'taprootKey', {
    witness: [concatBytes(signature, Uint8Array.of(0x04))],
  }),
  scriptFault('a control block of 32 bytes', 'Invalid Taproot control block size', 'taprootKey', {
    witness: [parseHex('51'), new Uint8Array(32)],
  }),
  scriptFault('a leaf that is not in the tree', 'Witness program hash mismatch', 'tapNever', tapLeaf(parseHex('51'))),
  scriptFault('a tapscript that ends false', EVAL_FALSE, 'tapNever', tapLeaf(parseHex('00'))),
  scriptFault(
    'a condition of 2 (BIP342)',
    'OP_IF/NOTIF argument must be minimal in tapscript',
    'tapMinimalIf',
    tapLeaf(parseHex('635168'), Uint8Array.of(2)),
  ),
  scriptFault(
    'a CHECKMULTISIG in tapscript (BIP342)',
    'OP_CHECKMULTISIG(VERIFY) is not available in tapscript',
    'tapMultisig',
    tapLeaf(parseHex('ae')),
  ),
];

/** Every fault, each with the reason that Bitcoin Core gives. */
export const blockFaults: readonly BlockFault[] = [
  ...headerFaults,
  ...structureFaults,
  ...contextFaults,
  ...coinFaults,
  ...scriptFaults,
];

function withScriptSig(scriptSig: Uint8Array): (tx: Transaction) => Transaction {
  return (tx) => ({ ...tx, inputs: tx.inputs.map((input) => ({ ...input, scriptSig })) });
}

function withWitness(witness: readonly Uint8Array[]): (tx: Transaction) => Transaction {
  return (tx) => ({ ...tx, inputs: tx.inputs.map((input) => ({ ...input, witness })) });
}
