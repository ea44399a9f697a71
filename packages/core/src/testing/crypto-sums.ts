import type { CryptoEngine, ScalarTerm } from '../ports/crypto.ts';
import {
  FIELD,
  G,
  G2,
  GX,
  GY,
  hex,
  INVALID,
  keyOf,
  lookAlikes,
  N,
  N_MINUS_1,
  promise,
  scalar,
  some,
  text,
} from './crypto-fixtures.ts';
import { ensureEqual, ensureThrows, type Promised, promises } from './promised.ts';

/** What an engine promises of multi-scalar multiplication. */
export const sumPromises: ReadonlyArray<Promised<CryptoEngine>> = /* @__PURE__ */ promises<CryptoEngine>(
  promise('adds up multiples of points, as many as there are', (engine) => {
    // Past the bounds between the ways an engine may choose, and past those of its parts.
    const sizes = engine.name === 'wasm' ? [1, 2, 3, 27, 28, 29, 30, 64, 300, 2_048, 2_049, 5_000] : [1, 2, 29, 70];
    for (const size of sizes) {
      const terms: ScalarTerm[] = [];
      let sum = scalar(0);
      for (let i = 0; i < size; i++) {
        const [factor, key] = [engine.sha256(text(`factor ${i}`)), keyOf(engine, i % 40)];
        terms.push({ scalar: factor, point: some(engine.publicKey(key, { compressed: i % 3 === 0 }), 'key') });
        const product = some(engine.secretKeyTweakMul(key, factor), 'product');
        sum = i === 0 ? product : some(engine.secretKeyTweakAdd(sum, product), 'sum');
      }
      ensureEqual(engine.multiScalarMultiply(terms), engine.publicKey(sum), `${size} terms`);
    }
  }),
  promise('adds up terms that repeat, cancel, vanish or pass through infinity', (engine) => {
    const [g, minusG] = [hex(G), hex(`03${GX}`)];
    const of = (...terms: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array | undefined =>
      engine.multiScalarMultiply(terms.map(([factor, point]) => ({ scalar: factor, point })));
    ensureEqual(of([scalar(1), g]), g, 'G');
    ensureEqual(of([scalar(2), g]), hex(G2), '2G');
    ensureEqual(of([scalar(1), g], [scalar(1), g]), hex(G2), 'G + G');
    ensureEqual(of([hex(N_MINUS_1), g]), minusG, '-G');
    ensureEqual(of([scalar(0), g], [scalar(1), hex(G2)]), hex(G2), '0G + 2G');
    ensureEqual(of([scalar(1), g], [scalar(1), minusG], [scalar(2), g]), hex(G2), 'G - G + 2G');
    ensureEqual(of([scalar(1), hex(`06${GX}${GY}`)]), g, 'hybrid G');
    for (const size of [1, 2, 40, 90]) {
      const same = Array.from({ length: size }, () => [scalar(1), g] as const);
      ensureEqual(of(...same), engine.publicKey(scalar(size)), `${size} times the same`);
      const [plus, minus] = [same, same.map(([factor]) => [factor, minusG] as const)];
      ensureEqual(of(...plus, ...minus), undefined, `${size} that cancel`);
      ensureEqual(of(...plus, ...minus, [scalar(1), g]), g, `${size} that cancel, and G`);
      ensureEqual(of(...same.map(([, point]) => [scalar(0), point] as const)), undefined, `${size} of zero`);
    }
  }),
  promise('adds up nothing where a term is none, or all is infinity', (engine) => {
    const good = { scalar: scalar(1), point: hex(G) };
    ensureEqual(engine.multiScalarMultiply([]), undefined, 'no terms');
    for (const size of [1, 50]) {
      const many = Array.from({ length: size }, () => good);
      for (const point of [`02${FIELD}`, `07${GX}${GY}`, `04${GX}${GX}`, `05${GX}`, `02${'0'.repeat(64)}`])
        ensureEqual(engine.multiScalarMultiply([...many, { ...good, point: hex(point) }]), undefined, point);
      for (const bad of [hex(N), new Uint8Array(32).fill(255)])
        ensureEqual(engine.multiScalarMultiply([...many, { ...good, scalar: bad }]), undefined, 'scalar out of range');
      // A term that counts nothing must still be one.
      const nothing = { scalar: scalar(0), point: hex(`02${FIELD}`) };
      ensureEqual(engine.multiScalarMultiply([...many, nothing]), undefined, 'zero times no point');
      ensureEqual(engine.multiScalarMultiply(many), engine.publicKey(scalar(size)), `${size} afterwards`);
    }
  }),
  promise('answers terms that are none with a code', async (engine) => {
    const good = { scalar: scalar(1), point: hex(G) };
    const call = (terms: unknown) => (): unknown => engine.multiScalarMultiply(terms as readonly ScalarTerm[]);
    const revoked = Proxy.revocable({}, {});
    revoked.revoke();
    for (const bad of [
      undefined,
      null,
      7,
      'x',
      {},
      revoked.proxy,
      hex(G),
      { ...good, scalar: new Uint8Array(31) },
      { ...good, scalar: 1n },
      { ...good, scalar: null },
      { ...good, point: new Uint8Array(32) },
      { ...good, point: new Uint8Array(0) },
      { scalar: scalar(1) },
      ...lookAlikes(32).map((bytes) => ({ ...good, scalar: bytes })),
      ...lookAlikes(33).map((bytes) => ({ ...good, point: bytes })),
    ])
      await ensureThrows(call([good, bad]), INVALID);
    await ensureThrows(call(new Array(2)), INVALID);
    for (const bad of [undefined, null, 5, {}, 'terms', new Uint8Array(3)]) await ensureThrows(call(bad), INVALID);
    ensureEqual(engine.multiScalarMultiply([good]), hex(G), 'afterwards');
  }),
  promise('reads each term of a sum once', (engine) => {
    let reads = 0;
    const shifty = {
      get scalar(): Uint8Array {
        return reads++ === 0 ? scalar(2) : new Uint8Array(7);
      },
      point: hex(G),
    };
    ensureEqual(engine.multiScalarMultiply([shifty]), hex(G2), 'the first answer');
    ensureEqual(reads, 1, 'reads');
  }),
);
