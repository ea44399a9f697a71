import type { Satoshis } from '@bitcoin-enterprise/core';
import { guarded, requireFunction, requireList, requireObject, requireText } from '../checks.ts';
import { BiscolError } from '../errors.ts';
import type { Clause, ClauseKey } from './clauses.ts';
import type { ContractOutput } from './outputs.ts';
import type { NamedKey, ValueKinds, Values } from './values.ts';

/** A state: the template of an output of the contract. */
export interface StateTemplate<Params, Data> {
  /** One sentence for people. */
  readonly description?: string;
  /** What the output holds, in satoshis; absent where the transition that makes it says so. */
  readonly amount?: (params: Params, data: Data) => Satoshis;
  /** The key path of Taproot: a key, or keys that sign as one; nobody's when absent. Its path is named `key`. */
  readonly key?: (params: Params, data: Data) => ClauseKey;
  /** The other ways to spend it, by name: each becomes one leaf or more, without IF. */
  readonly paths?: (params: Params, data: Data) => Readonly<Record<string, Clause>>;
  /** How likely each path is beside the others, whole numbers from 1: likely ones lie higher. 1 when absent. */
  readonly odds?: Readonly<Record<string, number>>;
}

/** What a transition knows of what it spends. */
export interface TransitionContext<Data, Args> {
  /** Data of the output that is spent; of several, of the first. */
  readonly data: Data;
  readonly args: Args;
  /** All outputs that are spent. */
  readonly cells: readonly { readonly data: Data; readonly value: Satoshis }[];
  /** What they hold together, in satoshis. */
  readonly value: Satoshis;
}

/** A transition: a spend of a state. */
export interface TransitionTemplate<Params, Data, States, From extends keyof States, Kinds> {
  readonly description?: string;
  /** The state that is spent. */
  readonly from: From;
  /** The path that is taken: `key`, or one of the state's. */
  readonly by: PathsOf<States[From]>;
  /** What the caller gives; checked at the border. */
  readonly args?: Kinds;
  /** Spends one output of the state, or as many as the caller names. `one` when absent. */
  readonly takes?: 'one' | 'many';
  /** Those whose keys sign, of those who could; all when absent. */
  readonly signers?: (params: Params, context: TransitionContext<Data, ValuesOf<Kinds>>) => readonly ClauseKey[];
  /** Secrets that are revealed, 32 bytes each. */
  readonly reveals?: (params: Params, context: TransitionContext<Data, ValuesOf<Kinds>>) => readonly Uint8Array[];
  /** Why it is refused whatever the signatures: a reason for people, `undefined` when it is not. */
  readonly refuses?: (params: Params, context: TransitionContext<Data, ValuesOf<Kinds>>) => string | undefined;
  /** Lock time of the transaction where it must be later than the path demands: a height, or a Unix time. */
  readonly lockTime?: (params: Params, context: TransitionContext<Data, ValuesOf<Kinds>>) => number;
  /** What signatures cover (BIP341); `DEFAULT`, which is all, when absent. */
  readonly sighash?: 'DEFAULT' | 'ALL|ANYONECANPAY' | 'SINGLE|ANYONECANPAY';
  /** 3 for TRUC (BIP431), which an anchor without fee needs; 2 when absent. */
  readonly version?: 2 | 3;
  /**
   * Whether what follows is fixed beforehand: enforced by presigning, or by CHECKTEMPLATEVERIFY. Its only arguments can be
   * secrets, for they change no output. `false` when absent.
   */
  readonly covenant?: boolean;
  /** What is made: next states and payouts. */
  readonly outputs: (
    params: Params,
    context: TransitionContext<Data, ValuesOf<Kinds>>,
  ) => readonly ContractOutput<keyof States & string, Data>[];
}

/** Something that a party does by itself, as long as the contract says that it should. */
export interface Duty<Params, Data, State, Transition, Secrets extends string = string> {
  /** Whose it is. */
  readonly party: (params: Params) => NamedKey;
  /** In this state… */
  readonly state: State;
  /** …it does this, */
  readonly transition: Transition;
  /** once this holds; at once when absent. Locks of the path are waited for anyway. */
  readonly when?: (params: Params, view: DutyView<Data>) => boolean;
  /** Names of secrets that it must know, which become arguments. */
  readonly secrets?: readonly Secrets[];
  /** Whether it sends the latest one that is signed and held, with the arguments of that. `false` when absent. */
  readonly held?: boolean;
}

/** What is wrong with parameters that are right each by itself. */
export interface ParamProblem {
  /** For example `refundAfter`. */
  readonly param: string;
  readonly expected: string;
}

/** What a party sees when it decides. */
export interface DutyView<Data> {
  readonly data: Data;
  /** Height of the best block. */
  readonly height: number;
  /** Blocks on top of the output's own, itself counted; 0 while it waits. */
  readonly confirmations: number;
  /** Whether the party knows the secret of an argument of the transition. */
  readonly knows: (argument: string) => boolean;
}

