import { redact } from '@bitcoin-enterprise/core/telemetry';
import { isTree } from './tree.ts';

/**
 * A copy of settings that is frozen through and through, and of which every group shows itself without secrets, also
 * those in plain fields that only their name gives away, when it is printed as JSON or by Node. A copy, because a
 * schema hands out its own defaults. What is neither a group nor a list is left as it is.
 */
export function present<T>(settings: T): T {
  return copy(settings) as T;
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return Object.freeze(value.map(copy));
  if (!isTree(value)) return value;
  const made = Object.fromEntries(Object.entries(value).map(([name, item]) => [name, copy(item)]));
  const shown = { enumerable: false, value: () => redact({ ...made }) };
  return Object.freeze(
    Object.defineProperties(made, { toJSON: shown, [Symbol.for('nodejs.util.inspect.custom')]: shown }),
  );
}
