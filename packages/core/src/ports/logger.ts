/** Structured facts of a log line. Never secrets. */
export type LogFields = Readonly<Record<string, unknown>>;

/** How grave a log line is. */
export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** Where log lines go. A logger never throws and never blocks. */
export interface Logger {
  /** For whoever develops against the suite. */
  debug(message: string, fields?: LogFields): void;
  /** Something happened as it should. */
  info(message: string, fields?: LogFields): void;
  /** Something is odd, and was dealt with. */
  warn(message: string, fields?: LogFields): void;
  /** Something failed, and somebody should look. */
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}
