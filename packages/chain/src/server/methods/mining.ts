import { setImmediate } from 'node:timers/promises';
import { decodeAddress, parseHex, toHex } from '@bitcoin-enterprise/core';
import { type BlockView, parseBlockHeader, type TransactionView, viewBlock } from '@bitcoin-enterprise/script';
import { checkHeaderInContext } from '../../model/block-rules.ts';
import { isInvalidated } from '../../model/chain-state.ts';
import { MAX_BLOCK_SIGOPS_COST, MAX_BLOCK_WEIGHT } from '../../model/limits.ts';
import { inOrder, type MempoolEntry, parentsOf } from '../../model/mempool.ts';
import { reachesTarget } from '../../model/proof-of-work.ts';
import { REGTEST_BITS, REGTEST_TARGET, subsidyAt } from '../../model/regtest.ts';
import type { Rejection } from '../../model/rejection.ts';
import { COMMITMENT_HEADER, witnessCommitment } from '../../model/witness-commitment.ts';
import { decodeTransaction, hashJson, invalidParameter, readHash, readInt, typeError } from '../arguments.ts';
import { difficultyOf, targetJson } from '../block-json.ts';
import { parseDescriptor } from '../descriptor.ts';
import { rejectionText } from '../rejection-text.ts';
import { amountJson } from '../json.ts';
import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';
import { blockVersionOn } from '../version-bits.ts';

/** The methods that make blocks or take them. */
export const miningMethods: RpcCategory<RegtestNode> = {
  title: 'Mining',
  methods: [
    method('generatetoaddress', 'nblocks:num address:str maxtries:num?', (node, [count, address, tries]) => {
      const script = addressScript(address as string, 'Error: Invalid address');
      return generate(node, readInt(count), script, tries);
    }),
    method('generatetodescriptor', 'num_blocks:num descriptor:str maxtries:num?', (node, [count, text, tries]) =>
      generate(node, readInt(count), descriptorScript(node, text as string), tries),
    ),
    method('generateblock', 'output:str transactions:arr submit:bool?', (node, [output, transactions, submit = true]) =>
      generateBlock(node, output as string, {
        transactions: transactions as readonly unknown[],
        submit: submit === true,
      }),
    ),
    method('getblocktemplate', 'template_request:obj', (node, [request]) => template(node, request)),
    method('submitblock', 'hexdata:str dummy:str?', (node, [hex]) => {
      const view = readBlock(hex as string);
      const before = node.tip;
      const outcome = node.submit(view);
      if ('rejection' in outcome) {
        const { reason } = outcome.rejection;
        return reason === 'duplicate-invalid' || reason === 'prev-blk-not-found'
          ? reason
          : rejectionText(outcome.rejection).reason;
      }
      if (outcome.became === 'duplicate') return 'duplicate';
      return node.tip === before && outcome.became !== 'branch'
        ? 'inconclusive'
        : outcome.became === 'branch'
          ? 'inconclusive'
          : null;
    }),
    method('submitheader', 'hexdata:str', (node, [hex]) => submitHeader(node, hex as string)),
    method('getmininginfo', '', (node) => {
      const { tip, state } = node;
      const { bits } = tip.header;
      const bitsText = bits.toString(16).padStart(8, '0');
      return {
        blocks: tip.height,
        ...(node.lastChoice === undefined
          ? {}
          : { currentblockweight: node.lastChoice.weight, currentblocktx: node.lastChoice.transactions }),
        bits: bitsText,
        difficulty: difficultyOf(bits),
        target: targetJson(bits),
        networkhashps: networkHashRate(node),
        pooledtx: state.mempool.entries.size,
        blockmintxfee: amountJson(BigInt(node.blockMinFeeRate)),
        chain: 'regtest',
        next: { height: tip.height + 1, bits: bitsText, difficulty: difficultyOf(bits), target: targetJson(bits) },
        warnings: [],
      };
    }),
    method('getnetworkhashps', 'nblocks:num? height:num?', (node, [blocks, height]) =>
      networkHashRate(node, readInt(blocks, { absent: 120 }), readInt(height, { absent: -1 })),
    ),
  ],
};

