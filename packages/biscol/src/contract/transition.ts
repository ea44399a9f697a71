import {
  compactSizeLength,
  currentCrypto,
  equalBytes,
  feeFor,
  type FeeRate,
  type Satoshis,
  satoshis,
  virtualBytes,
} from '@bitcoin-enterprise/core';
import type { HashFunction } from '@bitcoin-enterprise/descriptors';
import {
  dustThreshold,
  policyProfiles,
  type PolicyProfile,
  serializeTransaction,
  SighashType,
  type SpentOutput,
  type Transaction,
  type TransactionOutput,
} from '@bitcoin-enterprise/script';
import { guarded, requireBytes, requireInteger, requireObject } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import type { AnyTransition } from './define.ts';
import { type ContractInstance, stateOf, transitionOf } from './model.ts';
import { type ContractOutput, rest } from './outputs.ts';
import { planPath, planPathOnce } from './plan-path.ts';
import type { PathPlan } from './state-output.ts';
import type { StateOutput } from './state-output.ts';
import { readValues, type ValueKinds } from './values.ts';

/** A live output of a contract. */
export interface Cell {
  readonly state: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly value: Satoshis;
  /** 32 bytes in internal order. */
  readonly txid: Uint8Array;
  readonly index: number;
}

/** An input beside those of the contract: it brings what the fee needs. */
export interface SponsorInput extends SpentOutput {
  /** 32 bytes in internal order. */
  readonly txid: Uint8Array;
  readonly index: number;
  readonly sequence: number;
  /** Weight units of the whole input. */
  readonly weight: number;
}

/** How a transition is planned. */
export interface PlanTransitionOptions {
  /** What is spent: live outputs of the state that the transition comes from. */
  readonly cells: readonly Cell[];
  /** Arguments: JSON or values, checked here. */
  readonly args?: Readonly<Record<string, unknown>>;
  /** sat/kvB; of a covenant that of the instance. */
  readonly feeRate?: FeeRate;
  /** Names of the parties and keys that sign, of those who could; all when absent. */
  readonly signers?: readonly string[];
  /** Inputs of others that pay the fee, and where their change goes. */
  readonly sponsor?: { readonly inputs: readonly SponsorInput[]; readonly change: Uint8Array };
  /** Relay rules for dust; those of Core 31 when absent. */
  readonly profile?: PolicyProfile;
  /** Whether inputs may bring less than the outputs take, because others add theirs (ANYONECANPAY). */
  readonly partial?: boolean;
  /** Whether secrets that are not given are taken as known: others have them. `false` when absent. */
  readonly assumeSecrets?: boolean;
  /** The outputs that are spent, where they are known already. */
  readonly outputOf?: (cell: Cell) => StateOutput;
}

/** A transition with everything decided but the signatures. */
export interface TransitionPlan {
  readonly transition: string;
  /** With empty witnesses. */
  readonly tx: Transaction;
  /** Of `tx`, 32 bytes in internal order: signatures do not change it. */
  readonly txid: Uint8Array;
  /** `tx` as serialised. */
  readonly bytes: Uint8Array;
  readonly spentOutputs: readonly SpentOutput[];
  /** Inputs of the contract; those of sponsors come after them. */
  readonly inputs: readonly { readonly cell: Cell; readonly output: StateOutput; readonly plan: PathPlan }[];
  /** Sighash type of the inputs of the contract (BIP341). */
  readonly hashType: number;
  /** Secrets that are revealed. */
  readonly preimages: readonly Uint8Array[];
  /** Outputs that the contract goes on in. */
  readonly next: readonly {
    readonly index: number;
    readonly state: string;
    readonly data: Readonly<Record<string, unknown>>;
  }[];
  /** Outputs that pay somebody. */
  readonly payouts: readonly { readonly index: number; readonly party: string | undefined; readonly value: Satoshis }[];
  /** Output that anybody may spend to pay for the transaction. */
  readonly anchor: number | undefined;
  /** Output that takes what is left. */
  readonly restAt: number | undefined;
  /** Weight units of the signed transaction, exact. */
  readonly weight: number;
  /** Satoshis; 0 of a part to which others bring the rest. */
  readonly fee: Satoshis;
}

const HASH_TYPES: Readonly<Record<NonNullable<AnyTransition['sighash']>, number>> = {
  DEFAULT: SighashType.DEFAULT,
  'ALL|ANYONECANPAY': SighashType.ALL | SighashType.ANYONECANPAY,
  'SINGLE|ANYONECANPAY': SighashType.SINGLE | SighashType.ANYONECANPAY,
};

