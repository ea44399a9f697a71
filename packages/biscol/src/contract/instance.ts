import { currentCrypto, feeRate, type NetworkName, type Satoshis, satoshis, toHex } from '@bitcoin-enterprise/core';
import { checkTemplateHash } from '@bitcoin-enterprise/script';
import { guarded, requireObject, requireText } from '../checks.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { and, type Clause, type ClauseKey, musig, pk } from './clauses.ts';
import type { AnyState } from './define.ts';
import {
  type AnyContract,
  type ContractInstance,
  type Covenants,
  covenantsFrom,
  stateOf,
  transitionOf,
} from './model.ts';
import type { ContractOutput } from './outputs.ts';
import { compileState, type StateOutput } from './state-output.ts';
import { planTransition } from './transition.ts';
import {
  type NamedKey,
  type Party,
  publicKey,
  readValues,
  type ValueKinds,
  type ValuesInput,
  writeValues,
} from './values.ts';

/** {@link Covenants} as they may be given: keys as texts. */
export type CovenantsInput =
  | { readonly kind: 'presigned'; readonly keys: readonly string[]; readonly feeRate: bigint | string }
  | { readonly kind: 'ctv'; readonly feeRate: bigint | string };

/** What an instance is made of. */
export interface InstantiateOptions<Params extends ValueKinds> {
  readonly params: ValuesInput<Params>;
  readonly network: NetworkName;
  /** How covenants are enforced; needed by contracts that have some. */
  readonly covenants?: CovenantsInput;
  /** Tells instances of equal parameters apart: any text. */
  readonly nonce?: string;
}

/** A description of an instance that can be kept and sent; {@link readInstance} makes it one again. */
export interface InstanceJson {
  readonly contract: string;
  readonly version: number;
  readonly network: NetworkName;
  readonly params: Readonly<Record<string, unknown>>;
  readonly covenants?: CovenantsInput;
  readonly nonce?: string;
}

/** Depth of covenants within covenants: more never ends. */
const MOST_NESTED = 200;
const MOST_OUTPUTS = 16;

/**
 * Makes an instance: parameters are checked, nothing is built or sent.
 *
 * @throws BiscolError `BISCOL_VALUE_INVALID` with the path of a wrong parameter, `BISCOL_INVALID_ARGUMENT`.
 */
export function instantiate<Of extends AnyContract>(
  contract: Of,
  options: InstantiateOptions<Of['params'] & ValueKinds>,
): ContractInstance<Of> {
  return guarded('options', 'what the contract asks for', () => {
    const { params, network, covenants, nonce } = requireObject<InstantiateOptions<ValueKinds>>('options', options);
    requireContract(contract);
    const name = requireText('options.network', network) as NetworkName;
    const values = readValues(contract.params as ValueKinds, params, { network: name, path: 'params' });
    checkRules(contract, values);
    const checked = covenants === undefined ? undefined : readCovenants(covenants, name);
    const needsCovenants = Object.values(contract.transitions).some((transition) => transition.covenant === true);
    if (needsCovenants && checked === undefined)
      throw invalidArgument('options.covenants', 'how the covenants of the contract are enforced', covenants);
    const parties = new Map<string, Party>();
    for (const [param, kind] of Object.entries(contract.params as ValueKinds))
      if (kind.kind === 'party') parties.set(param, values[param] as Party);
      else if (kind.kind === 'list of party')
        for (const one of values[param] as readonly Party[]) parties.set(one.name, one);
    const cache = new Map<string, StateOutput>();
    let depth = 0;
    const instance: ContractInstance<Of> = {
      contract,
      id: idOf(contract, { values, network: name, covenants: checked, nonce }),
      network: name,
      params: values,
      parties,
      covenants: checked,
      output(state, data, value) {
        const template = stateOf(instance, state);
        const isTemplate = checked?.kind === 'ctv' && covenantsFrom(contract, state).length > 0;
        const key = `${state} ${JSON.stringify(writeValues(contract.data as ValueKinds, data))} ${isTemplate ? value : ''}`;
        const known = cache.get(key);
        if (known !== undefined) return known;
        if (depth >= MOST_NESTED)
          throw new BiscolError(
            'BISCOL_COVENANT_ENDLESS',
            `expected covenants that end, got more than ${MOST_NESTED}`,
            {
              details: { state },
            },
          );
        depth += 1;
        try {
          const output = compileState(state, partsOf(instance, { state, template, data, value }));
          if (cache.size >= MOST_OUTPUTS) cache.delete(cache.keys().next().value as string);
          cache.set(key, output);
          return output;
        } finally {
          depth -= 1;
        }
      },
    };
    return instance;
  });
}

