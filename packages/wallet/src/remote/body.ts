import type { IncomingMessage } from 'node:http';

/**
 * Reads a body as UTF-8.
 *
 * @returns `undefined` once it is longer than the limit: the rest is not kept.
 */
export function readBody(message: IncomingMessage, limitBytes: number): Promise<string | undefined> {
  return new Promise((done, fail) => {
    const parts: Buffer[] = [];
    let length = 0;
    message.on('data', (part: Buffer) => {
      length += part.length;
      if (length <= limitBytes) return void parts.push(part);
      parts.length = 0;
      done(undefined);
    });
    message.on('end', () => done(Buffer.concat(parts).toString('utf8')));
    message.on('error', fail);
    message.on('close', () => fail(new Error('expected a whole body, got a part of it')));
  });
}
