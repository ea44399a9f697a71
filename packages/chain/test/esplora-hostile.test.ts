import { EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import { currentCrypto, displayHash, parseHex } from '@bitcoin-enterprise/core';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import { parseBlockHeader } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { EASIEST, type Mined, mineHeader, mineHeaders } from './support/header-miner.ts';
import { HEADERS_554390 } from './support/main-headers.ts';

const MAIN_GENESIS =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a29ab5f49ffff001d1dac2b7c';
const REGTEST_GENESIS =
  '0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000';

/** An Esplora server that hands out headers, whatever they are; the highest one is its tip. */
function serving(headers: ReadonlyMap<number, Uint8Array>): typeof fetch {
  const byHash = new Map<string, number>();
  const hashes = new Map<number, string>();
  for (const [height, bytes] of headers) {
    const hash = displayHash(currentCrypto().hash256(bytes));
    byHash.set(hash, height);
    hashes.set(height, hash);
  }
  const shown = (height: number): unknown => {
    const { version, previousBlockHash, merkleRoot, time, bits, nonce } = parseBlockHeader(
      headers.get(height) as Uint8Array,
    );
    const previous = height === 0 ? {} : { previousblockhash: displayHash(previousBlockHash) };
    return {
      id: hashes.get(height),
      height,
      version,
      timestamp: time,
      merkle_root: displayHash(merkleRoot),
      bits,
      nonce,
      ...previous,
    };
  };
  const answer = (path: string): unknown => {
    const [, first = '', second = '', third = ''] = path.split('/');
    const height = byHash.get(second);
    if (path === '/blocks/tip/hash') return hashes.get(Math.max(...headers.keys()));
    if (first === 'block-height') return hashes.get(Number(second));
    if (first === 'block' && height !== undefined && third === 'status') return { in_best_chain: true, height };
    if (first === 'block' && height !== undefined && third === '') return shown(height);
    if (first === 'blocks')
      return Array.from({ length: 10 }, (_, i) => Number(second) - i)
        .filter((at) => headers.has(at))
        .map(shown);
    return undefined;
  };
  return async (input) => {
    const found = answer(new URL(input instanceof Request ? input.url : input).pathname);
    if (found === undefined) return new Response('not here', { status: 404 });
    return new Response(typeof found === 'string' ? found : JSON.stringify(found));
  };
}

const invalid = { code: 'CHAIN_NODE_ANSWER_INVALID' };

describe('an Esplora server of headers of the main network', () => {
  const real = new Map(HEADERS_554390.map((hex, i) => [554_390 + i, parseHex(hex)]));
  real.set(0, parseHex(MAIN_GENESIS));
  const upTo = (last: number): Map<number, Uint8Array> =>
    new Map([...real].filter(([height]) => height <= last).map(([height, bytes]) => [height, bytes]));
  const clientOf = (headers: ReadonlyMap<number, Uint8Array>, now?: number): EsploraChain =>
    new EsploraChain({
      url: 'http://esplora.test',
      fetch: serving(headers),
      network: 'main',
      attempts: 1,
      ...(now === undefined ? {} : { clock: createManualClock(now * 1_000) }),
    });
  const hashOf = (height: number): Uint8Array => currentCrypto().hash256(real.get(height) as Uint8Array);

  it('is believed over a change of difficulty as it was', async () => {
    expect(await clientOf(real).tip()).toMatchObject({ height: 554_408, medianTime: 1_545_176_517 });
  });

  it('cannot show blocks that cost nothing', async () => {
    const headers = upTo(554_408);
    const cheap = mineHeader({ previous: hashOf(554_408), time: 1_545_180_000, bits: EASIEST });
    headers.set(554_409, cheap.bytes);
    const client = clientOf(headers);

    await expect(client.tip()).rejects.toMatchObject(invalid);
    await expect(client.header(cheap.hash)).rejects.toMatchObject(invalid);
    await expect(client.blockHash(554_409 as never)).rejects.toMatchObject(invalid);
  });

  it('cannot move a change of difficulty to another height', async () => {
    const moved = new Map([...real].map(([height, bytes]) => [height === 0 ? 0 : height + 1, bytes]));

    await expect(clientOf(moved).tip()).rejects.toMatchObject(invalid);
  });

  it('cannot show blocks of more than two hours from now', async () => {
    const last = 1_545_179_344;

    expect((await clientOf(real, last - 7_200).tip()).height).toBe(554_408);
    await expect(clientOf(real, last - 7_201).tip()).rejects.toMatchObject(invalid);
    expect(() => new EsploraChain({ url: 'http://x', clock: 5 as never })).toThrow(
      expect.objectContaining({ code: 'CHAIN_INVALID_ARGUMENT' }) as Error,
    );
  });
});

describe('an Esplora server of headers of regtest', () => {
  const genesis = parseHex(REGTEST_GENESIS);
  const clientOf = (mined: readonly Mined[]): EsploraChain => {
    const headers = new Map([[0, genesis], ...mined.map(({ bytes }, i) => [i + 1, bytes] as const)]);
    return new EsploraChain({ url: 'http://esplora.test', fetch: serving(headers), network: 'regtest', attempts: 1 });
  };
  const start = 1_500_000_000;

  it('cannot show a block that is no later than the median of the eleven before', async () => {
    const mined = mineHeaders(currentCrypto().hash256(genesis), 14, (i) => ({ time: start + i }));
    const previous = mined.at(-1)?.hash as Uint8Array;
    const median = start + 8;

    expect((await clientOf([...mined, mineHeader({ previous, time: median + 1 })]).tip()).height).toBe(15);
    await expect(clientOf([...mined, mineHeader({ previous, time: median })]).tip()).rejects.toMatchObject(invalid);
  });

  it('cannot show blocks of another difficulty', async () => {
    const mined = mineHeaders(currentCrypto().hash256(genesis), 3, (i) => ({ time: start + i, bits: 0x2000_ffff }));

    await expect(clientOf(mined).tip()).rejects.toMatchObject(invalid);
  });

  it('is refused when its network is none that the suite knows', async () => {
    const first = mineHeader({ previous: new Uint8Array(32), time: start });
    const send = serving(new Map([[0, first.bytes]]));

    await expect(new EsploraChain({ url: 'http://x.test', fetch: send, attempts: 1 }).tip()).rejects.toMatchObject(
      invalid,
    );
  });
});
