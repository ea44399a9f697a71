import { compareBytes, toHex } from '@bitcoin-enterprise/core';
import { type TransactionView, ScriptReader } from '@bitcoin-enterprise/script';
import { acceptToMempool } from '../../model/mempool-accept.ts';
import { ancestorsOf, inOrder, type MempoolEntry, withChangedEntry, withDescendants } from '../../model/mempool.ts';
import { dustOutputs } from '../../model/ephemeral.ts';
import { rulesOf } from '../../model/mempool-policy.ts';
import { feeAt } from '../../model/money.ts';
import { acceptPackage, type PackageMember, testPackage } from '../../model/package-accept.ts';
import { isChildWithParentsTree, MAX_PACKAGE_COUNT } from '../../model/package-form.ts';
import type { Rejection } from '../../model/rejection.ts';
import { hashJson, invalidParameter, readAmount, readHash, readInt, readTransaction, typeError } from '../arguments.ts';
import { amountJson, jsonType } from '../json.ts';
import { method, type RpcCategory } from '../method.ts';
import type { RegtestNode } from '../node.ts';
import { rejectionText } from '../rejection-text.ts';
import { RpcCode, RpcError } from '../rpc-error.ts';
import { clusterJson, diagramJson, entriesJson, entryJson, memberKey, rateJson, witnessNames } from './mempool-json.ts';

/** What a sender is protected from where he says nothing else, sat/kvB. */
const DEFAULT_MAX_FEE_RATE = 10_000_000n;

/** The methods that read the mempool and send to it. */
export const mempoolMethods: RpcCategory<RegtestNode> = {
  title: 'Rawtransactions',
  methods: [
    method('sendrawtransaction', 'hexstring:str maxfeerate:any? maxburnamount:any?', (node, [hex, rate, burn]) => {
      const maxBurn = burn === undefined ? 0n : readAmount(burn);
      const tx = readTransaction(hex);
      checkBurn(tx, maxBurn);
      return send(node, tx, readMaxFeeRate(rate));
    }),
    method('testmempoolaccept', 'rawtxs:arr maxfeerate:any?', (node, [list, rate]) => {
      const hexes = packageOf(list);
      const maxFeeRate = readMaxFeeRate(rate);
      return testAccept(node, readPackage(hexes), maxFeeRate);
    }),
    method('submitpackage', 'package:arr maxfeerate:any? maxburnamount:any?', (node, [list, rate, burn]) => {
      const hexes = packageOf(list);
      const maxFeeRate = readMaxFeeRate(rate);
      const maxBurn = burn === undefined ? 0n : readAmount(burn);
      return submitPackage(node, readPackage(hexes), { maxFeeRate, maxBurn });
    }),
    method('getrawmempool', 'verbose:bool? mempool_sequence:bool?', (node, [verbose = false, sequence = false]) => {
      if (verbose === true && sequence === true)
        throw invalidParameter('Verbose results cannot contain mempool sequence values.');
      const { mempool } = node.state;
      const answer = entriesJson(node, inOrder(mempool), verbose === true);
      return sequence === true ? { txids: answer, mempool_sequence: mempool.nextSequence + 1 } : answer;
    }),
    method('getmempoolinfo', '', (node) => {
      const { mempool } = node.state;
      const { policy } = node.tools;
      const rules = rulesOf(policy);
      let fees = 0n;
      for (const { fee } of mempool.entries.values()) fees += fee;
      return {
        loaded: true,
        size: mempool.entries.size,
        bytes: mempool.totalSize,
        usage: mempool.usage,
        total_fee: amountJson(fees),
        maxmempool: policy.maxPoolUsageBytes ?? 300_000_000,
        mempoolminfee: amountJson(node.minimumFeeRate),
        minrelaytxfee: amountJson(policy.minRelayFeeRate),
        incrementalrelayfee: amountJson(policy.incrementalRelayFeeRate),
        unbroadcastcount: mempool.entries.size - node.shared.size,
        ...(node.version >= 310_000 && !node.deprecatedRpc.has('fullrbf') ? {} : { fullrbf: true }),
        permitbaremultisig: rules.form?.bareMultisig ?? true,
        maxdatacarriersize: rules.form?.maximumDataCarrierSize ?? 100_000,
        ...(rules.limits === 'clusters'
          ? { limitclustercount: rules.cluster.maxCount, limitclustersize: rules.cluster.maxSizeVb, optimal: true }
          : {}),
      };
    }),
    method('getmempoolentry', 'txid:str', (node, [txid]) => entryJson(node, waiting(node, txid))),
    method('getmempoolancestors', 'txid:str verbose:bool?', (node, [txid, verbose]) => {
      const { mempool } = node.state;
      return entriesJson(node, ancestorsOf(mempool, waiting(node, txid).tx), verbose === true);
    }),
    method('getmempooldescendants', 'txid:str verbose:bool?', (node, [txid, verbose]) => {
      const { mempool } = node.state;
      const entry = waiting(node, txid);
      const found = [...withDescendants(mempool, [entry])].filter((other) => other !== entry);
      return entriesJson(node, found, verbose === true);
    }),
    method('getmempoolcluster', 'txid:str', (node, [txid]) => clusterJson(node.state.mempool, waiting(node, txid))),
    method('getmempoolfeeratediagram', '', (node) => diagramJson(node.state.mempool)),
    method('gettxspendingprevout', 'outputs:arr options:obj?', (node, [outputs, options = {}]) =>
      spenders(node, outputs as readonly unknown[], options as { readonly return_spending_tx?: boolean }),
    ),
    method('prioritisetransaction', 'txid:str dummy:num? fee_delta:num', (node, [txid, dummy, delta]) =>
      prioritise(node, readHash(txid, 'txid'), { dummy, delta }),
    ),
    method('getprioritisedtransactions', '', (node) =>
      Object.fromEntries(
        Array.from(node.state.priorities.entries(), ({ key, value }) => {
          const entry = node.state.mempool.entries.get(key);
          return [
            hashJson(key),
            {
              fee_delta: Number(value),
              in_mempool: entry !== undefined,
              ...(entry === undefined ? {} : { modified_fee: Number(entry.modifiedFee) }),
            },
          ];
        }),
      ),
    ),
    method('savemempool', '', () => ({ filename: '' })),
    method('getorphantxs', 'verbosity:num?', () => []),
  ],
};