/** The names of a state's paths. */
export type PathsOf<State> =
  | ('key' extends keyof State ? 'key' : never)
  | (State extends { readonly paths?: infer Paths } ? NamesOf<NonNullable<Paths>> : never);

// oxlint-disable-next-line typescript/no-explicit-any -- with `never[]` nothing is inferred of functions still to be typed
type NamesOf<Paths> = Paths extends (...parameters: any[]) => infer Named ? keyof Named & string : never;

/** Values of kinds that may be absent. */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- nothing is what it has
export type ValuesOf<Kinds> = Kinds extends ValueKinds ? Values<Kinds> : Readonly<Record<never, never>>;

/** What a contract is defined by. */
export interface ContractDefinition<
  Params extends ValueKinds,
  Data extends ValueKinds,
  States extends Readonly<Record<string, StateTemplate<Values<Params>, Values<Data>>>>,
  Transitions,
> {
  /** 1 to 64 letters, digits and `-`. */
  readonly name: string;
  /** Rises whenever the same parameters would give other scripts or transactions. 1 when absent. */
  readonly version?: number;
  readonly description?: string;
  /** What an instance is made of; checked at the border. */
  readonly params: Params;
  /** What is wrong with parameters beside each other; nothing when absent. */
  readonly rules?: (params: Values<Params>) => readonly (ParamProblem | undefined)[];
  /** What each output of the contract carries along. */
  readonly data?: Data;
  readonly states: States;
  readonly transitions: {
    readonly [Name in keyof Transitions]: {
      readonly [From in keyof States]: TransitionTemplate<
        Values<Params>,
        Values<Data>,
        States,
        From,
        Transitions[Name]
      >;
    }[keyof States];
  };
  /** The outputs that begin the contract, made by whoever funds it. */
  readonly funding: (params: Values<Params>) => readonly ContractOutput<keyof States & string, Values<Data>>[];
  /** What parties do by themselves. */
  readonly duties?: ReadonlyArray<
    Duty<Values<Params>, Values<Data>, keyof States & string, keyof Transitions & string>
  >;
}

/** A contract: what {@link defineContract} made of a definition. */
export interface Contract<
  Params extends ValueKinds = ValueKinds,
  Data extends ValueKinds = ValueKinds,
  States extends string = string,
  Transitions = unknown,
> {
  readonly name: string;
  readonly version: number;
  readonly description: string;
  readonly params: Params;
  /** What has to hold of parameters. */
  readonly rules: (params: Values<Params>) => readonly (ParamProblem | undefined)[];
  readonly data: Data;
  readonly states: Readonly<Record<States, AnyState>>;
  readonly transitions: Readonly<Record<keyof Transitions & string, AnyTransition>>;
  /** The outputs that begin it. */
  readonly funding: (params: Values<Params>) => readonly ContractOutput[];
  readonly duties: readonly AnyDuty[];
  /** Arguments of the transitions; a type alone. */
  readonly args?: Transitions;
}

type Loose = Readonly<Record<string, unknown>>;

/** A state without the types of its contract. */
export type AnyState = StateTemplate<Loose, Loose>;
/** A transition without the types of its contract. */
export type AnyTransition = TransitionTemplate<Loose, Loose, Readonly<Record<string, AnyState>>, string, ValueKinds>;
/** A duty without the types of its contract. */
export type AnyDuty = Duty<Loose, Loose, string, string>;

/**
 * Defines a contract: states are outputs, transitions are spends. Nothing is built until parameters are there.
 *
 * @throws BiscolError `BISCOL_CONTRACT_INVALID` with the path of what is wrong.
 *
 * @example A payment that can be taken back after a day
 * ```ts
 * import { amount, and, blocks, defineContract, older, party, pay, pk, rest, to } from '@bitcoin-enterprise/biscol';
 *
 * const gift = defineContract({
 *   name: 'gift',
 *   params: { giver: party(), receiver: party(), sum: amount(), patience: blocks() },
 *   states: {
 *     given: {
 *       amount: ({ sum }) => sum,
 *       key: ({ receiver }) => receiver,
 *       paths: ({ giver, patience }) => ({ regret: and(pk(giver), older(patience)) }),
 *     },
 *   },
 *   transitions: {
 *     take: { from: 'given', by: 'key', outputs: ({ receiver }) => [pay(receiver, rest)] },
 *     takeBack: { from: 'given', by: 'regret', outputs: ({ giver }) => [pay(giver, rest)] },
 *   },
 *   funding: () => [to('given')],
 * });
 * Object.keys(gift.transitions); // => ['take', 'takeBack']
 * ```
 */
export function defineContract<
  const Params extends ValueKinds,
  const States extends Readonly<Record<string, StateTemplate<Values<Params>, Values<Data>>>>,
  const Transitions,
  // oxlint-disable-next-line typescript/no-generated-empty-object-type -- a contract without data has none
  const Data extends ValueKinds = Readonly<Record<never, never>>,
