import type { BlockNode } from '../../model/block-node.ts';
import { isUnspendable } from '../../model/coins.ts';
import { subsidyAt } from '../../model/regtest.ts';
import { hashJson, invalidParameter } from '../arguments.ts';
import { wholeJson } from '../json.ts';
import { spentInBlock } from '../transaction-json.ts';

/** What Core adds for a coin besides the output itself: outpoint and height; before version 31 a byte for the coinbase flag. */
function coinOverhead(version: number): number {
  return version >= 310_000 ? 40 : 41;
}

/** The sums over a block, as `getblockstats` answers; amounts in satoshis. */
export function blockStats(node: BlockNode, selected: readonly string[] | undefined, version: number): object {
  const all = allStats(node, coinOverhead(version));
  if (selected === undefined || selected.length === 0) return all;
  return Object.fromEntries(
    selected.toSorted().map((name) => {
      if (!Object.hasOwn(all, name)) throw invalidParameter(`Invalid selected statistic '${name}'`);
      return [name, all[name]];
    }),
  );
}

function allStats(node: BlockNode, overhead: number): Readonly<Record<string, unknown>> {
  const spent = spentInBlock(node);
  const fees: bigint[] = [];
  const rates: { readonly rate: bigint; readonly weight: number }[] = [];
  const sizes: number[] = [];
  const sum = { outs: 0, ins: 0, out: 0n, weight: 0, size: 0, swtxs: 0, swsize: 0, swweight: 0 };
  const coins = { made: 0, size: 0, actual: 0 };
  for (const [i, tx] of node.transactions.entries()) {
    sum.outs += tx.outputCount;
    let created = 0n;
    for (let n = 0; n < tx.outputCount; n++) {
      created += tx.value(n);
      const size = tx.outputBytes(n).length + overhead;
      coins.size += size;
      if (node.height === 0 || isUnspendable(tx.scriptPubKey(n))) continue;
      coins.made++;
      coins.actual += size;
    }
    if (i === 0) continue;
    sum.ins += tx.inputCount;
    sum.out += created;
    const size = tx.bytes.length;
    sizes.push(size);
    sum.size += size;
    sum.weight += tx.weight;
    if (tx.hasWitness) {
      sum.swtxs++;
      sum.swsize += size;
      sum.swweight += tx.weight;
    }
    let taken = 0n;
    for (const { value, scriptPubKey } of spent[i] ?? []) {
      taken += value;
      const coinSize = 8 + (scriptPubKey.length < 253 ? 1 : 3) + scriptPubKey.length + overhead;
      coins.size -= coinSize;
      coins.actual -= coinSize;
    }
    fees.push(taken - created);
    rates.push({ rate: ((taken - created) * 4n) / BigInt(tx.weight), weight: tx.weight });
  }
  const count = fees.length;
  const totalFee = fees.reduce((left, right) => left + right, 0n);
  const ordered = rates.map(({ rate }) => rate).toSorted(compare);
  return {
    avgfee: count === 0 ? 0 : wholeJson(totalFee / BigInt(count)),
    avgfeerate: sum.weight === 0 ? 0 : wholeJson((totalFee * 4n) / BigInt(sum.weight)),
    avgtxsize: count === 0 ? 0 : Math.floor(sum.size / count),
    blockhash: hashJson(node.hash),
    feerate_percentiles: percentiles(rates, sum.weight).map(wholeJson),
    height: node.height,
    ins: sum.ins,
    maxfee: wholeJson(fees.toSorted(compare).at(-1) ?? 0n),
    maxfeerate: wholeJson(ordered.at(-1) ?? 0n),
    maxtxsize: Math.max(0, ...sizes),
    medianfee: wholeJson(median(fees)),
    mediantime: node.medianTime,
    mediantxsize: wholeJson(median(sizes.map(BigInt))),
    minfee: wholeJson(fees.toSorted(compare)[0] ?? 0n),
    minfeerate: wholeJson(ordered[0] ?? 0n),
    mintxsize: sizes.length === 0 ? 0 : Math.min(...sizes),
    outs: sum.outs,
    subsidy: wholeJson(subsidyAt(node.height)),
    swtotal_size: sum.swsize,
    swtotal_weight: sum.swweight,
    swtxs: sum.swtxs,
    time: node.header.time,
    total_out: wholeJson(sum.out),
    total_size: sum.size,
    total_weight: sum.weight,
    totalfee: wholeJson(totalFee),
    txs: node.transactions.length,
    utxo_increase: sum.outs - sum.ins,
    utxo_size_inc: coins.size,
    utxo_increase_actual: coins.made - sum.ins,
    utxo_size_inc_actual: coins.actual,
  };
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function median(values: readonly bigint[]): bigint {
  const sorted = values.toSorted(compare);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0n;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0n) + upper) / 2n;
}

/** The rates at 10, 25, 50, 75 and 90 % of the weight. */
function percentiles(
  rates: readonly { readonly rate: bigint; readonly weight: number }[],
  total: number,
): readonly bigint[] {
  const sorted = rates.toSorted((a, b) => compare(a.rate, b.rate) || a.weight - b.weight);
  const result: bigint[] = [];
  let weight = 0;
  for (const { rate, weight: own } of sorted) {
    weight += own;
    while (result.length < 5 && weight >= total * ([0.1, 0.25, 0.5, 0.75, 0.9][result.length] as number))
      result.push(rate);
  }
  while (result.length < 5) result.push(sorted.at(-1)?.rate ?? 0n);
  return result;
}
