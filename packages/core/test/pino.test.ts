import { invalidArgument, type Logger } from '@bitcoin-enterprise/core';
import { type PinoLike, pinoLogger } from '@bitcoin-enterprise/core/pino';
import { loggerPromises } from '@bitcoin-enterprise/core/testing';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { codeOf } from './code-of.ts';

/** The real pino, writing to memory. */
function memoryLogger(): {
  readonly logger: Logger;
  readonly lines: () => readonly Record<string, unknown>[];
  readonly raw: string[];
} {
  const raw: string[] = [];
  const logger = pinoLogger(pino({ level: 'debug' }, { write: (line: string) => void raw.push(line) }));
  return { logger, raw, lines: () => raw.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

describe('a logger on pino keeps the Logger promises', () => {
  it.for(loggerPromises)('$name', ({ run }) => run(() => memoryLogger().logger));
});

it('writes lines of JSON with the levels of pino', () => {
  const { logger, lines } = memoryLogger();
  logger.debug('a');
  logger.info('b', { height: 5 });
  logger.child({ part: 'pool' }).child({ node: 'a' }).warn('c', { node: 'b' });
  logger.error('d');

  expect(lines()).toMatchObject([
    { level: 20, msg: 'a' },
    { level: 30, msg: 'b', height: 5 },
    { level: 40, msg: 'c', part: 'pool', node: 'b' },
    { level: 50, msg: 'd' },
  ]);
});

it('redacts what looks like a secret, in lines, in children and in messages', () => {
  const { logger, lines, raw } = memoryLogger();
  const child = logger.child({ token: 'hunter2', conn: { url: 'postgres://app:hunter2@db' } });
  child.info('connecting to http://user:hunter2@node', {
    rpc: { user: 'app', password: 'hunter2', headers: { authorization: 'Basic hunter2' } },
    keys: [{ privateKey: new Uint8Array(32) }],
    script: new Uint8Array(3),
    amount: 21n,
  });

  expect(raw.join('')).not.toContain('hunter2');
  expect(lines()[0]).toMatchObject({
    msg: 'connecting to http://user:[redacted]@node',
    token: '[redacted]',
    rpc: { user: 'app', password: '[redacted]', headers: { authorization: '[redacted]' } },
    keys: [{ privateKey: '[redacted]' }],
    script: 'Uint8Array of 3 bytes',
    amount: '21',
  });
});

it('writes errors of the suite as their JSON, and others without their text', () => {
  const { logger, lines, raw } = memoryLogger();
  const error = invalidArgument('fee', 'a bigint', 'hunter2');
  logger.error('refused', { error, err: error, cause: new TypeError('hunter2') });

  expect(lines()[0]).toMatchObject({ error: error.toJSON(), err: error.toJSON(), cause: { name: 'TypeError' } });
  expect(raw.join('')).not.toContain('hunter2');
});

it('does not let fields hide what pino writes itself', () => {
  const { logger, raw, lines } = memoryLogger();
  logger.warn('real', { level: 10, msg: 'fake', time: 0, pid: 0, hostname: 'x' });

  expect(lines()[0]).toMatchObject({ level: 40, msg: 'real', 'field.level': 10, 'field.msg': 'fake' });
  expect(raw[0]?.match(/"level":/g)).toHaveLength(1);
});

it('cannot be split over lines, and never throws, whatever it is given', () => {
  const { logger, raw } = memoryLogger();
  logger.info('one\n{"level":50,"msg":"forged"}', { text: 'a\nb\u2028' });
  for (const fields of [null, 5, 'text', [1], () => 1, Object.create(null)]) logger.info('odd', fields as never);
  expect(raw.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);

  const full = pinoLogger({
    ...Object.fromEntries(
      ['debug', 'info', 'warn', 'error'].map((level) => [
        level,
        () => {
          throw new Error('disk full');
        },
      ]),
    ),
    child: () => full as unknown as PinoLike,
  } as unknown as PinoLike);
  expect(() => full.error('x')).not.toThrow();
});

it('refuses what is no logger', () => {
  for (const value of [undefined, null, {}, { debug() {} }, 'pino'])
    expect(codeOf(() => pinoLogger(value as never))).toBe('CORE_INVALID_ARGUMENT');
});