/** Hashes a second over some blocks up to a height; -1 means all of them, or the tip. */
function networkHashRate({ tip }: RegtestNode, blocks = 120, height = -1): number {
  if (blocks < -1 || blocks === 0) throw invalidParameter('Invalid nblocks. Must be a positive number or -1.');
  if (height < -1 || height > tip.height) throw invalidParameter('Block does not exist at specified height');
  const last = height === -1 ? tip : tip.ancestor(height);
  // Since the last change of difficulty: regtest never has one.
  const count = Math.min(blocks === -1 ? (last.height % 2_016) + 1 : blocks, last.height);
  let [least, most] = [last.header.time, last.header.time];
  for (let i = 1; i <= count; i++) {
    const { time } = last.ancestor(last.height - i).header;
    [least, most] = [Math.min(least, time), Math.max(most, time)];
  }
  if (least === most) return 0;
  const rate = Number(last.work - last.ancestor(last.height - count).work) / (most - least);
  // Core writes sixteen digits.
  return Number(rate.toPrecision(16));
}

/** Blocks that are made in one go: meanwhile nobody else is answered. */
const BLOCKS_AT_ONCE = 100;
/** Core's default of hashes to try, and so the most blocks of a call. */
const MAX_TRIES = 1_000_000;

/** Makes blocks and lets others have their turn now and then, as Core does between any two. */
async function generate(
  node: RegtestNode,
  count: number,
  script: Uint8Array,
  tries: unknown,
): Promise<readonly string[]> {
  const most = Math.min(count, tries === undefined ? MAX_TRIES : readInt(tries, { range: 'long' }));
  const mined: string[] = [];
  while (mined.length < most) {
    if (mined.length > 0) await setImmediate();
    for (const { hash } of node.generate(Math.min(BLOCKS_AT_ONCE, most - mined.length), script))
      mined.push(hashJson(hash));
  }
  return mined;
}

/** The script of an address of regtest. */
function addressScript(address: string, failure: string): Uint8Array {
  try {
    return decodeAddress(address, 'regtest').scriptPubKey;
  } catch {
    throw new RpcError(RpcCode.NOT_FOUND, failure);
  }
}

function descriptorScript(node: RegtestNode, text: string): Uint8Array {
  const { scripts } = parseDescriptor(text, node.tools.crypto);
  // Of a combo Core mines to the witness program where there is one.
  return scripts[scripts.length === 4 ? 2 : scripts.length - 1] as Uint8Array;
}

function generateBlock(
  node: RegtestNode,
  output: string,
  options: { readonly transactions: readonly unknown[]; readonly submit: boolean },
): object {
  let script: Uint8Array;
  try {
    script = descriptorScript(node, output);
  } catch {
    script = addressScript(output, 'Error: Invalid address or descriptor');
  }
  const txs = options.transactions.map((item) => givenTransaction(node, item));
  const entries = entriesOf(node, txs);
  const outcome = node.build(entries, script);
  const answer = { hash: hashJson(outcome.node.hash) };
  if (!options.submit) return { ...answer, hex: toHex(outcome.node.view.bytes) };
  node.become(outcome.state);
  return answer;
}

function entriesOf(node: RegtestNode, txs: readonly TransactionView[]): readonly MempoolEntry[] {
  const entries = node.assemble(txs);
  if ('reason' in entries) {
    const { reason, detail } = rejectionText(blockReason(entries));
    const where = detail === undefined ? '' : `, ${detail}`;
    throw new RpcError(RpcCode.VERIFY, `TestBlockValidity failed: ${reason}${where}`);
  }
  return entries;
}

/** A transaction is refused by a block with other words than by a mempool. */
function blockReason(rejection: Rejection): Rejection {
  const { reason } = rejection;
  return reason === 'non-final' || reason === 'non-BIP68-final'
    ? { ...rejection, reason: 'bad-txns-nonfinal' }
    : rejection;
}

function givenTransaction(node: RegtestNode, item: unknown): TransactionView {
  if (typeof item !== 'string') throw typeError(item, 'string');
  if (/^[0-9a-fA-F]{64}$/.test(item)) {
    const found = node.state.mempool.entries.get(readHash(item, 'transaction'));
    if (found === undefined) throw new RpcError(RpcCode.NOT_FOUND, `Transaction ${item} not in mempool.`);
    return found.tx;
  }
  try {
    return decodeTransaction(item);
  } catch {
    throw new RpcError(
      RpcCode.DESERIALIZATION,
      `Transaction decode failed for ${item}. Make sure the tx has at least one input.`,
    );
  }
}

function readBlock(hex: string): BlockView {
  try {
    return viewBlock(parseHex(hex.toLowerCase()));
  } catch {
    throw new RpcError(RpcCode.DESERIALIZATION, 'Block decode failed');
  }
}

