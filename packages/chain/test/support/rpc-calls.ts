import { toHex } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import type { BlockView, TransactionView } from '@bitcoin-enterprise/script';
import type { RpcParam } from '../../src/server/method.ts';
import { allMethods } from '../../src/server/methods/all.ts';

/** A call as it is sent. */
export interface RandomCall {
  readonly method: string;
  readonly params: readonly unknown[];
}

/** What calls may name: the tip of a chain. */
export interface CallScene {
  readonly hash: Uint8Array;
  readonly view: BlockView;
  readonly transactions: readonly TransactionView[];
}

const ADDRESS = 'bcrt1qft5p2uhsdcdc3l2ua4ap5qqfg4pjaqlp250x7us7a8qqhrxrxfsqseac85';

/** Arguments of the kinds that methods take, good ones and absurd ones of each. */
function argumentsOf(tip: CallScene): Readonly<Record<RpcParam['type'], fc.Arbitrary<unknown>>> {
  const coinbase = tip.transactions[0];
  const txid = toHex((coinbase?.id() ?? tip.hash).toReversed());
  const word = fc.oneof(
    fc.constantFrom(toHex(tip.hash.toReversed()), txid, toHex(coinbase?.bytes ?? tip.hash), toHex(tip.view.bytes)),
    fc.constantFrom(ADDRESS, `addr(${ADDRESS})`, 'raw(51)', 'start', 'cHNidP8=', 'ALL', 'unset', 'economical'),
    fc.constantFrom(
      '',
      '00',
      'ff',
      'zz',
      'é\u0000',
      '00'.repeat(32),
      'ff'.repeat(100),
      '__proto__',
      'a'.repeat(10_000),
    ),
    fc.constantFrom('sh(wsh(multi(1,02,03)))#aaaaaaaa', 'tr(', 'wpkh()', '020000000001', '0200000000010000000000'),
    fc.uint8Array({ maxLength: 120 }).map(toHex),
    fc.string(),
  );
  const number = fc.oneof(fc.constantFrom(0, -1, 1, 2, 3, 1.5, 1e300, 2 ** 53, 4_294_967_296), fc.integer());
  const output = fc.constantFrom<unknown>({ [ADDRESS]: 1 }, { [ADDRESS]: '1e-9' }, { data: 'beef' }, { data: 5 }, {});
  const input = fc.constantFrom<unknown>({ txid, vout: 0 }, { txid, vout: -1 }, { txid: 'x' }, { txid, vout: 1e9 }, {});
  const item = fc.oneof(word, number, output, input, fc.constantFrom(null, true), fc.jsonValue({ maxDepth: 3 }));
  const list = fc.oneof(
    fc.array(word, { maxLength: 4 }),
    fc.array(item, { maxLength: 4 }),
    fc.array(input),
    fc.array(output),
  );
  const fields = fc.oneof(
    output,
    input,
    fc.dictionary(fc.oneof(word, fc.constantFrom('mode', 'rules', 'data')), item, { maxKeys: 3 }),
  );
  const any = fc.oneof(item, list, fields);
  return { str: word, num: number, bool: fc.boolean(), arr: list, obj: fields, any };
}

/** A call of some method, most of its arguments of the kind that it takes. */
export function randomCall(tip: CallScene, isWanted: (method: string) => boolean): fc.Arbitrary<RandomCall> {
  const known = argumentsOf(tip);
  const methods = allMethods().flatMap((category) => category.methods);
  return fc.constantFrom(...methods.filter(({ name }) => isWanted(name))).chain(({ name, params }) =>
    fc.record({
      method: fc.constant(name),
      params: fc
        .tuple(
          ...params.map(({ type }) =>
            fc.oneof({ weight: 9, arbitrary: known[type] }, { weight: 1, arbitrary: known.any }),
          ),
        )
        .chain((all) => fc.nat({ max: all.length }).map((left) => (left > 2 ? all : all.slice(0, all.length - left)))),
    }),
  );
}
