import { guarded } from '../checks.ts';
import { currentCrypto, feeFor, feeRate, type CryptoEngine, toHex, virtualBytes } from '@bitcoin-enterprise/core';
import { serializeTransaction, standardFlags, type ScriptFlag } from '@bitcoin-enterprise/script';
import { outlineOf } from '../contract/outline.ts';
import type { ContractInstance } from '../contract/model.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import { type Gas, meterTransaction } from './meter.ts';

/** What one transition costs. JSON, so that it can be kept and compared. */
export interface GasRow {
  readonly transition: string;
  readonly path: string;
  readonly clause: string;
  /** Weight units of the transaction, exact. */
  readonly weight: number;
  /** Virtual bytes. */
  readonly size: number;
  /** Satoshis at each of the fee rates, in their order. */
  readonly fees: readonly string[];
  readonly signatureChecks: number;
  readonly opcodes: Readonly<Record<string, number>>;
  readonly peakStack: number;
  /** Of the tapscript budget (BIP342); absent on the key path. */
  readonly validationWeight?: { readonly budget: number; readonly left: number };
}

/** What the transitions of a contract cost, before a satoshi moves. */
export interface GasReport {
  readonly contract: string;
  readonly version: number;
  /** sat/kvB. */
  readonly feeRates: readonly string[];
  readonly rows: readonly GasRow[];
}

/**
 * What each transition of an instance will cost: to the unit, nothing is signed.
 *
 * @param options - `feeRates` in sat/kvB; 1, 10 and 50 sat/vB when absent.
 */
export function gasReport(
  instance: ContractInstance,
  options: { readonly feeRates?: readonly bigint[] } = {},
): GasReport {
  return guarded('instance', 'what instantiate returned', () => {
    const { feeRates = [1_000n, 10_000n, 50_000n] } = options;
    const rates = feeRates.map((rate) => feeRate(rate));
    const rows = outlineOf(instance).transitions.flatMap(({ name, by, clause, plan }): GasRow[] => {
      if (plan === undefined) return [];
      const gas = foreseenGas(instance, plan);
      const [input] = gas.inputs;
      return [
        {
          transition: name,
          path: by,
          clause,
          weight: gas.weight,
          size: gas.size,
          fees: rates.map((rate) => String(feeFor(rate, virtualBytes(gas.size)))),
          signatureChecks: gas.inputs.reduce((sum, one) => sum + one.signatureChecks, 0),
          opcodes: input?.opcodes ?? {},
          peakStack: Math.max(...gas.inputs.map(({ peakStack }) => peakStack)),
          ...(input?.validationWeight === undefined ? {} : { validationWeight: input.validationWeight }),
        },
      ];
    });
    const { name, version } = instance.contract;
    return { contract: name, version: version, feeRates: rates.map(String), rows };
  });
}

/** What a plan will cost: its scripts run with stand-ins for signatures and secrets, which are taken as right. */
export function foreseenGas(instance: ContractInstance, plan: TransitionPlan): Gas {
  return guarded('plan', 'what planTransition returned', () => {
    const secrets = new Map<string, Uint8Array>();
    const standIn = (hash: Uint8Array): Uint8Array => {
      const secret = currentCrypto().taggedHash('biscol/stand-in', hash);
      secrets.set(toHex(secret), hash);
      return secret;
    };
    const signature = new Uint8Array(plan.hashType === 0 ? 64 : 65).fill(1);
    if (plan.hashType !== 0) signature[64] = plan.hashType;
    const inputs = plan.tx.inputs.map((input, place) => {
      const planned = plan.inputs[place];
      if (planned === undefined) return input;
      const { way, items } = planned.plan;
      const witness = items.map((item) => {
        if (item.kind === 'bytes') return item.bytes;
        if (item.kind === 'key') return item.key.bytes;
        return item.kind === 'preimage' ? standIn(item.hash) : signature;
      });
      return {
        ...input,
        witness: way.leaf === undefined ? witness : [...witness, way.leaf.script, way.leaf.controlBlock],
      };
    });
    const isTemplate = instance.covenants?.kind === 'ctv';
    const metered = meterTransaction(serializeTransaction({ ...plan.tx, inputs }), {
      spentOutputs: plan.spentOutputs,
      flags: isTemplate ? templateFlags : standardFlags,
      crypto: credulous(secrets),
    });
    if (metered.ok) return metered.gas;
    // A contract that cannot be spent as planned would be a bug of the compiler: what can be counted is.
    return { weight: plan.weight, size: Math.ceil(plan.weight / 4), fee: plan.fee, sigopsCost: 0, inputs: [] };
  });
}