function submitHeader(node: RegtestNode, hex: string): null {
  let bytes: Uint8Array;
  try {
    // What comes behind a header is not looked at.
    bytes = parseHex(hex.toLowerCase()).subarray(0, 80);
    parseBlockHeader(bytes);
  } catch {
    throw new RpcError(RpcCode.DESERIALIZATION, 'Block header decode failed');
  }
  const header = parseBlockHeader(bytes);
  const parent = node.state.nodes.get(header.previousBlockHash);
  if (parent === undefined)
    throw new RpcError(RpcCode.VERIFY, `Must submit previous header (${hashJson(header.previousBlockHash)}) first`);
  const hash = node.tools.crypto.hash256(bytes);
  const known = node.state.nodes.get(hash);
  if (known !== undefined) {
    if (isInvalidated(node.state, known)) throw new RpcError(RpcCode.VERIFY, 'duplicate-invalid');
    return null;
  }
  if (header.bits !== REGTEST_BITS || !reachesTarget(hash, REGTEST_TARGET))
    throw new RpcError(RpcCode.VERIFY, 'high-hash, proof of work failed');
  if (isInvalidated(node.state, parent)) throw new RpcError(RpcCode.VERIFY, 'bad-prevblk');
  const fault = checkHeaderInContext(header, parent, node.now);
  if (fault !== undefined) {
    const { reason, detail } = rejectionText(fault);
    throw new RpcError(RpcCode.VERIFY, detail === undefined ? reason : `${reason}, ${detail}`);
  }
  return null;
}

interface TemplateRequest {
  readonly mode?: unknown;
  readonly data?: unknown;
  readonly rules?: unknown;
}

function template(node: RegtestNode, request: unknown): unknown {
  const { mode: asked, data, rules = [] } = (request ?? {}) as TemplateRequest;
  const mode = asked ?? 'template';
  if (mode === 'proposal') return proposal(node, data);
  if (mode !== 'template') throw invalidParameter('Invalid mode');
  if (!Array.isArray(rules) || !rules.includes('segwit'))
    throw invalidParameter(
      'getblocktemplate must be called with the segwit rule set (call with {"rules": ["segwit"]})',
    );
  const { tip, state } = node;
  const chosen = node.choose();
  const positions = new Map(chosen.map((entry, i) => [entry, i + 1]));
  const fees = chosen.reduce((sum, { fee }) => sum + fee, 0n);
  const height = tip.height + 1;
  const isSignalled = blockVersionOn(tip) !== 0x2000_0000;
  return {
    capabilities: ['proposal'],
    version: node.versionOn(tip),
    rules: ['csv', '!segwit', 'taproot'],
    vbavailable: isSignalled ? { testdummy: 28 } : {},
    vbrequired: 0,
    previousblockhash: hashJson(tip.hash),
    transactions: chosen.map((entry) => ({
      data: toHex(entry.tx.bytes),
      txid: hashJson(entry.tx.id()),
      hash: hashJson(entry.tx.witnessId()),
      depends: [...parentsOf(state.mempool, entry.tx)].flatMap((parent) => positions.get(parent) ?? []),
      fee: Number(entry.fee),
      sigops: entry.sigopsCost,
      weight: entry.tx.weight,
    })),
    coinbaseaux: {},
    coinbasevalue: Number(subsidyAt(height) + fees),
    longpollid: `${hashJson(tip.hash)}${inOrder(state.mempool).length}`,
    target: targetJson(REGTEST_BITS),
    mintime: tip.medianTime + 1,
    mutable: ['time', 'transactions', 'prevblock'],
    noncerange: '00000000ffffffff',
    sigoplimit: MAX_BLOCK_SIGOPS_COST,
    sizelimit: MAX_BLOCK_WEIGHT,
    weightlimit: MAX_BLOCK_WEIGHT,
    curtime: node.maker.nextTime(state, tip),
    bits: REGTEST_BITS.toString(16),
    height,
    default_witness_commitment: toHex(
      commitmentScript(
        node,
        chosen.map(({ tx }) => tx),
      ),
    ),
  };
}

function commitmentScript(node: RegtestNode, txs: readonly TransactionView[]): Uint8Array {
  const script = new Uint8Array(38);
  script.set(COMMITMENT_HEADER);
  script.set(witnessCommitment(txs, new Uint8Array(32), node.tools.crypto), 6);
  return script;
}

/** Says of a block without proof of work whether all else is right. */
function proposal(node: RegtestNode, data: unknown): string | null {
  if (typeof data !== 'string') throw new RpcError(RpcCode.TYPE, 'Missing data String key for proposal');
  const view = readBlock(data);
  const outcome = node.propose(view);
  return outcome === undefined ? null : rejectionText(outcome).reason;
}