/** A P2TR output beside a sponsor's inputs. */
const CHANGE_SIZE = 8 + 1 + 34;

/**
 * Plans a transition: which way each input takes, outputs, fee and weight to the unit. Pure: the same arguments give the
 * same transaction, so that parties who never trust each other can each make it themselves.
 *
 * @throws BiscolError `BISCOL_VALUE_INVALID` for arguments; `BISCOL_TRANSITION_IMPOSSIBLE` with the reason;
 * `BISCOL_AMOUNTS_MISMATCH`; `BISCOL_DUST`; `BISCOL_INVALID_ARGUMENT`.
 */
export function planTransition(
  instance: ContractInstance,
  transition: string,
  options: PlanTransitionOptions,
): TransitionPlan {
  return guarded('options', 'an instance, a transition and cells of it', () => {
    const template = transitionOf(instance, transition);
    const { cells, signers, sponsor, profile = policyProfiles['core-31'], outputOf } = options;
    requireCells(transition, template, cells);
    const kinds = template.args ?? {};
    const given = options.assumeSecrets === true ? withAssumed(kinds, options.args ?? {}) : (options.args ?? {});
    const args = readValues(kinds, given, { network: instance.network, path: 'args' });
    const value = satoshis(cells.reduce((sum, cell) => sum + cell.value, 0n));
    const context = { data: (cells[0] as Cell).data, args, cells, value } as never;
    const { params } = instance;
    const refusal = template.refuses?.(params, context);
    if (refusal !== undefined) throw impossible(transition, refusal);
    const hashType = HASH_TYPES[template.sighash ?? 'DEFAULT'];
    const preimages = template.reveals?.(params, context) ?? [];
    const willing = template
      .signers?.(params, context)
      .flatMap(({ key, participants }) => [key, ...(participants ?? []).map((one) => one.key)]);
    const named =
      signers === undefined ? undefined : new Set(signers.flatMap((name) => keysNamed(instance, name, cells)));
    const inputs = cells.map((cell) => {
      const output = outputOf?.(cell) ?? instance.output(cell.state, cell.data, cell.value);
      const assets: Parameters<typeof planPath>[2] = {
        canSign: (key) => {
          if (willing === undefined && named === undefined) return true;
          const texts = [
            key.expression.text('public'),
            ...key.participants.map((one) => one.expression.text('public')),
          ];
          if (willing !== undefined && !texts.some((text) => willing.includes(text))) return false;
          if (named === undefined) return true;
          const own = key.participants.length === 0 ? texts.slice(0, 1) : texts.slice(1);
          return own.every((text) => named.has(text) || isCovenantKey(instance, text));
        },
        hasPreimage: (hashFunction, hash) =>
          options.assumeSecrets === true || preimages.some((preimage) => isPreimage(hashFunction, hash, preimage)),
        signatureSize: hashType === SighashType.DEFAULT ? 64 : 65,
      };
      const isPlain = willing === undefined && named === undefined && preimages.length === 0;
      const plan =
        isPlain && options.assumeSecrets !== true
          ? planPathOnce(output, template.by, assets)
          : planPath(output, template.by, assets);
      if (plan === undefined)
        throw impossible(transition, `no way of path ${template.by} with these signers and secrets`);
      return { cell, output, plan };
    });
    const lockTime = lockTimeOf(transition, [
      ...inputs.map(({ plan }) => plan.lockTime),
      template.lockTime?.(params, context) ?? 0,
    ]);
    const made = template.outputs(params, context);
    const drafts = made.map((output) => draftOf(instance, output, (cells[0] as Cell).data));
    const witness = inputs.reduce((sum, { plan }) => sum + plan.weight, 0);
    const sponsored = sponsor?.inputs.reduce((sum, { weight }) => sum + weight, 0) ?? 0;
    const weight =
      4 * (4 + 4 + compactSizeLength(inputs.length + (sponsor?.inputs.length ?? 0))) +
      2 +
      witness +
      sponsored +
      4 * outputsSize(drafts, sponsor !== undefined);
    const rate = template.covenant === true ? instance.covenants?.feeRate : options.feeRate;
    if (rate === undefined && options.partial !== true) throw invalidArgument('options.feeRate', 'sat/kvB', rate);
    const owed = rate === undefined ? satoshis(0n) : feeFor(rate, virtualBytes(Math.ceil(weight / 4)));
    const brought = value + (sponsor?.inputs.reduce((sum, input) => sum + input.value, 0n) ?? 0n);
    const amounts = settle(transition, { drafts, brought, owed, sponsor, partial: options.partial === true });
    const outputs: TransactionOutput[] = drafts.map((draft, index) => {
      const exact = draft.amount === rest ? amounts.rest : draft.amount;
      const scriptPubKey = draft.scriptPubKey ?? instance.output(draft.state, draft.data, satoshis(exact)).scriptPubKey;
      const minimum = dustThreshold(scriptPubKey, profile.dustRelayFee);
      const mayBeDust = draft.kind === 'note' || (draft.kind === 'anchor' && template.version === 3);
      if (exact < minimum && !mayBeDust)
        throw new BiscolError('BISCOL_DUST', `expected at least ${minimum} sat for output ${index}, got ${exact}`, {
          details: { transition, output: index, minimum: String(minimum) },
        });
      return { value: exact, scriptPubKey };
    });
    if (sponsor !== undefined) outputs.push({ value: amounts.change, scriptPubKey: sponsor.change });
    const hasAbsoluteLock = lockTime !== 0;
    const tx: Transaction = {
      version: template.version ?? 2,
      inputs: [
        ...inputs.map(({ cell, plan }) => ({
          previousTxid: cell.txid,
          previousIndex: cell.index,
          scriptSig: NOTHING,
          sequence: hasAbsoluteLock && plan.sequence === 0xffff_ffff ? 0xffff_fffe : plan.sequence,
          witness: [],
        })),
        ...(sponsor?.inputs ?? []).map(({ txid, index, sequence }) => ({
          previousTxid: txid,
          previousIndex: index,
          scriptSig: NOTHING,
          sequence,
          witness: [],
        })),
      ],
      outputs,
      lockTime,
    };
    // Of a part of a transaction there is none yet: others bring what is missing.
    const paysFee = brought - outputs.reduce((sum, output) => sum + output.value, 0n);
    const unsigned = serializeTransaction(tx, { witness: false });
    return {
      transition,
      tx,
      txid: currentCrypto().hash256(unsigned),
      bytes: unsigned,
      spentOutputs: [
        ...inputs.map(({ cell, output }) => ({ value: cell.value, scriptPubKey: output.scriptPubKey })),
        ...(sponsor?.inputs ?? []).map(({ value: held, scriptPubKey }) => ({ value: held, scriptPubKey })),
      ],
      inputs,
      hashType,
      preimages,
      next: drafts.flatMap((draft, index) =>
        draft.kind === 'state' ? [{ index, state: draft.state, data: draft.data }] : [],
      ),
      payouts: drafts.flatMap((draft, index) =>
        draft.kind === 'payout'
          ? [{ index, party: draft.party, value: satoshis((outputs[index] as TransactionOutput).value) }]
          : [],
      ),
      anchor: placeOf(drafts, ({ kind }) => kind === 'anchor'),
      restAt: placeOf(drafts, ({ amount }) => amount === rest),
      weight,
      fee: satoshis(paysFee > 0n ? paysFee : 0n),
    };
  });
}

