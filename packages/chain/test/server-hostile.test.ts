import { connect } from 'node:net';
import { loadCrypto } from '@bitcoin-enterprise/core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { mempoolProfile } from '../src/model/mempool-profiles.ts';
import { RpcDispatcher } from '../src/server/dispatcher.ts';
import { allMethods } from '../src/server/methods/all.ts';
import { method } from '../src/server/method.ts';
import { RegtestNode } from '../src/server/node.ts';
import { randomCall } from './support/rpc-calls.ts';
import { serverNode } from './support/server-node.ts';

beforeAll(() => loadCrypto());

/** Ends the server, waits for ever, or does as much work as it is told to. */
const LEFT_OUT = new Set(['stop', 'waitfornewblock', 'waitforblock', 'waitforblockheight', 'generatetoaddress']);
LEFT_OUT.add('generatetodescriptor').add('addnode').add('setmocktime');

/** Words that only a fault of this program puts into a message. */
const OWN_FAULT = /undefined|is not a function|cannot read|is not iterable|call stack|array length|offset|NaN|BigInt/i;

function arrangement(): { readonly node: RegtestNode; readonly dispatcher: RpcDispatcher<RegtestNode> } {
  const node = new RegtestNode({ policy: mempoolProfile('core-31'), mockTime: 1_700_000_000 });
  node.generate(3, Uint8Array.of(0x51));
  return { node, dispatcher: new RpcDispatcher(node, allMethods()) };
}

describe('whatever a caller sends', () => {
  it('each method answers with a result or an error that it means', { timeout: 120_000 }, async () => {
    const { node, dispatcher } = arrangement();
    const numRuns = process.env['BE_LONG'] === '1' ? 200_000 : 10_000;
    await fc.assert(
      fc.asyncProperty(
        randomCall(node.tip, (name) => !LEFT_OUT.has(name)),
        async (request) => {
          const before = performance.now();
          const { status, body } = await dispatcher.answer(JSON.stringify({ id: 1, ...request }));
          const answer = JSON.parse(body) as { readonly error: { readonly message: string } | null };
          expect(status).toBeOneOf([200, 404, 500]);
          if (answer.error !== null) expect(answer.error.message).not.toMatch(OWN_FAULT);
          expect(performance.now() - before).toBeLessThan(5_000);
        },
      ),
      { numRuns },
    );
    expect(JSON.parse((await dispatcher.answer('{"id":1,"method":"getblockcount"}')).body)).toMatchObject({
      error: null,
    });
  });

  it('bodies that are no calls are refused, however deep or odd', async () => {
    const { dispatcher } = arrangement();
    const bodies = [
      '',
      ' ',
      '{',
      '[',
      '[[]]',
      'null',
      '"x"',
      '1e999',
      '\u0000',
      '['.repeat(200_000),
      '{"a":'.repeat(100_000),
    ];
    bodies.push(
      `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
      '{"id":1,"method":"__proto__"}',
      '{"method":"constructor"}',
    );
    for (const body of bodies) {
      const { status } = await dispatcher.answer(body);
      expect
        .soft([body.slice(0, 20), status])
        .toEqual([body.slice(0, 20), expect.toSatisfy((code) => code >= 200 && code <= 500)]);
      if (body.startsWith('{"')) expect.soft(status).not.toBe(200);
    }
  });

  it('a batch whose answers would fill the memory gets the first of them, and others are answered meanwhile', async () => {
    let calls = 0;
    const text = 'x'.repeat(1_000_000);
    const run = (): string => {
      calls++;
      return text;
    };
    const methods = [method('long', '', run), method('short', '', () => 1)];
    const dispatcher = new RpcDispatcher({}, [{ title: 'Test', methods }]);
    let isOver = false;
    const batch = dispatcher
      .answer(JSON.stringify(Array.from({ length: 300 }, (_, id) => ({ id, method: 'long' }))))
      .finally(() => {
        isOver = true;
      });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    const wasOver = isOver;
    const answers = JSON.parse((await batch).body) as readonly { readonly id: number; readonly error: unknown }[];

    expect(wasOver).toBe(false);
    expect(calls).toBe(100);
    expect(answers.map(({ id }) => id)).toEqual(Array.from({ length: 300 }, (_, id) => id));
    expect(answers.filter(({ error }) => error === null).length).toBe(100);
    expect(answers[299]).toMatchObject({ result: null, error: { code: -1 } });
  });

  it('whoever asks for many blocks does not keep others waiting', async () => {
    const { node, dispatcher } = arrangement();
    let isOver = false;
    const mining = dispatcher
      .answer('{"id":1,"method":"generatetodescriptor","params":[1000,"raw(51)"]}')
      .finally(() => {
        isOver = true;
      });
    await new Promise((resolve) => {
      setImmediate(resolve);
    });

    expect(isOver).toBe(false);
    expect(node.tip.height).toBeLessThan(1_003);
    expect((JSON.parse((await mining).body) as { readonly result: string[] }).result.length).toBe(1_000);
    expect(node.tip.height).toBe(1_003);
    const few = await dispatcher.answer('{"id":1,"method":"generatetodescriptor","params":[1000,"raw(51)",3]}');
    expect((JSON.parse(few.body) as { readonly result: string[] }).result.length).toBe(3);
  });

  it('a body that is too long, broken HTTP and a caller who leaves do not disturb the others', async () => {
    const server = await serverNode();
    const { port } = new URL(server.rpcUrl);
    const authorization = `Basic ${btoa(server.cookie)}`;
    try {
      const tooLong = await fetch(server.rpcUrl, {
        method: 'POST',
        headers: { authorization },
        body: 'x'.repeat(33 * 1024 * 1024),
      }).catch(() => ({ status: 413 }));
      expect(tooLong.status).toBe(413);
      const head = `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n`;
      for (const text of [
        '\u0000\u0001',
        'GET',
        `${head}Content-Length: 100\r\n\r\n{`,
        `${head}Content-Length: -1\r\n\r\n{}`,
        `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      ]) {
        const socket = connect({ host: '127.0.0.1', port: Number(port) });
        socket.on('error', () => {});
        await new Promise<void>((resolve) => socket.write(text, () => resolve()));
        socket.destroy();
      }
      expect(await server.rpc('getblockcount')).toBe(0);
    } finally {
      await server.stop();
    }
  });
});