function checkRules({ rules }: AnyContract, values: Readonly<Record<string, unknown>>): void {
  const problem = rules(values as never).find((one) => one !== undefined);
  if (problem === undefined) return;
  const { param, expected } = problem;
  throw new BiscolError('BISCOL_VALUE_INVALID', `expected params.${param} to be ${expected}`, {
    details: { path: `params.${param}`, expected },
  });
}

function requireContract(contract: AnyContract): void {
  const { transitions, params, states } = requireObject<AnyContract>('contract', contract);
  for (const [name, part] of Object.entries({ transitions, params, states })) requireObject(`contract.${name}`, part);
}

function readCovenants(covenants: CovenantsInput, network: NetworkName): Covenants {
  const { kind, feeRate: rate } = requireObject<CovenantsInput>('options.covenants', covenants);
  const isRate = typeof rate === 'bigint' || (typeof rate === 'string' && /^\d{1,15}$/.test(rate));
  if (!isRate) throw invalidArgument('options.covenants.feeRate', 'sat/kvB as a bigint or decimal string', rate);
  const checked = feeRate(BigInt(rate));
  if (kind === 'ctv') return { kind, feeRate: checked };
  const { keys } = covenants as { readonly keys?: unknown };
  if (kind !== 'presigned' || !Array.isArray(keys) || keys.length === 0 || keys.length > 100)
    throw invalidArgument('options.covenants', "{ kind: 'ctv' }, or { kind: 'presigned' } with 1 to 100 keys", kind);
  const reader = publicKey();
  return {
    kind,
    keys: keys.map((key: unknown, place) => reader.read(key, { network, path: `covenants.keys.covenant${place}` })),
    feeRate: checked,
  };
}

/** SHA-256 of all that makes the instance; equal descriptions are one instance. */
function idOf(
  contract: AnyContract,
  made: {
    readonly values: Readonly<Record<string, unknown>>;
    readonly network: NetworkName;
    readonly covenants: Covenants | undefined;
    readonly nonce: string | undefined;
  },
): string {
  const text = JSON.stringify([
    'bitcoin-enterprise/biscol/instance',
    contract.name,
    contract.version,
    made.network,
    writeValues(contract.params as ValueKinds, made.values as never),
    made.covenants === undefined ? null : writeCovenants(made.covenants),
    made.nonce ?? '',
  ]);
  return toHex(currentCrypto().sha256(new TextEncoder().encode(text)).subarray(0, 16));
}

function writeCovenants(covenants: Covenants): CovenantsInput {
  const rate = String(covenants.feeRate);
  return covenants.kind === 'ctv'
    ? { kind: 'ctv', feeRate: rate }
    : { kind: 'presigned', keys: covenants.keys.map(({ key }) => key), feeRate: rate };
}

/** The instance as JSON. */
export function writeInstance(instance: ContractInstance, nonce?: string): InstanceJson {
  return guarded('instance', 'what instantiate returned', () => {
    const { contract, network, params, covenants } = instance;
    return {
      contract: contract.name,
      version: contract.version,
      network,
      params: writeValues(contract.params as ValueKinds, params as never),
      ...(covenants === undefined ? {} : { covenants: writeCovenants(covenants) }),
      ...(nonce === undefined ? {} : { nonce }),
    };
  });
}

/**
 * An instance of one of the contracts that are known.
 *
 * @throws BiscolError `BISCOL_CONTRACT_UNKNOWN`, `BISCOL_VALUE_INVALID`, `BISCOL_INVALID_ARGUMENT`.
 */
