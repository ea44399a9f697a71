import { redact } from '@bitcoin-enterprise/core/telemetry';
import { isTree } from './tree.ts';

/**
 * Freezes settings through and through, and makes every group of them show itself without secrets, also those in plain
 * fields that only their name gives away, when it is printed as JSON or by Node.
 */
export function present<T>(settings: T): T {
  if (Array.isArray(settings)) settings.forEach((item) => present(item));
  else if (isTree(settings)) {
    for (const item of Object.values(settings)) present(item);
    const shown = { enumerable: false, value: () => redact({ ...settings }) };
    if (Object.isExtensible(settings))
      Object.defineProperties(settings, { toJSON: shown, [Symbol.for('nodejs.util.inspect.custom')]: shown });
  } else return settings;
  return Object.freeze(settings);
}