function waiting(node: RegtestNode, txid: unknown): MempoolEntry {
  const entry = node.state.mempool.entries.get(readHash(txid, 'txid'));
  if (entry === undefined) throw new RpcError(RpcCode.NOT_FOUND, 'Transaction not in mempool');
  return entry;
}

function readMaxFeeRate(value: unknown): bigint {
  if (value === undefined) return DEFAULT_MAX_FEE_RATE;
  const rate = readAmount(value);
  if (rate >= 100_000_000n) throw invalidParameter('Fee rates larger than or equal to 1BTC/kvB are not accepted');
  return rate;
}

interface SendOptions {
  readonly maxFeeRate: bigint;
  readonly maxBurn: bigint;
}

function checkBurn(tx: TransactionView, maxBurn: bigint): void {
  for (let i = 0; i < tx.outputCount; i++)
    if (tx.value(i) > maxBurn && isBurnt(tx.scriptPubKey(i)))
      throw new RpcError(RpcCode.VERIFY, 'Unspendable output exceeds maximum configured by user (maxburnamount)');
}

/** Whether an output can be spent by nobody, or its script is no script at all. */
function isBurnt(script: Uint8Array): boolean {
  if (script[0] === 0x6a || script.length > 10_000) return true;
  const reader = new ScriptReader(script);
  while (reader.position < script.length)
    if (!reader.next() || reader.opcode > 0xba || (reader.opcode <= 0x4e && reader.dataSize > 520)) return true;
  return false;
}

function send(node: RegtestNode, tx: TransactionView, maxFeeRate: bigint): string {
  const txid = tx.id();
  const { coins } = node.connected;
  for (let i = 0; i < tx.outputCount; i++)
    if (coins.get(txid, i) !== undefined)
      throw new RpcError(RpcCode.VERIFY_ALREADY_IN_UTXO_SET, 'Transaction outputs already in utxo set');
  // One that waits already is sent again, whatever its witness.
  if (node.state.mempool.entries.get(txid) !== undefined) return hashJson(txid);
  if (maxFeeRate > 0n) {
    const tested = acceptToMempool(node.state.mempool, tx, node.acceptContext);
    if ('reason' in tested) throw refused(tested);
    if (tested.entry.fee > feeAt(maxFeeRate, tx.virtualSize))
      throw new RpcError(RpcCode.VERIFY, 'Fee exceeds maximum configured by user (e.g. -maxtxfee, maxfeerate)');
  }
  const accepted = node.accept(tx);
  if ('reason' in accepted) throw refused(accepted);
  return hashJson(txid);
}

