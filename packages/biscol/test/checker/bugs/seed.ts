import type { AnyContract, CovenantsInput, Party } from '@bitcoin-enterprise/biscol';
import type { CheckBounds } from '@bitcoin-enterprise/biscol/checker';
import type { Satoshis } from '@bitcoin-enterprise/core';
import type { Checked } from '../../support/checked-library.ts';
import type { ScenarioStep } from '../../support/scenarios.ts';

/** What kind of mistake a bug is. */
export type BugKind =
  | 'time-lock order'
  | 'time-lock too short'
  | 'time-lock missing'
  | 'hash lock missing'
  | 'hash locks swapped'
  | 'wrong key'
  | 'key path left open'
  | 'duty missing'
  | 'duty too late'
  | 'wrong receiver'
  | 'wrong amount'
  | 'dust'
  | 'fee too low'
  | 'pinning'
  | 'covenant missing'
  | 'wrong next state'
  | 'replay of an old state'
  | 'reorganisation after a reveal'
  | 'signers too few';

/** A mistake in a contract of the library. */
export interface Bug {
  readonly name: string;
  readonly kind: BugKind;
  /** Name of the case of the library that it is in. */
  readonly of: string;
  readonly mutate: (checked: Checked) => Checked;
  /** What else is different from the case, without the mistake: nothing is found there. */
  readonly control?: (checked: Checked) => Checked;
  /** Only these sides are looked at; all when absent. */
  readonly sides?: readonly string[];
  /** A way through the contract with the bug on which nobody meets it; that of the case when absent. */
  readonly walk?: readonly ScenarioStep[];
  readonly bounds?: CheckBounds;
  readonly covenants?: CovenantsInput;
}

type Patch = Readonly<Record<string, unknown>>;

/** Parameters of all contracts together, as far as bugs need them. */
export type P = Readonly<
  Record<
    | 'owner'
    | 'hot'
    | 'watchtower'
    | 'cold'
    | 'sender'
    | 'receiver'
    | 'buyer'
    | 'seller'
    | 'arbiter'
    | 'payer'
    | 'payee'
    | 'alice'
    | 'bob'
    | 'founder'
    | 'issuer'
    | 'breach'
    | 'offerer'
    | 'accepter'
    | 'recovery',
    Party
  >
> &
  Readonly<
    Record<
      | 'delay'
      | 'refundAfter'
      | 'margin'
      | 'patience'
      | 'expiry'
      | 'start'
      | 'period'
      | 'count'
      | 'notice'
      | 'deadline'
      | 'quorum'
      | 'term'
      | 'claimTime'
      | 'recoveryDelay',
      number
    >
  > &
  Readonly<
    Record<'sum' | 'price' | 'capacity' | 'reserve' | 'instalment' | 'goal' | 'collateral' | 'stake', Satoshis>
  > &
  Readonly<Record<'digest' | 'cancelDigest', Uint8Array>> &
  Readonly<Record<'heirs' | 'pledgers' | 'judges' | 'players' | 'members', readonly Party[]>> & {
    readonly commitments: readonly Uint8Array[];
  };

/** Data of outputs of all contracts together. */
export type D = Readonly<Record<'number' | 'paid' | 'pledger' | 'turn' | 'sum' | 'quorum', number>> & {
  readonly revocation: Uint8Array;
  readonly holder: Party;
  readonly owner: Party;
  readonly payTo: Uint8Array;
  readonly members: readonly Party[];
};

/** What a transition knows, of all contracts together. */
export interface C {
  readonly data: D;
  readonly value: Satoshis;
  readonly args: Readonly<Record<'paid' | 'toBuyer' | 'toAlice' | 'toOfferer' | 'penalty', Satoshis>> & {
    readonly number: number;
    readonly revocation: Uint8Array;
  };
}

/** What a duty sees. */
export interface V {
  readonly data: D;
  readonly height: number;
  readonly confirmations: number;
}

/** The contract changed by a function. */
const contractOf =
  (change: (contract: AnyContract) => AnyContract) =>
  (checked: Checked): Checked => ({ ...checked, contract: change(checked.contract) });

/** Some transitions changed in the same way. */
export const transitions = (names: readonly string[], patch: Patch): Bug['mutate'] =>
  contractOf((contract) => {
    const changed = Object.fromEntries(names.map((name) => [name, { ...contract.transitions[name], ...patch }]));
    return { ...contract, transitions: { ...contract.transitions, ...changed } } as AnyContract;
  });

/** One transition changed. */
export const transition = (name: string, patch: Patch): Bug['mutate'] => transitions([name], patch);

/** A state changed. */
export const state = (name: string, patch: Patch): Bug['mutate'] =>
  contractOf((contract) => ({
    ...contract,
    states: { ...contract.states, [name]: { ...contract.states[name], ...patch } },
  }));

/** Some paths of a state exchanged for others. */
export const paths = (name: string, change: (params: P, data: D) => Readonly<Record<string, unknown>>): Bug['mutate'] =>
  contractOf((contract) => {
    const before = contract.states[name]?.paths as ((params: P, data: D) => object) | undefined;
    const after = (params: P, data: D): object => ({ ...before?.(params, data), ...change(params, data) });
    return {
      ...contract,
      states: { ...contract.states, [name]: { ...contract.states[name], paths: after } },
    } as AnyContract;
  });

/** Duties left out by the names of their transitions. */
export const without = (...names: readonly string[]): Bug['mutate'] =>
  contractOf((contract) => ({
    ...contract,
    duties: contract.duties.filter((duty) => !names.includes(duty.transition)),
  }));

/** Duties changed by the name of their transition. */
export const duty = (name: string, patch: Patch): Bug['mutate'] =>
  contractOf(
    (contract) =>
      ({
        ...contract,
        duties: contract.duties.map((one) => (one.transition === name ? { ...one, ...patch } : one)),
      }) as AnyContract,
  );

/** Other outputs at the beginning. */
export const funding = (outputs: (params: P) => readonly unknown[]): Bug['mutate'] =>
  contractOf((contract) => ({ ...contract, funding: outputs as unknown as AnyContract['funding'] }));

/** Other parameters. */
export const params =
  (change: (of: P) => Patch): Bug['mutate'] =>
  (checked) => ({
    ...checked,
    params: (height) => {
      const before = checked.params(height);
      return { ...before, ...change(before as unknown as P) };
    },
  });

/** Another part of the case. */
export const playing =
  (part: Partial<Checked>): Bug['mutate'] =>
  (checked) => ({ ...checked, ...part });

/** Several changes. */
export const all =
  (...changes: readonly Bug['mutate'][]): Bug['mutate'] =>
  (checked) =>
    changes.reduce((before, change) => change(before), checked);

/** One of a list. */
export function at<One>(list: readonly One[], place: number): One {
  const found = list[place];
  if (found === undefined) throw new Error(`nothing at ${place}`);
  return found;
}
