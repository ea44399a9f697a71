import {
  currentCrypto,
  displayHash,
  formatBitcoin,
  hasCode,
  parseDisplayHash,
  parseHex,
  reverseBytes,
  satoshis,
  toHex,
} from '@bitcoin-enterprise/core';
import { decodeAddress } from '@bitcoin-enterprise/core';
import {
  BLOCK_HEADER_SIZE,
  isCoinbase,
  serializeBlockHeader,
  viewBlock,
  viewTransaction,
} from '@bitcoin-enterprise/script';
import type { ChainIndex, IndexedBlock, IndexedTransaction } from '../adapters/chain-index.ts';
import { branchOf, isUnspendable } from '../adapters/evidence.ts';
import { readCallersPackage } from '../adapters/package.ts';
import { rejectionText } from '../adapters/rejection.ts';
import type { TransactionRejection } from '../errors.ts';
import type { ChainHeader, Outpoint } from '../ports/chain-source.ts';
import type { EsploraServerChain } from './server-chain.ts';

/** What an answer is made from. */
export interface RouteContext {
  readonly chain: EsploraServerChain;
  readonly index: ChainIndex;
  /** Of the request. */
  readonly body: string;
  readonly signal: AbortSignal;
}

/** An answer: a text, bytes, or anything else as JSON. */
export interface Reply {
  /** 200 when absent. */
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One path of the API. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly pattern: RegExp;
  /** Gets what the groups of the pattern matched. */
  readonly run: (context: RouteContext, parts: readonly string[]) => Promise<Reply>;
}

const HASH = '([0-9a-f]{64})';

/** The paths of the API that this server answers. */
export const routes: readonly Route[] = [
  get('/blocks/tip/hash', async (context) => ({ body: displayHash((await tipOf(context)).hash) })),
  get('/blocks/tip/height', async (context) => ({ body: String((await tipOf(context)).height) })),
  get('/blocks(?:/(\\d{1,9}))?', async (context, [from]) => {
    const tip = await tipOf(context);
    const top = from === undefined ? tip.height : Math.min(Number(from), tip.height);
    const heights = Array.from({ length: Math.min(10, top + 1) }, (_, i) => top - i);
    return { body: heights.map((height) => summaryOf(there(context.index.blockAt(height)))) };
  }),
  get('/block-height/(\\d{1,9})', async (context, [height]) => {
    await tipOf(context);
    const block = context.index.blockAt(Number(height));
    return block === undefined ? notFound('Block') : { body: displayHash(block.hash) };
  }),
  ofBlock('', async ({ block }) => ({ body: summaryOf(block) })),
  ofBlock('/header', async ({ block }) => ({ body: toHex(serializeBlockHeader(block.header)) })),
  ofBlock('/raw', async ({ bytes }) => ({ body: bytes })),
  ofBlock('/txids', async ({ block }) => ({ body: block.txids.map(displayHash) })),
  get(`/block/${HASH}/txid/(\\d{1,9})`, async (context, [id, place]) => {
    const block = await blockOf(context, there(id));
    const txid = block?.block.txids[Number(place)];
    return txid === undefined ? notFound('Transaction') : { body: displayHash(txid) };
  }),
  get(`/block/${HASH}/status`, async (context, [id]) => {
    const { index } = context;
    await index.sync(callOf(context));
    const header = await context.chain.header(parseDisplayHash(there(id)), callOf(context));
    if (header === undefined || index.blockOf(header) === undefined) return { body: { in_best_chain: false } };
    const next = index.blockAt(header.height + 1);
    const next_best = next === undefined ? null : displayHash(next.hash);
    return { body: { in_best_chain: true, height: header.height, next_best } };
  }),
  ofTransaction('', async (_context, entry) => ({ body: transactionJson(entry) })),
  ofTransaction('/raw', async (_context, { tx }) => ({ body: tx.bytes })),
  ofTransaction('/hex', async (_context, { tx }) => ({ body: toHex(tx.bytes) })),
  ofTransaction('/status', async (_context, entry) => ({ body: statusOf(entry) })),
  ofTransaction('/merkle-proof', async (_context, { block, position }) => {
    if (block === undefined) return notFound('Transaction');
    const merkle = branchOf(block.txids, position).map(displayHash);
    return { body: { block_height: block.height, merkle, pos: position } };
  }),
  ofTransaction('/outspends', async (context, { tx, txid }) => {
    const spends = Array.from({ length: tx.outputCount }, async (_, at) => spendOf(context, { txid, index: at }));
    return { body: await Promise.all(spends) };
  }),
  get(`/tx/${HASH}/outspend/(\\d{1,9})`, async (context, [id, at]) => {
    const entry = await transactionOf(context, there(id));
    if (entry === undefined || Number(at) >= entry.tx.outputCount) return notFound('Output');
    return { body: await spendOf(context, { txid: entry.txid, index: Number(at) }) };
  }),
  ofScript('/utxo', async (context, scriptHash) => ({ body: await unspentJson(context, scriptHash) })),
  ofScript('/txs/mempool', async (context, scriptHash) => {
    const history = await context.index.history(scriptHash, callOf(context));
    return {
      body: history
        .filter(({ block }) => block === undefined)
        .slice(0, 50)
        .map(transactionJson),
    };
  }),
  ofScript('/txs', async (context, scriptHash) => {
    const history = await context.index.history(scriptHash, callOf(context));
    return { body: history.toReversed().slice(0, 75).map(transactionJson) };
  }),
  get('/mempool/txids', async (context) => {
    await tipOf(context);
    return { body: context.index.waiting().map(({ id }) => id) };
  }),
  get('/fee-estimates', async (context) => {
    const estimates: Record<string, number> = {};
    for (const target of [...Array.from({ length: 25 }, (_, i) => i + 1), 144, 504, 1_008]) {
      const rate = await context.chain.estimateFeeRate(target, callOf(context));
      if (rate !== undefined) estimates[String(target)] = Number(rate) / 1_000;
    }
    return { body: estimates };
  }),
  post('/tx', async (context) => {
    const txid = await context.chain.broadcast(bytesOf(context.body), callOf(context));
    await context.index.transaction(txid, callOf(context));
    return { body: displayHash(txid) };
  }),
  post('/txs/package', async (context) => {
    const transactions = transactionsIn(context.body);
    if (transactions === undefined || transactions.length === 0) return { status: 400, body: 'Invalid request' };
    return packageJson(context, transactions);
  }),
  post('/txs/test', async (context) => {
    const transactions = transactionsIn(context.body);
    if (transactions === undefined) return { status: 400, body: 'Invalid request' };
    const verdicts: unknown[] = [];
    for (const bytes of transactions) verdicts.push(await verdictJson(context, bytes));
    return { body: verdicts };
  }),
];

