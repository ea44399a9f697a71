import { describe, expect, it } from 'vitest';
import { BitcoindChain, BitcoindRpc } from '../src/bitcoind/index.ts';

const url = 'http://127.0.0.1:1';
const circular: unknown[] = [];
circular.push(circular);

/** An address that answers everything with one value. */
function answering(value: unknown): { readonly url: string; readonly fetch: typeof fetch } {
  return { url, fetch: async () => new Response(JSON.stringify(value)) };
}

describe('arguments that are none', () => {
  it.for([
    { timeoutMs: Infinity },
    { timeoutMs: 1e12 },
    { timeoutMs: '5' },
    { timeoutMs: Number.NaN },
    { maxAnswerLength: '5' },
    { fetch: 5 },
    { pollMs: -1 },
    { pollMs: Number.NaN },
    { pollMs: '5' },
    { pollMs: Infinity },
  ])('as the settings %o are refused at once', (settings) => {
    expect(() => new BitcoindChain({ url, ...settings } as never)).toThrow(
      expect.objectContaining({ code: 'CHAIN_INVALID_ARGUMENT' }) as Error,
    );
  });

  const rpc = new BitcoindRpc(answering({ result: 1 }));
  const chain = new BitcoindChain(answering({ result: [] }));
  const first = (events: AsyncIterable<unknown>): Promise<unknown> => events[Symbol.asyncIterator]().next();
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['a bigint', () => rpc.call('help', [1n])],
    ['a circle', () => rpc.call('help', circular)],
    ['null options', () => rpc.call('help', [], null as never)],
    ['a number as signal', () => rpc.call('help', [], { signal: 5 as never })],
    ['null in a batch', () => rpc.batch([null as never])],
    ['a hole in a batch', () => rpc.batch(Array.from<never>({ length: 1 }))],
    ['null options of events', () => first(chain.mempoolEvents(null as never))],
    ['a signal of events', () => first(chain.blockEvents({ signal: 5 as never }))],
  ];
  it.for(calls)('as %s of a call are refused, and not to be tried again', async ([, call]) => {
    await expect(call()).rejects.toMatchObject({ code: 'CHAIN_INVALID_ARGUMENT', retryable: false });
  });
});

it('an answer without a result is none', async () => {
  await expect(new BitcoindRpc(answering({})).call('help')).rejects.toMatchObject({
    code: 'CHAIN_NODE_ANSWER_INVALID',
  });
});

it('an iteration ends at once while it waits for the next look', async () => {
  const chain = new BitcoindChain({ ...answering({ result: [] }), pollMs: 1_000_000 });
  const steps = chain.mempoolEvents()[Symbol.asyncIterator]();
  const pending = steps.next();
  await new Promise((done) => setTimeout(done, 20));
  await steps.return?.();

  expect(await pending).toEqual({ done: true, value: undefined });
});
