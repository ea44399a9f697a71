import { parseHex, type Satoshis, satoshis } from '@bitcoin-enterprise/core';
import { Opcode } from '@bitcoin-enterprise/script';
import { isBytes } from '@bitcoin-enterprise/core';
import { guarded, requireBytes, requireText } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import type { Party } from './values.ts';

/** Stands for an amount: what the inputs bring, less the other outputs and the fee. Once in a transition. */
export const rest = 'rest';

/** An amount of an output: exact, or what is left. */
export type OutputAmount = Satoshis | typeof rest;

/** What a transition makes: the next state of the contract, a payout, or something of no worth. */
export type ContractOutput<State extends string = string, Data = Readonly<Record<string, unknown>>> =
  | {
      readonly kind: 'state';
      readonly state: State;
      /** What changes of the data; the rest stays. */
      readonly data: Partial<Data>;
      /** Absent where the state has an amount rule. */
      readonly amount?: OutputAmount;
    }
  | {
      readonly kind: 'payout';
      /** Name of the party that is paid; absent for a script that is nobody's. */
      readonly party?: string;
      readonly scriptPubKey: Uint8Array;
      readonly amount: OutputAmount;
    }
  | { readonly kind: 'anchor'; readonly scriptPubKey: Uint8Array; readonly amount: Satoshis }
  | { readonly kind: 'note'; readonly scriptPubKey: Uint8Array; readonly amount: Satoshis };

/** The contract goes on in a state. */
export function to<const State extends string, Data = never>(
  state: State,
  options: { readonly amount?: OutputAmount; readonly data?: Data } = {},
): ContractOutput<State, [Data] extends [never] ? object : Data> {
  return guarded('options', 'an object', () => {
    const { amount, data } = options;
    requireText('state', state);
    return {
      kind: 'state',
      state,
      data: (data ?? {}) as never,
      ...(amount === undefined ? {} : { amount: checkAmount(amount) }),
    };
  });
}

/** Pays a party, or a script. */
export function pay(receiver: Party | Uint8Array, amount: OutputAmount): ContractOutput<never, never> {
  return guarded('receiver', 'a party or a script', () => {
    if (isBytes(receiver)) return { kind: 'payout', scriptPubKey: receiver, amount: checkAmount(amount) };
    if (typeof receiver !== 'object' || receiver === null || !isBytes(receiver.payTo))
      throw invalidArgument('receiver', 'a party or a script', receiver);
    return { kind: 'payout', party: receiver.name, scriptPubKey: receiver.payTo, amount: checkAmount(amount) };
  });
}

/** Pay to anchor, `OP_1 <4e73>`: anybody may spend it, to pay for its transaction by a child. */
const ANCHOR = parseHex('51024e73');
/** Core's dust threshold of a pay to anchor output. */
const ANCHOR_DUST = satoshis(240n);

/** An output that anybody may spend, so that a child can pay for the transaction (pay to anchor). */
export function anchor(amount: Satoshis = ANCHOR_DUST): ContractOutput<never, never> {
  return { kind: 'anchor', scriptPubKey: ANCHOR, amount: satoshis(amount) };
}

/** Up to 80 bytes that anybody can read (`OP_RETURN`). */
export function note(data: Uint8Array): ContractOutput<never, never> {
  if (requireBytes('data', data).length > 80) throw invalidArgument('data', 'at most 80 bytes', data);
  const push = data.length <= 75 ? [data.length] : [Opcode.OP_PUSHDATA1, data.length];
  return { kind: 'note', scriptPubKey: Uint8Array.of(Opcode.OP_RETURN, ...push, ...data), amount: satoshis(0n) };
}

function checkAmount(amount: OutputAmount): OutputAmount {
  if (amount === rest) return rest;
  if (typeof amount !== 'bigint') throw invalidArgument('amount', "satoshis as a bigint, or 'rest'", amount);
  return satoshis(amount);
}