/** What Esplora says of what it does not have. */
export function notFound(what: string): Reply {
  return { status: 404, body: `${what} not found` };
}

function get(pattern: string, run: Route['run']): Route {
  return { method: 'GET', pattern: new RegExp(`^${pattern}$`), run };
}

function post(pattern: string, run: Route['run']): Route {
  return { method: 'POST', pattern: new RegExp(`^${pattern}$`), run };
}

function ofBlock(
  tail: string,
  run: (found: { readonly block: IndexedBlock; readonly bytes: Uint8Array }) => Promise<Reply>,
): Route {
  return get(`/block/${HASH}${tail}`, async (context, [id]) => {
    const found = await blockOf(context, there(id));
    return found === undefined ? notFound('Block') : run(found);
  });
}

function ofTransaction(tail: string, run: (context: RouteContext, entry: IndexedTransaction) => Promise<Reply>): Route {
  return get(`/tx/${HASH}${tail}`, async (context, [id]) => {
    const entry = await transactionOf(context, there(id));
    return entry === undefined ? notFound('Transaction') : run(context, entry);
  });
}

/** Scripts go by their SHA-256, or by their address. */
function ofScript(tail: string, run: (context: RouteContext, scriptHash: Uint8Array) => Promise<Reply>): Route {
  return get(`/(scripthash|address)/([0-9a-zA-Z]{1,90})${tail}`, async (context, [kind, name]) => {
    await tipOf(context);
    return run(context, await scriptHashOf(context, there(kind), there(name)));
  });
}

async function scriptHashOf(context: RouteContext, kind: string, name: string): Promise<Uint8Array> {
  if (kind === 'scripthash') return reverseBytes(parseHex(name));
  const network = await context.chain.network(callOf(context));
  return currentCrypto().sha256(decodeAddress(name, network).scriptPubKey);
}

async function tipOf(context: RouteContext): Promise<IndexedBlock> {
  return context.index.sync(callOf(context));
}

/** A block on any branch. */
async function blockOf(context: RouteContext, id: string) {
  const { chain, index } = context;
  const hash = parseDisplayHash(id);
  const header = await chain.header(hash, callOf(context));
  const bytes = header === undefined ? undefined : await chain.block(hash, callOf(context));
  if (header === undefined || bytes === undefined) return undefined;
  await index.sync(callOf(context));
  const known = index.blockOf(header);
  return { bytes, block: known ?? strangerOf(header, bytes) };
}

function strangerOf(header: ChainHeader, bytes: Uint8Array): IndexedBlock {
  const { transactions } = viewBlock(bytes);
  return { ...header, transactions, txids: transactions.map((tx) => tx.id()) };
}

async function transactionOf(context: RouteContext, id: string): Promise<IndexedTransaction | undefined> {
  await tipOf(context);
  return context.index.transaction(parseDisplayHash(id), callOf(context));
}

function summaryOf(block: IndexedBlock): Readonly<Record<string, unknown>> {
  const { header, height, hash, medianTime, transactions } = block;
  const weight = transactions.reduce((sum, tx) => sum + tx.weight, 0);
  const size = transactions.reduce((sum, tx) => sum + tx.bytes.length, BLOCK_HEADER_SIZE + 1);
  return {
    id: displayHash(hash),
    height,
    version: header.version,
    timestamp: header.time,
    tx_count: transactions.length,
    size,
    weight: weight + 4 * (BLOCK_HEADER_SIZE + 1),
    merkle_root: displayHash(header.merkleRoot),
    previousblockhash: height === 0 ? null : displayHash(header.previousBlockHash),
    mediantime: medianTime,
    nonce: header.nonce,
    bits: header.bits,
  };
}