const templateFlags: readonly ScriptFlag[] = [
  ...standardFlags.filter((flag) => flag !== 'DISCOURAGE_UPGRADABLE_NOPS'),
  'CHECKTEMPLATEVERIFY',
];

/** An engine that believes every signature, and knows which stand-in opens which hash. */
function credulous(secrets: ReadonlyMap<string, Uint8Array>): CryptoEngine {
  const crypto = currentCrypto();
  const opened =
    (hash: (data: Uint8Array) => Uint8Array) =>
    (data: Uint8Array): Uint8Array =>
      (data.length === 32 ? secrets.get(toHex(data)) : undefined) ?? hash(data);
  return Object.assign(Object.create(crypto) as CryptoEngine, {
    schnorrVerify: () => true,
    sha256: opened((data) => crypto.sha256(data)),
    hash256: opened((data) => crypto.hash256(data)),
    ripemd160: opened((data) => crypto.ripemd160(data)),
    hash160: opened((data) => crypto.hash160(data)),
  });
}

/** One difference between two reports. */
export interface GasChange {
  readonly transition: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** Weight units. */
  readonly before?: number;
  readonly after?: number;
}

/** What became heavier, lighter, new or gone, for a check in CI. */
export function diffGasReports(before: GasReport, after: GasReport): readonly GasChange[] {
  return guarded('report', 'what gasReport returned', () => {
    const old = new Map(before.rows.map((row) => [row.transition, row]));
    const now = new Map(after.rows.map((row) => [row.transition, row]));
    const changes: GasChange[] = [];
    for (const [transition, row] of now) {
      const was = old.get(transition);
      if (was === undefined) changes.push({ transition, kind: 'added', after: row.weight });
      else if (was.weight !== row.weight)
        changes.push({ transition, kind: 'changed', before: was.weight, after: row.weight });
    }
    for (const [transition, row] of old)
      if (!now.has(transition)) changes.push({ transition, kind: 'removed', before: row.weight });
    return changes;
  });
}

/** A report as a table in Markdown. */
export function gasTable(report: GasReport): string {
  return guarded('report', 'what gasReport returned', () => {
    const rates = report.feeRates.map((rate) => `sat at ${Number(rate) / 1_000} sat/vB`);
    const head = ['transition', 'path', 'weight', 'vB', ...rates, 'signatures', 'opcodes', 'peak stack'];
    const rows = report.rows.map((row) => [
      row.transition,
      row.path,
      String(row.weight),
      String(row.size),
      ...row.fees,
      String(row.signatureChecks),
      String(Object.values(row.opcodes).reduce((sum, count) => sum + count, 0)),
      String(row.peakStack),
    ]);
    return markdownTable(head, rows);
  });
}

/** Differences as a table in Markdown; empty text without any. */
export function gasDiffTable(changes: readonly GasChange[]): string {
  return guarded('changes', 'what diffGasReports returned', () => {
    if (changes.length === 0) return '';
    const rows = changes.map(({ transition, before, after }) => {
      const difference = (after ?? 0) - (before ?? 0);
      return [transition, String(before ?? '–'), String(after ?? '–'), `${difference > 0 ? '+' : ''}${difference} WU`];
    });
    return markdownTable(['transition', 'before', 'after', 'difference'], rows);
  });
}

/** A table in Markdown, columns aligned. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)].join('\n');
}
