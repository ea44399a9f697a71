import type { BatchItem, CryptoEngine } from '../ports/crypto.ts';
import {
  N,
  N_MINUS_1,
  FIELD,
  GX,
  hex,
  scalar,
  flipped,
  some,
  promise,
  schnorrItem,
  tweakItem,
} from './crypto-fixtures.ts';
import { ensureEqual, type Promised, promises } from './promised.ts';

/** What an engine promises of batches. */
export const batchPromises: ReadonlyArray<Promised<CryptoEngine>> = /* @__PURE__ */ promises<CryptoEngine>(
  promise('verifies batches of any size', (engine) => {
    ensureEqual(engine.verifyBatch([]), [], 'none');
    const items: BatchItem[] = [];
    for (let i = 0; i < 21; i++)
      items.push(i % 3 === 2 ? tweakItem(engine, i) : schnorrItem(engine, i, new Uint8Array(i * 5).fill(i)));
    for (let size = 1; size <= items.length; size++)
      ensureEqual(engine.verifyBatch(items.slice(0, size)), [], `${size} items`);
  }),
  promise('names the failing items of a batch in order, whatever is wrong with them', (engine) => {
    const good: BatchItem[] = [];
    for (let i = 0; i < 12; i++) good.push(i % 3 === 2 ? tweakItem(engine, i) : schnorrItem(engine, i, scalar(i)));
    const broken = good.map((item): readonly BatchItem[] =>
      item.kind === 'schnorr'
        ? [
            { ...item, signature: flipped(item.signature, 0) },
            { ...item, signature: flipped(item.signature, 63) },
            { ...item, signature: new Uint8Array([...item.signature.slice(0, 32), ...hex(N)]) },
            { ...item, signature: new Uint8Array([...hex(FIELD), ...item.signature.slice(32)]) },
            { ...item, message: new Uint8Array(3) },
            { ...item, xOnlyPublicKey: hex(FIELD) },
            { ...item, xOnlyPublicKey: hex(GX) },
          ]
        : [
            { ...item, parity: 1 - item.parity },
            { ...item, tweak: flipped(item.tweak, 31) },
            { ...item, tweak: hex(N) },
            { ...item, tweakedXOnly: hex(GX) },
            { ...item, tweakedXOnly: hex(FIELD) },
            { ...item, internalXOnly: hex(FIELD) },
          ],
    );
    for (const pattern of [[0], [11], [3, 4], [0, 5, 11], [1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]]) {
      for (let how = 0; how < 7; how++) {
        const items = good.map((item, i) => {
          const ways = broken[i] as readonly BatchItem[];
          return pattern.includes(i) ? (ways[how % ways.length] as BatchItem) : item;
        });
        ensureEqual(engine.verifyBatch(items), pattern, `failing ${pattern.join()}`);
      }
    }
  }),
  promise('verifies a batch in which checks repeat, cancel or share keys', (engine) => {
    const item = schnorrItem(engine, 1, scalar(1)) as Extract<BatchItem, { kind: 'schnorr' }>;
    ensureEqual(engine.verifyBatch(Array.from({ length: 40 }, () => item)), [], 'forty times the same');
    const again = Array.from({ length: 16 }, (_, i) => schnorrItem(engine, 1, scalar(i)));
    ensureEqual(engine.verifyBatch([...again, item]), [], 'one key');
    // Errors that would cancel in a plain sum of the equations must not cancel in a random one.
    const [first, second] = [again[0], again[1]] as Extract<BatchItem, { kind: 'schnorr' }>[];
    if (first === undefined || second === undefined) return;
    const plus = some(engine.secretKeyTweakAdd(first.signature.slice(32), scalar(1)), 'sum');
    const minus = some(engine.secretKeyTweakAdd(second.signature.slice(32), hex(N_MINUS_1)), 'difference');
    const forged = [
      { ...first, signature: new Uint8Array([...first.signature.slice(0, 32), ...plus]) },
      { ...second, signature: new Uint8Array([...second.signature.slice(0, 32), ...minus]) },
    ];
    ensureEqual(engine.verifyBatch([...forged, ...again.slice(2)]), [0, 1], 'cancelling errors');
    const zero: BatchItem = {
      kind: 'tweak',
      tweakedXOnly: hex(GX),
      parity: 0,
      internalXOnly: hex(GX),
      tweak: scalar(0),
    };
    ensureEqual(
      engine.verifyBatch([zero, { ...zero, parity: 1 }, zero, item, zero]),
      [1],
      'zero tweak of the generator',
    );
  }),
  promise('verifies a batch of 1,000 and finds the few that fail', (engine) => {
    // Few distinct items keep this fast on slow engines; engines must not rely on it.
    const distinct = Array.from({ length: 25 }, (_, i) =>
      i % 5 === 4 ? tweakItem(engine, i) : schnorrItem(engine, i, scalar(i)),
    );
    const failing = engine.name === 'js' ? [7, 8] : [0, 7, 8, 500, 731, 999];
    const size = engine.name === 'js' ? 50 : 1_000;
    const items = Array.from({ length: size }, (_, i): BatchItem => {
      const item = distinct[i % distinct.length] as BatchItem;
      if (!failing.includes(i)) return item;
      return item.kind === 'schnorr' ? { ...item, message: new Uint8Array(1) } : { ...item, parity: 1 - item.parity };
    });
    ensureEqual(engine.verifyBatch(items), failing, 'failing');
  }),
);
