import { currentCrypto, loadCrypto } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { LineReader } from '../src/electrum/line-reader.ts';
import { frame, FrameReader } from '../src/server/p2p/framing.ts';

beforeAll(() => loadCrypto());
afterEach(() => {
  vi.restoreAllMocks();
});

/** How many bytes are copied while something runs. */
function bytesCopied(run: () => void): number {
  let copied = 0;
  const set = Uint8Array.prototype.set;
  const spy = vi.spyOn(Uint8Array.prototype, 'set').mockImplementation(function (this: Uint8Array, from, at) {
    copied += from.length;
    set.call(this, from, at);
  });
  run();
  spy.mockRestore();
  return copied;
}

/** Cuts bytes at some places, taken modulo the length. */
function cutAt(bytes: Uint8Array, places: readonly number[]): readonly Uint8Array[] {
  const cuts = [0, ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  return cuts.slice(1).map((end, i) => bytes.slice(cuts[i], end));
}

const cuts = fc.array(fc.nat(100_000), { maxLength: 40 });

describe('messages of peers', () => {
  it('are the same however the stream is cut', () => {
    const messages = fc.array(fc.record({ type: fc.constantFrom('ping', 'tx', 'block'), size: fc.nat(700) }));
    fc.assert(
      fc.property(messages, cuts, (list, places) => {
        const crypto = currentCrypto();
        const sent = list.map(({ type, size }) => ({ type, payload: new Uint8Array(size).fill(size) }));
        const stream = Uint8Array.from(sent.flatMap((message) => [...frame(message, crypto)]));
        const reader = new FrameReader(crypto);
        expect(cutAt(stream, places).flatMap((part) => reader.push(part) ?? [])).toEqual(sent);
      }),
    );
  });

  it('cost what they are long, also one byte at a time', () => {
    const crypto = currentCrypto();
    const payload = new Uint8Array(30_000).fill(7);
    const stream = frame({ type: 'block', payload }, crypto);
    const reader = new FrameReader(crypto);
    let got: unknown;
    const copied = bytesCopied(() => {
      for (let i = 0; i < stream.length; i++) got = reader.push(stream.subarray(i, i + 1));
    });

    expect(got).toEqual([{ type: 'block', payload }]);
    expect(copied).toBeLessThan(10 * stream.length);
  });
});

describe('lines of an Electrum client', () => {
  it('are the same however the stream is cut', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 300 }).map((line) => line.replaceAll('\n', ' '));
    fc.assert(
      fc.property(fc.array(text), cuts, (lines, places) => {
        const stream = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
        const reader = new LineReader(10_000);
        expect(cutAt(stream, places).flatMap((part) => reader.push(part) ?? [])).toEqual(lines);
      }),
    );
  });

  it('cost what they are long, also one byte at a time', () => {
    const stream = new TextEncoder().encode(`${'x'.repeat(30_000)}\n`);
    const reader = new LineReader(100_000);
    let got: unknown;
    const copied = bytesCopied(() => {
      for (let i = 0; i < stream.length; i++) got = reader.push(stream.subarray(i, i + 1));
    });

    expect(got).toEqual(['x'.repeat(30_000)]);
    expect(copied).toBeLessThan(10 * stream.length);
  });

  it('end the connection where one is longer than it may be', () => {
    const reader = new LineReader(10);
    expect(reader.push(new TextEncoder().encode(`${'x'.repeat(10)}\nabc`))).toEqual(['x'.repeat(10)]);
    expect(reader.push(new TextEncoder().encode('y'.repeat(8)))).toBeUndefined();
    expect(new LineReader(10).push(new TextEncoder().encode(`${'x'.repeat(11)}\n`))).toBeUndefined();
  });
});
