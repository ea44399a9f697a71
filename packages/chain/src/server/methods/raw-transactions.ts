import { decodeAddress, toHex } from '@bitcoin-enterprise/core';
import {
  assemble,
  isCoinbase,
  isOpSuccess,
  outputTypeOf,
  ScriptReader,
  serializeTransaction,
  type Transaction,
  type TransactionInput,
  type TransactionView,
} from '@bitcoin-enterprise/script';
import {
  decodeTransaction,
  hashJson,
  invalidParameter,
  readAmount,
  readHash,
  readHex,
  readInt,
  readVerbosity,
  typeError,
} from '../arguments.ts';
import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { withChecksum } from '../descriptor-checksum.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';
import { addressOf, inferredDescriptor, scriptPubKeyJson } from '../script-json.ts';
import { scriptAsm } from '../asm.ts';
import { combineTransactions, signWithKeys } from '../sign.ts';
import { spentInBlock, transactionJson } from '../transaction-json.ts';

const OP_CHECKSIGADD = 0xba;
const SEQUENCE_FINAL = 0xffff_ffff;
const SEQUENCE_REPLACEABLE = 0xffff_fffd;

/** The methods that make, read and sign transactions. */
export const rawTransactionMethods: RpcCategory<RegtestNode> = {
  title: 'Rawtransactions',
  methods: [
    method('getrawtransaction', 'txid:str verbosity|verbose:any? blockhash:str?', rawTransaction),
    method(
      'createrawtransaction',
      'inputs:arr outputs:any locktime:num? replaceable:bool? version:num?',
      (_, [inputs, outputs, lockTime, replaceable, version]) =>
        toHex(
          serializeTransaction(
            construct({
              version: readInt(version, { absent: 2, range: 'uint' }),
              inputs: inputs as readonly unknown[],
              outputs,
              lockTime: readInt(lockTime, { absent: 0, range: 'long' }),
              replaceable: replaceable as boolean | undefined,
            }),
          ),
        ),
    ),
    method('decoderawtransaction', 'hexstring:str iswitness:bool?', (_, [hex, witness]) => {
      try {
        return transactionJson(
          decodeTransaction(hex as string, witness === undefined ? {} : { witness: witness === true }),
        );
      } catch {
        throw new RpcError(RpcCode.DESERIALIZATION, 'TX decode failed');
      }
    }),
    method('decodescript', 'hexstring:str', (node, [hex]) =>
      decodeScript(node, hex === '' ? new Uint8Array(0) : readHex(hex, 'argument')),
    ),
    method('combinerawtransaction', 'txs:arr', (node, [list]) => {
      const txs = (list as readonly unknown[]).map((hex, i) => {
        if (typeof hex !== 'string') throw typeError(hex, 'string');
        try {
          return decodeTransaction(hex);
        } catch {
          throw new RpcError(
            RpcCode.DESERIALIZATION,
            `TX decode failed for tx ${i}. Make sure the tx has at least one input.`,
          );
        }
      });
      const [first] = txs;
      if (first === undefined) throw new RpcError(RpcCode.DESERIALIZATION, 'Missing transactions');
      return toHex(serializeTransaction(combineTransactions(node, txs)));
    }),
    method(
      'signrawtransactionwithkey',
      'hexstring:str privkeys:arr prevtxs:arr? sighashtype:str?',
      (node, [hex, keys, previous = [], type]) => {
        let tx: TransactionView;
        try {
          tx = decodeTransaction(hex as string);
        } catch {
          throw new RpcError(RpcCode.DESERIALIZATION, 'TX decode failed. Make sure the tx has at least one input.');
        }
        return signWithKeys(node, tx, {
          keys: keys as readonly unknown[],
          previous: previous as readonly unknown[],
          sighashType: type as string | undefined,
        });
      },
    ),
  ],
};