>(
  definition: ContractDefinition<Params, Data, States, Transitions>,
): Contract<Params, Data, keyof States & string, Transitions> {
  return guarded('definition', 'a definition of a contract', () => {
    const {
      name,
      version = 1,
      description = '',
      params,
      rules = noRules,
      data,
      states,
      transitions,
      funding,
      duties = [],
    } = requireObject<ContractDefinition<Params, Data, States, Transitions>>('definition', definition);
    if (typeof name !== 'string' || !/^[\da-zA-Z-]{1,64}$/.test(name))
      throw wrong('name', '1 to 64 letters, digits and -');
    if (!Number.isSafeInteger(version) || version < 1) throw wrong('version', 'a whole number from 1 up');
    checkKinds('params', params);
    checkKinds('data', data ?? {});
    requireFunction('definition.funding', funding);
    requireFunction('definition.rules', rules);
    const checkedStates = checkStates(states);
    const checkedTransitions = checkTransitions(transitions, checkedStates);
    const knownDuties = requireList('definition.duties', duties) as readonly AnyDuty[];
    for (const [place, duty] of knownDuties.entries()) {
      const transition = checkedTransitions[duty.transition];
      if (transition === undefined || transition.from !== duty.state)
        throw wrong(`duties[${place}]`, 'a transition from its state');
    }
    return {
      name,
      version,
      description,
      params: params as Params,
      rules: rules,
      data: (data ?? {}) as Data,
      states: checkedStates,
      transitions: checkedTransitions as Contract<Params, Data, keyof States & string, Transitions>['transitions'],
      funding: funding as unknown as Contract<Params, Data>['funding'],
      duties: knownDuties,
    };
  });
}

const noRules = (): readonly ParamProblem[] => [];
const NAME = /^[a-zA-Z]\w{0,40}$/;
const SIGHASHES: ReadonlySet<unknown> = new Set([undefined, 'DEFAULT', 'ALL|ANYONECANPAY', 'SINGLE|ANYONECANPAY']);

function wrong(path: string, expected: string): BiscolError {
  return new BiscolError('BISCOL_CONTRACT_INVALID', `expected ${path} to be ${expected}`, {
    details: { path, expected },
  });
}

function checkKinds(path: string, kinds: unknown): void {
  for (const [name, kind] of named(path, kinds)) {
    const { read, write, sample } = requireObject<ValueKinds[string]>(`${path}.${name}`, kind);
    for (const one of [read, write, sample])
      if (typeof one !== 'function') throw wrong(`${path}.${name}`, 'a kind of value such as amount()');
  }
}

function named(path: string, value: unknown): readonly (readonly [string, unknown])[] {
  const entries = Object.entries(requireObject(`definition.${path}`, value));
  for (const [name] of entries)
    if (!NAME.test(name)) throw wrong(`${path}.${name.slice(0, 40)}`, 'a name of letters, digits and _');
  return entries;
}

function checkStates(states: unknown): Readonly<Record<string, AnyState>> {
  const entries = named('states', states);
  if (entries.length === 0) throw wrong('states', 'one state or more');
  for (const [name, value] of entries) {
    const { amount, key, paths } = requireObject<AnyState>(`states.${name}`, value);
    if (key === undefined && paths === undefined) throw wrong(`states.${name}`, 'a state with a key or paths');
    for (const one of [amount, key, paths])
      if (one !== undefined && typeof one !== 'function') throw wrong(`states.${name}`, 'functions of the parameters');
  }
  return Object.fromEntries(entries) as Readonly<Record<string, AnyState>>;
}

function checkTransitions(
  transitions: unknown,
  states: Readonly<Record<string, AnyState>>,
): Readonly<Record<string, AnyTransition>> {
  const entries = named('transitions', transitions);
  for (const [name, value] of entries) {
    const path = `transitions.${name}`;
    const { from, by, takes, args, outputs, sighash, version, covenant } = requireObject<AnyTransition>(path, value);
    requireText(`${path}.from`, from);
    requireText(`${path}.by`, by);
    if (!Object.hasOwn(states, from as string)) throw wrong(`${path}.from`, 'one of the states');
    if (typeof outputs !== 'function') throw wrong(`${path}.outputs`, 'a function of the parameters');
    if (takes !== undefined && takes !== 'one' && takes !== 'many') throw wrong(`${path}.takes`, "'one' or 'many'");
    if (!SIGHASHES.has(sighash))
      throw wrong(`${path}.sighash`, "'DEFAULT', 'ALL|ANYONECANPAY' or 'SINGLE|ANYONECANPAY'");
    if (version !== undefined && version !== 2 && version !== 3) throw wrong(`${path}.version`, '2 or 3');
    if (covenant !== undefined && typeof covenant !== 'boolean') throw wrong(`${path}.covenant`, 'a boolean');
    if (covenant === true && Object.values(args ?? {}).some(({ kind }) => kind !== 'preimage'))
      throw wrong(`${path}.args`, 'secrets alone: what follows is fixed beforehand');
    if (covenant === true && by === 'key') throw wrong(`${path}.by`, 'a path of its own: the key path is free');
    if (args !== undefined) checkKinds(`${path}.args`, args);
  }
  return Object.fromEntries(entries) as Readonly<Record<string, AnyTransition>>;
}
