import { assertObject, invalidArgument } from '../errors.ts';
import type { LogFields, Logger, LogLevel } from '../ports/logger.ts';
import { redact, redactText } from '../telemetry/redaction.ts';

/** What is used of pino; any logger of this shape will do. */
export interface PinoLike {
  /** Writes a line. */
  debug(fields: object, message: string): void;
  /** Writes a line. */
  info(fields: object, message: string): void;
  /** Writes a line. */
  warn(fields: object, message: string): void;
  /** Writes a line. */
  error(fields: object, message: string): void;
  /** A logger that adds fields to every line. */
  child(fields: object): PinoLike;
}

/** The names pino writes itself; a second one in the same line would hide the first. */
const reserved: ReadonlySet<string> = new Set(['level', 'time', 'pid', 'hostname', 'msg']);

/**
 * The {@link Logger} port on pino. Every line is redacted before pino sees it: fields whose name says secret, passwords
 * in URLs, private keys; bytes become their length, amounts decimal strings, errors their JSON with code, details and
 * hint. A field with a name of pino's own (`level`, `time`, `pid`, `hostname`, `msg`) is written as `field.level`.
 *
 * @param pino - From `pino()`; where its lines go is the app's to say.
 * @throws CoreError `CORE_INVALID_ARGUMENT` for anything that is no logger.
 *
 * @example
 * ```ts
 * import { pinoLogger } from '@bitcoin-enterprise/core/pino';
 * import { pino } from 'pino';
 *
 * const lines: string[] = [];
 * const logger = pinoLogger(pino({ base: null, timestamp: false }, { write: (line) => lines.push(line) }));
 * logger.info('connected', { height: 5, rpcPassword: 'hunter2' });
 * lines.join(''); // => '{"level":30,"height":5,"rpcPassword":"[redacted]","msg":"connected"}\n'
 * ```
 */
export function pinoLogger(pino: PinoLike): Logger {
  assertObject('pino', pino);
  for (const method of ['debug', 'info', 'warn', 'error', 'child'] as const)
    if (typeof pino[method] !== 'function') throw invalidArgument('pino', `a logger with ${method}`, pino);
  const write =
    (level: LogLevel) =>
    (message: string, fields: LogFields = {}): void => {
      try {
        pino[level](safeFields(fields), redactText(message));
      } catch {
        // A logger never throws: a disk that is full must not stop a payment.
      }
    };
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => pinoLogger(pino.child(safeFields(fields))),
  };
}

function safeFields(fields: LogFields): object {
  const safe = redact(fields);
  if (typeof safe !== 'object' || safe === null || Array.isArray(safe)) return { fields: safe };
  return Object.fromEntries(
    Object.entries(safe).map(([name, value]) => [reserved.has(name) ? `field.${name}` : name, value]),
  );
}