function statusOf({ block }: IndexedTransaction): Readonly<Record<string, unknown>> {
  return block === undefined
    ? { confirmed: false }
    : {
        confirmed: true,
        block_height: block.height,
        block_hash: displayHash(block.hash),
        block_time: block.header.time,
      };
}

function transactionJson(entry: IndexedTransaction): Readonly<Record<string, unknown>> {
  const { tx, id } = entry;
  return {
    txid: id,
    version: tx.version,
    locktime: tx.lockTime,
    vin: Array.from({ length: tx.inputCount }, (_, i) => ({
      txid: displayHash(tx.previousTxid(i)),
      vout: tx.previousIndex(i),
      is_coinbase: isCoinbase(tx),
      scriptsig: toHex(tx.scriptSig(i)),
      witness: tx.witness(i).map(toHex),
      sequence: tx.sequence(i),
    })),
    vout: Array.from({ length: tx.outputCount }, (_, i) => ({
      scriptpubkey: toHex(tx.scriptPubKey(i)),
      value: Number(tx.value(i)),
    })),
    size: tx.bytes.length,
    weight: tx.weight,
    status: statusOf(entry),
  };
}

async function spendOf(context: RouteContext, outpoint: Outpoint): Promise<Readonly<Record<string, unknown>>> {
  const spend = await context.index.spend(outpoint, callOf(context));
  if (spend === undefined) return { spent: false };
  return { spent: true, txid: spend.spender.id, vin: spend.input, status: statusOf(spend.spender) };
}

async function unspentJson(context: RouteContext, scriptHash: Uint8Array): Promise<readonly unknown[]> {
  const key = toHex(scriptHash);
  const found: unknown[] = [];
  for (const entry of await context.index.history(scriptHash, callOf(context)))
    for (let at = 0; at < entry.tx.outputCount; at++) {
      const script = entry.tx.scriptPubKey(at);
      if (isUnspendable(script) || toHex(currentCrypto().sha256(script)) !== key) continue;
      const outpoint = { txid: entry.txid, index: at };
      if ((await context.index.spend(outpoint, callOf(context))) !== undefined) continue;
      found.push({ txid: entry.id, vout: at, status: statusOf(entry), value: Number(entry.tx.value(at)) });
    }
  return found;
}

async function verdictJson(context: RouteContext, bytes: Uint8Array): Promise<Readonly<Record<string, unknown>>> {
  const verdict = await context.chain.testAccept(bytes, callOf(context));
  if (verdict.accepted)
    return {
      txid: displayHash(verdict.txid),
      allowed: true,
      vsize: verdict.size,
      // A number with a fraction, as bitcoind writes it; its text has no more than eight decimals.
      fees: { base: Number(formatBitcoin(satoshis(verdict.fee))) },
    };
  const { txid, reason } = verdict.rejection;
  return { txid, allowed: false, 'reject-reason': reason, 'reject-details': rejectionText(verdict.rejection) };
}

/** What `submitpackage` would answer, without the fees, which the port does not tell. */
async function packageJson(context: RouteContext, transactions: readonly Uint8Array[]): Promise<Reply> {
  const { chain } = context;
  if (chain.broadcastPackage === undefined) return notFound('endpoint');
  const members = readCallersPackage(transactions);
  let reason = 'success';
  let rejections: readonly (TransactionRejection | undefined)[] = [];
  try {
    await chain.broadcastPackage(transactions, callOf(context));
  } catch (error) {
    if (!hasCode(error, 'CHAIN_PACKAGE_REJECTED')) throw error;
    ({ reason } = error.details);
    rejections = error.details.transactions.map(({ rejection }) => rejection);
  }
  const results: Record<string, unknown> = {};
  for (const [place, { bytes, txid, id, witnessId }] of members.entries()) {
    const rejection = rejections[place];
    results[witnessId] =
      rejection === undefined
        ? { txid: id, vsize: viewTransaction(bytes).virtualSize }
        : { txid: id, error: rejectionText(rejection) };
    if (rejection === undefined) await context.index.transaction(txid, callOf(context));
  }
  return { body: { package_msg: reason, 'tx-results': results } };
}

/** The transactions of a body that is a list of them, 25 at most. */
function transactionsIn(body: string): readonly Uint8Array[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!Array.isArray(list) || list.length > 25) return undefined;
  return list.map((hex) => bytesOf(String(hex)));
}

function bytesOf(hex: string): Uint8Array {
  return parseHex(hex.trim());
}

function callOf({ signal }: RouteContext): { readonly signal: AbortSignal } {
  return { signal };
}

/** A group that the pattern cannot match without. */
function there<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('a pattern without its group');
  return value;
}