export function readInstance(json: unknown, contracts: readonly AnyContract[]): ContractInstance {
  return guarded('json', 'what writeInstance returned', () => {
    const { contract, version, params, network, covenants, nonce } = requireObject<InstanceJson>('json', json);
    const known = contracts.find((one) => one.name === contract && one.version === version);
    if (known === undefined)
      throw new BiscolError('BISCOL_CONTRACT_UNKNOWN', 'expected a contract that is known, got another', {
        details: { contract: String(contract).slice(0, 64), version: Number(version) },
        hint: 'Give the definitions of all contracts whose instances are on record, of older versions too.',
      });
    if (nonce !== undefined && typeof nonce !== 'string') throw invalidArgument('json.nonce', 'a text', nonce);
    return instantiate(known, {
      params: params as never,
      network: network as NetworkName,
      ...(covenants === undefined ? {} : { covenants }),
      ...(nonce === undefined ? {} : { nonce }),
    });
  });
}

function partsOf(
  instance: ContractInstance,
  of: {
    readonly state: string;
    readonly template: AnyState;
    readonly data: Readonly<Record<string, unknown>>;
    readonly value: Satoshis;
  },
): Parameters<typeof compileState>[1] {
  const { params, covenants, contract } = instance;
  const { state, template, data, value } = of;
  const paths: Record<string, Clause> = { ...template.paths?.(params, data) };
  const templates: Record<string, Uint8Array> = {};
  for (const name of covenantsFrom(contract, state)) {
    const { by } = transitionOf(instance, name);
    const clause = paths[by];
    if (clause === undefined)
      throw new BiscolError('BISCOL_STATE_INVALID', `expected ${state} to have the path ${by}`, {
        details: { path: `${state}.${by}`, expected: 'a path' },
      });
    if (covenants?.kind === 'presigned') paths[by] = and(clause, pk(covenantKey(covenants.keys)));
    else templates[by] = templateOf(instance, name, { data, value, paths });
  }
  return { key: template.key?.(params, data), paths, odds: template.odds ?? {}, templates };
}

/** The key under which all together sign beforehand. */
export function covenantKey(keys: readonly NamedKey[]): ClauseKey {
  const [only] = keys;
  return keys.length === 1 && only !== undefined ? only : musig(...keys);
}

/** The hash of the one transaction that may spend a path (BIP119): it does not depend on which output is spent. */
function templateOf(
  instance: ContractInstance,
  transition: string,
  from: {
    readonly data: Readonly<Record<string, unknown>>;
    readonly value: Satoshis;
    readonly paths: Readonly<Record<string, Clause>>;
  },
): Uint8Array {
  const { data, value, paths } = from;
  const { from: state, by } = transitionOf(instance, transition);
  // The size of the leaf is known before its hash is: with any hash in its place the fee and so the outputs are found.
  const standIn = compileState(state, {
    key: stateOf(instance, state).key?.(instance.params, data),
    paths,
    odds: stateOf(instance, state).odds ?? {},
    templates: Object.fromEntries(
      covenantsFrom(instance.contract, state).map((name) => [transitionOf(instance, name).by, new Uint8Array(32)]),
    ),
  });
  const { tx } = planTransition(instance, transition, {
    cells: [{ state, data, value, txid: new Uint8Array(32), index: 0 }],
    outputOf: () => standIn,
    assumeSecrets: true,
  });
  void by;
  return checkTemplateHash(tx, 0);
}

/** The outputs that begin the contract. */
export function fundingOutputs(instance: ContractInstance): readonly {
  readonly state: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly value: Satoshis;
  readonly output: StateOutput;
}[] {
  return guarded('instance', 'what instantiate returned', () => {
    const outputs = (instance.contract.funding as (params: unknown) => readonly ContractOutput[])(instance.params);
    return outputs.map((output, place) => {
      if (output.kind !== 'state') throw invalidArgument(`funding[${place}]`, 'a state of the contract', output);
      const data = { ...emptyData(instance), ...output.data };
      const value = amountOfState(instance, output, data);
      return { state: output.state, data, value, output: instance.output(output.state, data, value) };
    });
  });
}

/** Data that a contract begins with where its funding says nothing. */
function emptyData({ contract }: ContractInstance): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(contract.data as ValueKinds).map(([name, kind]) => [name, kind.sample(name)]),
  );
}

function amountOfState(
  instance: ContractInstance,
  output: ContractOutput & { readonly kind: 'state' },
  data: Readonly<Record<string, unknown>>,
): Satoshis {
  const rule = stateOf(instance, output.state).amount;
  const amount = output.amount ?? rule?.(instance.params, data);
  if (typeof amount !== 'bigint')
    throw invalidArgument(`funding of ${output.state}`, 'an amount, of the state or of its output', amount);
  return satoshis(amount);
}
