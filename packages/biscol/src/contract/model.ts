import type { FeeRate, NetworkName, Satoshis } from '@bitcoin-enterprise/core';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { AnyState, AnyTransition, Contract } from './define.ts';
import type { StateOutput } from './state-output.ts';
import type { NamedKey, Party } from './values.ts';

/** A contract whatever its types. */
// oxlint-disable-next-line typescript/no-explicit-any -- contracts of all types; what is read of them is checked
export type AnyContract = Contract<any, any, any, any>;

/** How transitions whose outputs are fixed beforehand are enforced, and what fee they pay in sat/kvB. */
export type Covenants =
  /** By transactions that these keys sign before the contract is funded, all together (MuSig2); one key is deleted then. */
  | { readonly kind: 'presigned'; readonly keys: readonly NamedKey[]; readonly feeRate: FeeRate }
  /** By OP_CHECKTEMPLATEVERIFY (BIP119): only on chains where it is in force. */
  | { readonly kind: 'ctv'; readonly feeRate: FeeRate };

/** A contract with its parameters, on a network. */
export interface ContractInstance<Of extends AnyContract = AnyContract> {
  readonly contract: Of;
  /** Names the instance for good: 32 hexadecimal digits of a hash of all that it is made of, or what was given. */
  readonly id: string;
  readonly network: NetworkName;
  readonly params: Readonly<Record<string, unknown>>;
  /** Everybody who takes part, by name. */
  readonly parties: ReadonlyMap<string, Party>;
  readonly covenants: Covenants | undefined;
  /**
   * A state as an output: script, tree, descriptor, ways to spend it.
   *
   * @param data - Data of the output.
   * @param value - Satoshis that it holds, on which templates of CHECKTEMPLATEVERIFY depend.
   * @throws BiscolError `BISCOL_STATE_INVALID`, `BISCOL_COVENANT_ENDLESS`.
   */
  output(state: string, data: Readonly<Record<string, unknown>>, value: Satoshis): StateOutput;
}

/** A state of the contract by its name. */
export function stateOf({ contract }: ContractInstance, state: string): AnyState {
  const states = contract.states as Readonly<Record<string, AnyState>>;
  const found = Object.hasOwn(states, state) ? states[state] : undefined;
  if (found === undefined) throw invalidArgument('state', `one of ${Object.keys(states).join(', ')}`, state);
  return found;
}

/** A transition of the contract by its name. */
export function transitionOf(instance: ContractInstance, transition: string): AnyTransition {
  const { contract } = requireObject<ContractInstance>('instance', instance);
  const { transitions: named } = requireObject<AnyContract>('instance.contract', contract);
  const transitions = requireObject<Record<string, AnyTransition>>('instance.contract.transitions', named);
  const found = Object.hasOwn(transitions, transition) ? transitions[transition] : undefined;
  if (found === undefined)
    throw invalidArgument('transition', `one of ${Object.keys(transitions).join(', ')}`, transition);
  return found;
}

/** The transitions from a state that are fixed beforehand. */
export function covenantsFrom(contract: AnyContract, state: string): readonly string[] {
  return Object.entries(contract.transitions)
    .filter(([, { from, covenant }]) => from === state && covenant === true)
    .map(([name]) => name);
}
