import type { Logger } from '../ports/logger.ts';

/** A logger that says nothing: the default everywhere. */
export const silentLogger: Logger = /* @__PURE__ */ Object.freeze<Logger>({
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
});