function rawTransaction(node: RegtestNode, [id, asked, blockhash]: readonly unknown[]): unknown {
  const txid = readHash(id, 'parameter 1');
  const verbosity = readVerbosity(asked, 0);
  const genesis = node.tip.ancestor(0).transactions[0] as TransactionView;
  if (hashJson(genesis.id()) === hashJson(txid))
    throw new RpcError(
      RpcCode.NOT_FOUND,
      'The genesis block coinbase is not considered an ordinary transaction and cannot be retrieved',
    );
  const block = blockhash === undefined ? undefined : node.state.nodes.get(readHash(blockhash, 'parameter 3'));
  if (blockhash !== undefined && block === undefined) throw new RpcError(RpcCode.NOT_FOUND, 'Block hash not found');
  const inBlock = block?.transactions.find((candidate) => hashJson(candidate.id()) === hashJson(txid));
  const found =
    block === undefined ? node.find(txid) : inBlock === undefined ? undefined : { tx: inBlock, node: block };
  const known = found?.node !== undefined && blockhash === undefined && !node.hasTxIndex ? undefined : found;
  if (known === undefined) {
    const message =
      blockhash !== undefined
        ? 'No such transaction found in the provided block'
        : node.hasTxIndex
          ? 'No such mempool or blockchain transaction'
          : 'No such mempool transaction. Use -txindex or provide a block hash to enable blockchain transaction queries';
    throw new RpcError(RpcCode.NOT_FOUND, `${message}. Use gettransaction for wallet transactions.`);
  }
  const { tx, node: at } = known;
  if (verbosity <= 0) return toHex(tx.bytes);
  const spent = at === undefined ? undefined : spentInBlock(at)[at.transactions.indexOf(tx)];
  const withSpent = verbosity >= 2 && spent !== undefined && !isCoinbase(tx);
  return {
    ...(blockhash === undefined ? {} : { in_active_chain: at?.isOn(node.tip) ?? false }),
    ...transactionJson(tx, { hex: true, ...(withSpent ? { spent, previousOutputs: true } : {}) }),
    ...(at === undefined
      ? {}
      : {
          blockhash: hashJson(at.hash),
          ...(at.isOn(node.tip)
            ? { confirmations: node.tip.height - at.height + 1, time: at.header.time, blocktime: at.header.time }
            : { confirmations: 0 }),
        }),
  };
}

interface Construction {
  readonly inputs: readonly unknown[];
  readonly outputs: unknown;
  readonly lockTime: number;
  readonly replaceable: boolean | undefined;
  readonly version: number;
}

function construct({ inputs, outputs, lockTime, replaceable, version }: Construction): Transaction {
  if (lockTime < 0 || lockTime > 0xffff_ffff) throw invalidParameter('Invalid parameter, locktime out of range');
  if (version < 1 || version > 3) throw invalidParameter('Invalid parameter, version out of range(1~3)');
  const defaultSequence =
    (replaceable ?? true) ? SEQUENCE_REPLACEABLE : lockTime !== 0 ? SEQUENCE_FINAL - 1 : SEQUENCE_FINAL;
  const list = inputs.map((input) => readInput(input, defaultSequence));
  if (replaceable === true && list.length > 0 && list.every(({ sequence }) => sequence > SEQUENCE_REPLACEABLE))
    throw invalidParameter('Invalid parameter combination: Sequence number(s) contradict replaceable option');
  return { version, inputs: list, outputs: readOutputs(outputs), lockTime };
}

function readInput(input: unknown, defaultSequence: number): TransactionInput {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) throw typeError(input, 'object');
  const { txid, vout, sequence } = input as Readonly<Record<string, unknown>>;
  const previousTxid = readHash(txid, 'txid');
  if (typeof vout !== 'number') throw invalidParameter('Invalid parameter, missing vout key');
  const previousIndex = readInt(vout);
  if (previousIndex < 0) throw invalidParameter('Invalid parameter, vout cannot be negative');
  if (typeof sequence === 'number' && (sequence < 0 || sequence > SEQUENCE_FINAL))
    throw invalidParameter('Invalid parameter, sequence number is out of range');
  return {
    previousTxid,
    previousIndex,
    scriptSig: new Uint8Array(0),
    sequence: typeof sequence === 'number' ? sequence : defaultSequence,
    witness: [],
  };
}

