import { invalidArgument } from '../errors.ts';

/** What a secret looks like to whoever prints it. */
const SHOWN = '[redacted]';

/** Two copies of this package know each other's secrets by this. */
const brand = /* @__PURE__ */ Symbol.for('@bitcoin-enterprise/config/secret');

/** What Node asks when it prints a value. */
const inspect = /* @__PURE__ */ Symbol.for('nodejs.util.inspect.custom');

// Not a field of the object, where a debugger would show it.
const texts = /* @__PURE__ */ new WeakMap<object, string>();

/** A text that shows itself to nobody who does not ask for it by name: not in JSON, not in a log, not in a template. */
export class Secret {
  /**
   * @param text - The secret.
   * @throws {@link ConfigError} `CONFIG_INVALID_ARGUMENT`
   *
   * @example
   * ```ts
   * import { Secret } from '@bitcoin-enterprise/config';
   *
   * const password = new Secret('hunter2');
   * `${password} ${JSON.stringify({ password })}`; // => '[redacted] {"password":"[redacted]"}'
   * password.reveal(); // => 'hunter2'
   * ```
   */
  constructor(text: string) {
    if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
    texts.set(this, text);
    // Not by name in the class, for a declaration could not say which symbol it is.
    Object.defineProperties(this, { [brand]: { value: true }, [inspect]: { value: () => SHOWN } });
    Object.freeze(this);
  }

  /** The secret itself; to be called where it is used, and kept nowhere. */
  reveal(): string {
    return texts.get(this) ?? '';
  }

  /** `[redacted]` */
  toString(): string {
    return SHOWN;
  }

  /** `[redacted]` */
  toJSON(): string {
    return SHOWN;
  }

  /** `[redacted]`, for arithmetic and comparison too. */
  [Symbol.toPrimitive](): string {
    return SHOWN;
  }
}

/** Whether a value is a secret, of whichever copy of this package. */
export function isSecret(value: unknown): value is Secret {
  return typeof value === 'object' && value !== null && brand in value;
}
