import {
  amount,
  and,
  blocks,
  defineContract,
  older,
  party,
  pay,
  pk,
  preimage,
  rest,
  to,
} from '@bitcoin-enterprise/biscol';
import type { Satoshis } from '@bitcoin-enterprise/core';
import { expect, expectTypeOf, it } from 'vitest';

const head = {
  name: 'typed',
  params: { buyer: party(), seller: party(), price: amount(), timeout: blocks() },
  data: { left: amount() },
} as const;

const contract = defineContract({
  ...head,
  states: {
    funded: {
      amount: ({ price }) => price,
      paths: ({ buyer, seller, timeout }) => ({
        agree: and(pk(buyer), pk(seller)),
        expire: and(pk(buyer), older(timeout)),
      }),
    },
    held: { amount: (_params, { left }) => left, key: ({ buyer }) => buyer },
  },
  transitions: {
    release: { from: 'funded', by: 'agree', outputs: ({ seller }) => [pay(seller, rest)] },
    hold: {
      from: 'funded',
      by: 'expire',
      args: { secret: preimage() },
      outputs: ({ seller, price }, { args, data }) => {
        expectTypeOf(args.secret).toEqualTypeOf<Uint8Array>();
        expectTypeOf(data.left).toEqualTypeOf<Satoshis>();
        return [to('held', { data: { left: price } }), pay(seller, rest)];
      },
    },
    end: { from: 'held', by: 'key', outputs: ({ seller }) => [pay(seller, rest)] },
  },
  funding: ({ price }) => [to('funded', { data: { left: price } })],
  duties: [{ party: ({ seller }) => seller, state: 'funded', transition: 'release' }],
});

it('keeps the names of transitions and the kinds of their arguments in its type', () => {
  expectTypeOf<keyof typeof contract.transitions>().toEqualTypeOf<'release' | 'hold' | 'end'>();

  expect(Object.keys(contract.transitions)).toEqual(['release', 'hold', 'end']);
});

const states = {
  one: { amount: (): Satoshis => 1n as Satoshis, paths: () => ({ a: pk(head.params.buyer.sample('buyer')) }) },
  two: { amount: (): Satoshis => 1n as Satoshis, paths: () => ({ b: pk(head.params.buyer.sample('buyer')) }) },
} as const;

it('refuses, while it is written, a path of another state', () => {
  const transitions = { wrong: { from: 'one', by: 'b', outputs: () => [] } } as const;
  // @ts-expect-error the state `one` has the path `a` alone
  expect(defineContract({ ...head, states, transitions, funding: () => [to('one')] }).name).toBe('typed');
});

it('refuses, while it is written, a state that is not there', () => {
  const transitions = { wrong: { from: 'one', by: 'a', outputs: () => [to('nowhere')] } } as const;
  // @ts-expect-error no state of this name
  expect(defineContract({ ...head, states, transitions, funding: () => [to('one')] }).name).toBe('typed');
});

it('refuses, while it is written, data of another kind', () => {
  const transitions = { wrong: { from: 'one', by: 'a', outputs: () => [to('two', { data: { left: 'x' } })] } } as const;
  // @ts-expect-error `left` is an amount
  expect(defineContract({ ...head, states, transitions, funding: () => [to('one')] }).name).toBe('typed');
});