function readOutputs(given: unknown): Transaction['outputs'] {
  if (given === undefined || given === null)
    throw invalidParameter('Invalid parameter, output argument must be non-null');
  if (typeof given !== 'object') throw typeError(given, 'array');
  const pairs = Array.isArray(given)
    ? given.flatMap((pair: unknown) => {
        if (typeof pair !== 'object' || pair === null || Array.isArray(pair))
          throw invalidParameter('Invalid parameter, key-value pair not an object as expected');
        const entries = Object.entries(pair);
        if (entries.length !== 1)
          throw invalidParameter('Invalid parameter, key-value pair must contain exactly one key');
        return entries;
      })
    : Object.entries(given);
  const seen = new Set<string>();
  return pairs.map(([name, value]: [string, unknown]) => {
    if (name === 'data') {
      if (seen.has(name)) throw invalidParameter('Invalid parameter, duplicate key: data');
      seen.add(name);
      return {
        value: 0n,
        scriptPubKey: assemble(['OP_RETURN', readHex(typeof value === 'number' ? String(value) : value, 'Data')]),
      };
    }
    let scriptPubKey: Uint8Array;
    const amount = readAmount(value);
    try {
      ({ scriptPubKey } = decodeAddress(name, 'regtest'));
    } catch {
      throw new RpcError(RpcCode.NOT_FOUND, `Invalid Bitcoin address: ${name}`);
    }
    if (seen.has(toHex(scriptPubKey))) throw invalidParameter(`Invalid parameter, duplicated address: ${name}`);
    seen.add(toHex(scriptPubKey));
    return { value: amount, scriptPubKey };
  });
}

function decodeScript(node: RegtestNode, script: Uint8Array): object {
  const { crypto } = node.tools;
  const type = outputTypeOf(script);
  const shown = { ...scriptPubKeyJson(script, { hex: false }) };
  if (['scripthash', 'nulldata', 'witness_v1_taproot', 'witness_unknown', 'anchor'].includes(type)) return shown;
  if (type.startsWith('witness_v0')) {
    const wrapped = assemble(['OP_HASH160', crypto.hash160(script), 'OP_EQUAL']);
    return { ...shown, p2sh: addressOf(wrapped) };
  }
  if (!isWrappable(script)) return shown;
  const p2sh = assemble(['OP_HASH160', crypto.hash160(script), 'OP_EQUAL']);
  const segwit =
    type === 'pubkey' && script.length === 35
      ? assemble(['OP_0', crypto.hash160(script.subarray(1, 34))])
      : type === 'pubkeyhash'
        ? assemble(['OP_0', script.subarray(3, 23)])
        : assemble(['OP_0', crypto.sha256(script)]);
  const hasUncompressed = /41(?=[0-9a-f]{130})/.test(toHex(script)) && (type === 'pubkey' || type === 'multisig');
  return {
    ...shown,
    p2sh: addressOf(p2sh),
    ...(hasUncompressed
      ? {}
      : {
          segwit: {
            asm: scriptAsm(segwit),
            desc: segwitDescriptor(script, segwit),
            hex: toHex(segwit),
            address: addressOf(segwit),
            type: outputTypeOf(segwit),
            'p2sh-segwit': addressOf(assemble(['OP_HASH160', crypto.hash160(segwit), 'OP_EQUAL'])),
          },
        }),
  };
}

/** What a hash of a script is known to stand for, where the script itself has a descriptor. */
function segwitDescriptor(script: Uint8Array, segwit: Uint8Array): string {
  if (outputTypeOf(segwit) !== 'witness_v0_scripthash' || outputTypeOf(script) !== 'multisig')
    return inferredDescriptor(segwit);
  return withChecksum(`wsh(${inferredDescriptor(script).replace(/#.*$/, '')})`);
}

/** Whether a script may stand behind a hash: it has valid opcodes, none that only tapscripts have, and can be spent. */
function isWrappable(script: Uint8Array): boolean {
  const reader = new ScriptReader(script);
  while (reader.position < script.length)
    if (!reader.next() || reader.opcode === OP_CHECKSIGADD || isOpSuccess(reader.opcode)) return false;
  return (
    script[0] !== 0x6a &&
    !scriptAsm(script).includes('[error]') &&
    !/OP_UNKNOWN|OP_INVALIDOPCODE/.test(scriptAsm(script))
  );
}