const NOTHING = new Uint8Array(0);

function placeOf(drafts: readonly Draft[], is: (draft: Draft) => boolean): number | undefined {
  const place = drafts.findIndex(is);
  return place === -1 ? undefined : place;
}

type Draft = {
  readonly amount: Satoshis | typeof rest;
  readonly scriptPubKey: Uint8Array | undefined;
  readonly state: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly party: string | undefined;
  readonly kind: ContractOutput['kind'];
};

/** Arguments with stand-ins for secrets that are missing. */
function withAssumed(kinds: ValueKinds, args: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const assumed = Object.entries(kinds)
    .filter(([name, { kind }]) => kind === 'preimage' && args[name] === undefined)
    .map(([name, kind]) => [name, kind.sample(name)]);
  return { ...args, ...Object.fromEntries(assumed) };
}

function requireCells(transition: string, { from, takes }: AnyTransition, cells: readonly Cell[]): void {
  if (!Array.isArray(cells) || cells.length === 0) throw invalidArgument('options.cells', 'one or more', cells);
  for (const [place, cell] of cells.entries()) {
    const { data, value, txid, index } = requireObject<Cell>(`options.cells[${place}]`, cell);
    requireObject(`options.cells[${place}].data`, data);
    requireBytes(`options.cells[${place}].txid`, txid, 32);
    requireInteger(`options.cells[${place}].index`, index, 0, 0xffff_ffff);
    if (typeof value !== 'bigint') throw invalidArgument(`options.cells[${place}].value`, 'satoshis', value);
  }
  if (takes !== 'many' && cells.length > 1) throw impossible(transition, 'it spends one output, got more');
  for (const { state } of cells)
    if (state !== from) throw impossible(transition, `it spends the state ${from}, got ${state}`);
  const isTwice = cells.some((one, place) =>
    cells.slice(0, place).some((other) => other.index === one.index && equalBytes(other.txid, one.txid)),
  );
  if (isTwice) throw impossible(transition, 'an output that is spent twice');
}