function refused(rejection: Rejection): RpcError {
  // A missing input is told as an error of its own, without the name of the rule.
  return rejection.category === 'missing-inputs'
    ? new RpcError(RpcCode.VERIFY, rejection.reason)
    : new RpcError(RpcCode.VERIFY_REJECTED, withDetail(rejection));
}

function withDetail(rejection: Rejection): string {
  const { reason, detail } = rejectionText(rejection);
  return detail === undefined || detail === '' ? reason : `${reason}, ${detail}`;
}

function packageOf(value: unknown): readonly unknown[] {
  const list = value as readonly unknown[];
  if (list.length === 0 || list.length > MAX_PACKAGE_COUNT)
    throw invalidParameter(`Array must contain between 1 and ${MAX_PACKAGE_COUNT} transactions.`);
  return list;
}

function readPackage(list: readonly unknown[]): readonly TransactionView[] {
  return list.map((hex) => {
    if (typeof hex !== 'string') throw typeError(hex, 'string');
    return readTransaction(hex, `TX decode failed: ${hex} Make sure the tx has at least one input.`);
  });
}

function testAccept(node: RegtestNode, txs: readonly TransactionView[], maxFeeRate: bigint): readonly object[] {
  const { mempool } = node.state;
  const [first] = txs;
  let packageError: string | undefined;
  let members: ReadonlyMap<string, PackageMember>;
  if (txs.length === 1 && first !== undefined) {
    const single = acceptToMempool(mempool, first, node.acceptContext);
    const member: PackageMember =
      'reason' in single
        ? { kind: 'refused', rejection: single }
        : {
            kind: 'accepted',
            entry: single.entry,
            replaced: single.replaced,
            judged: { fee: single.entry.modifiedFee, size: single.entry.size, members: [first] },
          };
    members = new Map([[memberKey(first), member]]);
  } else {
    const outcome = testPackage(mempool, txs, node.acceptContext);
    members = outcome.members;
    if (outcome.fault?.scope === 'package') packageError = withDetail(outcome.fault);
  }
  let isOver = false;
  return txs.map((tx) => {
    const names = {
      txid: hashJson(tx.id()),
      wtxid: hashJson(tx.witnessId()),
      ...(packageError === undefined ? {} : { 'package-error': packageError }),
    };
    const member = members.get(memberKey(tx));
    if (member === undefined || isOver) return names;
    if (member.kind === 'accepted') {
      const limit = feeAt(maxFeeRate, member.entry.size);
      if (limit > 0n && member.entry.fee > limit) {
        isOver = true;
        return { ...names, allowed: false, 'reject-reason': 'max-fee-exceeded' };
      }
      return { ...names, allowed: true, vsize: member.entry.size, fees: feesJson(member) };
    }
    if (member.kind !== 'refused') return names;
    const { rejection } = member;
    return rejection.category === 'missing-inputs'
      ? { ...names, allowed: false, 'reject-reason': 'missing-inputs' }
      : {
          ...names,
          allowed: false,
          'reject-reason': rejectionText(rejection).reason,
          'reject-details': withDetail(rejection),
        };
  });
}

function feesJson({ entry, judged }: Extract<PackageMember, { readonly kind: 'accepted' }>): object {
  return {
    base: amountJson(entry.fee),
    'effective-feerate': rateJson(judged.fee, judged.size),
    'effective-includes': witnessNames(judged.members),
  };
}

function submitPackage(node: RegtestNode, txs: readonly TransactionView[], options: SendOptions): object {
  for (const tx of txs) checkBurn(tx, options.maxBurn);
  // Until parents were allowed to be of one family, Core said "not child-with-parents" without more.
  if (txs.length > 1 && !isChildWithParentsTree(txs))
    throw new RpcError(
      RpcCode.VERIFY,
      'package topology disallowed. not child-with-parents or parents depend on each other.',
    );
  const maxFeeRate = options.maxFeeRate === 0n ? {} : { maxFeeRate: options.maxFeeRate };
  const outcome = acceptPackage(node.state.mempool, txs, node.acceptContext, maxFeeRate);
  node.become({ ...node.state, mempool: outcome.pool });
  const replaced = new Map<string, Uint8Array>();
  const results = txs.flatMap((tx) => {
    const member = outcome.members.get(memberKey(tx));
    if (member?.kind === 'accepted')
      for (const { tx: gone } of member.replaced) replaced.set(hashJson(gone.id()), gone.id());
    // Before Core 30 nothing was said of what was not looked at.
    if (member === undefined && node.version < 300_000) return [];
    return [[hashJson(tx.witnessId()), { txid: hashJson(tx.id()), ...memberJson(member) }] as const];
  });
  return {
    package_msg: outcome.fault === undefined ? 'success' : withDetail(outcome.fault),
    'tx-results': Object.fromEntries(results),
    'replaced-transactions': [...replaced].sort(([, a], [, b]) => compareBytes(a, b)).map(([name]) => name),
  };
}

