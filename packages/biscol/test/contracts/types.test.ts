import type { Satoshis } from '@bitcoin-enterprise/core';
import type {
  ArgsOf,
  ContractHistory,
  ContractInstance,
  DataOf,
  HistoryStep,
  NamedKey,
  ParamsOf,
  Party,
} from '@bitcoin-enterprise/biscol';
import type { bond, escrow, Lottery, rotatingMultisig, vault } from '@bitcoin-enterprise/biscol/contracts';
import { expectTypeOf, it } from 'vitest';

it('contracts of the library keep their types', () => {
  expectTypeOf<ParamsOf<typeof escrow>['price']>().toEqualTypeOf<Satoshis>();
  expectTypeOf<ParamsOf<typeof escrow>['buyer']>().toEqualTypeOf<Party>();
  expectTypeOf<DataOf<typeof rotatingMultisig>['members']>().toEqualTypeOf<readonly NamedKey[]>();
  expectTypeOf<ArgsOf<typeof escrow>['settle']['toBuyer']>().toEqualTypeOf<Satoshis>();
  expectTypeOf<keyof ArgsOf<typeof vault>>().toEqualTypeOf<
    'unvault' | 'withdraw' | 'clawBack' | 'recover' | 'recoverLeaving'
  >();
  expectTypeOf<ArgsOf<Lottery>['open2']['secret']>().toEqualTypeOf<Uint8Array>();
  expectTypeOf<ContractInstance<typeof vault>['contract']>().toEqualTypeOf<typeof vault>();
});

it('a step of a history says by its transition what its arguments are', () => {
  type Step = HistoryStep<typeof bond>;
  expectTypeOf<Extract<Step, { readonly transition: 'penalise' }>['args']['penalty']>().toEqualTypeOf<Satoshis>();
  expectTypeOf<Extract<Step, { readonly transition: 'transfer' }>['args']['holder']>().toEqualTypeOf<NamedKey>();
  expectTypeOf<Step['by']>().toEqualTypeOf<string>();
  expectTypeOf<undefined>().toExtend<Step['transition']>();
  expectTypeOf<ContractHistory<typeof bond>['live'][number]['data']['number']>().toEqualTypeOf<number>();
});