function impossible(transition: string, reason: string): BiscolError {
  return new BiscolError('BISCOL_TRANSITION_IMPOSSIBLE', `expected ${transition} to be possible: ${reason}`, {
    details: { transition, reason },
  });
}

/** Key expressions of a name: of a party, or of a key among the parameters or the data of what is spent. */
function keysNamed({ params }: ContractInstance, name: string, cells: readonly Cell[]): readonly string[] {
  const values = [params, ...cells.map(({ data }) => data)].flatMap((one) => Object.values(one)).flat();
  const keys = (values as readonly ({ readonly name?: unknown; readonly key?: unknown } | null)[]).flatMap((one) =>
    one?.name === name && typeof one.key === 'string' ? [one.key] : [],
  );
  if (keys.length === 0) throw invalidArgument('options.signers', 'names of parties and keys', name);
  return keys;
}

function isCovenantKey({ covenants }: ContractInstance, text: string): boolean {
  return covenants?.kind === 'presigned' && covenants.keys.some(({ key }) => key === text);
}

function isPreimage(hashFunction: HashFunction, hash: Uint8Array, preimage: Uint8Array): boolean {
  return preimage.length === 32 && equalBytes(currentCrypto()[hashFunction](preimage), hash);
}

/** The latest of lock times; heights and times do not go together (BIP65). */
function lockTimeOf(transition: string, locks: readonly number[]): number {
  const set = locks.filter((lock) => lock !== 0);
  const isMixed = set.some((lock) => lock < 500_000_000) && set.some((lock) => lock >= 500_000_000);
  if (isMixed) throw impossible(transition, 'a lock by height and one by time in one transaction');
  return Math.max(0, ...set);
}

function draftOf(instance: ContractInstance, output: ContractOutput, data: Readonly<Record<string, unknown>>): Draft {
  const base = { state: '', data: {}, party: undefined };
  if (output.kind !== 'state')
    return {
      ...base,
      kind: output.kind,
      amount: output.amount,
      scriptPubKey: output.scriptPubKey,
      party: output.kind === 'payout' ? output.party : undefined,
    };
  const { contract, params, network } = instance;
  const next = readValues(
    contract.data as ValueKinds,
    { ...data, ...output.data },
    { network, path: `${output.state}.data` },
  );
  const rule = stateOf(instance, output.state).amount?.(params, next);
  const amount = output.amount ?? rule;
  if (amount === undefined)
    throw invalidArgument(`amount of ${output.state}`, 'an amount, of the state or output', amount);
  return { ...base, kind: 'state', state: output.state, data: next, amount, scriptPubKey: undefined };
}

/** Bytes of all outputs with their number; states are P2TR. */
function outputsSize(drafts: readonly Draft[], hasChange: boolean): number {
  let size = compactSizeLength(drafts.length + (hasChange ? 1 : 0)) + (hasChange ? CHANGE_SIZE : 0);
  for (const { scriptPubKey } of drafts) {
    const length = scriptPubKey?.length ?? 34;
    size += 8 + compactSizeLength(length) + length;
  }
  return size;
}

/** What is left, and for whom. */
function settle(
  transition: string,
  of: {
    readonly drafts: readonly Draft[];
    readonly brought: bigint;
    readonly owed: bigint;
    readonly sponsor: PlanTransitionOptions['sponsor'];
    readonly partial: boolean;
  },
): { readonly rest: Satoshis; readonly change: Satoshis } {
  const { drafts, brought, owed, sponsor, partial } = of;
  const rests = drafts.filter(({ amount }) => amount === rest).length;
  if (rests > 1) throw impossible(transition, 'more than one output that takes what is left');
  const fixed = drafts.reduce((sum, { amount }) => (amount === rest ? sum : sum + amount), 0n);
  const left = brought - fixed - owed;
  if (left < 0n && !(partial && rests === 0))
    throw new BiscolError(
      'BISCOL_AMOUNTS_MISMATCH',
      `expected inputs of ${fixed + owed} sat, fee of ${owed} counted, got ${brought}`,
      { details: { transition, needed: String(fixed + owed), available: String(brought) } },
    );
  if (sponsor !== undefined) return { rest: satoshis(0n), change: satoshis(left) };
  return { rest: satoshis(left < 0n ? 0n : left), change: satoshis(0n) };
}