function memberJson(member: PackageMember | undefined): object {
  if (member === undefined) return { error: 'package-not-validated' };
  switch (member.kind) {
    case 'accepted':
      return { vsize: member.entry.size, fees: feesJson(member) };
    case 'known':
      return { vsize: member.entry.size, fees: { base: amountJson(member.entry.fee) } };
    case 'other-witness':
      return { 'other-wtxid': hashJson(member.entry.tx.witnessId()) };
    default:
      return { error: withDetail(member.rejection) };
  }
}

function spenders(
  node: RegtestNode,
  outputs: readonly unknown[],
  options: { readonly return_spending_tx?: boolean },
): readonly object[] {
  if (outputs.length === 0) throw invalidParameter('Invalid parameter, outputs are missing');
  for (const name of Object.keys(options))
    if (name !== 'mempool_only' && name !== 'return_spending_tx')
      throw new RpcError(RpcCode.TYPE, `Unexpected key ${name}`);
  return outputs.map((output) => {
    if (jsonType(output) !== 'object') throw typeError(output, 'object');
    const { txid, vout, ...more } = output as { readonly txid?: unknown; readonly vout?: unknown };
    if (txid === undefined || txid === null) throw new RpcError(RpcCode.TYPE, 'Missing txid');
    if (vout === undefined || vout === null) throw new RpcError(RpcCode.TYPE, 'Missing vout');
    if (typeof txid !== 'string') throw fieldError('txid', txid, 'string');
    if (typeof vout !== 'number') throw fieldError('vout', vout, 'number');
    for (const name of Object.keys(more)) throw new RpcError(RpcCode.TYPE, `Unexpected key ${name}`);
    const hash = readHash(txid, 'txid');
    const index = readInt(vout);
    if (index < 0) throw invalidParameter('Invalid parameter, vout cannot be negative');
    const spender = node.state.mempool.spenders.get(hash, index);
    return {
      txid,
      vout,
      ...(spender === undefined ? {} : { spendingtxid: hashJson(spender.tx.id()) }),
      ...(spender !== undefined && options.return_spending_tx === true ? { spendingtx: toHex(spender.tx.bytes) } : {}),
    };
  });
}

function fieldError(name: string, value: unknown, expected: string): RpcError {
  return new RpcError(
    RpcCode.TYPE,
    `JSON value of type ${jsonType(value)} for field ${name} is not of expected type ${expected}`,
  );
}

function prioritise(
  node: RegtestNode,
  txid: Uint8Array,
  options: { readonly dummy: unknown; readonly delta: unknown },
): boolean {
  const { dummy = 0, delta } = options;
  if (dummy !== 0)
    throw invalidParameter('Priority is no longer supported, dummy argument to prioritisetransaction must be 0.');
  const { state } = node;
  const { form } = rulesOf(node.tools.policy);
  const known = state.mempool.entries.get(txid);
  // Dust is only taken for nothing, and whoever gave it a fee by priority would mine it alone.
  if (form !== undefined && known !== undefined && dustOutputs(known.tx, form.dustRelayFee).length > 0)
    throw invalidParameter('Priority is not supported for transactions with dust outputs.');
  const before = state.priorities.get(txid) ?? 0n;
  const sum = before + BigInt(readInt(delta, { absent: 0, range: 'long' }));
  const priorities = sum === 0n ? state.priorities.without(txid) : state.priorities.with(txid, sum);
  const entry = state.mempool.entries.get(txid);
  const mempool =
    entry === undefined ? state.mempool : withChangedEntry(state.mempool, { ...entry, modifiedFee: entry.fee + sum });
  node.become({ ...state, priorities, mempool });
  return true;
}
