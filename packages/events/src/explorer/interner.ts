import { isPlain, requireJson } from '../model/json.ts';

/** Small numbers for JSON values: equal values have equal numbers, whatever the order of their fields. */
export interface Interner {
  /**
   * The number of a value. The value is frozen, deeply: what is pure never notices.
   *
   * @param path - Where the value stands, for the error.
   * @throws EventsError `EVENTS_DATA_INVALID` for what is no JSON: two such values could not be told apart.
   */
  idOf(value: unknown, path: string): number;
}

/** What {@link requireJson} looks at as well; here a value that contains itself ends by it. */
const MAX_DEPTH = 64;

class NoJson extends Error {}

/** Makes an interner. */
export function createInterner(): Interner {
  const ids = new Map<string, number>();
  const known = new WeakMap<object, number>();

  function idOfText(text: string): number {
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    return id;
  }

  function idAt(value: unknown, depth: number): number {
    if (typeof value !== 'object' || value === null) return idOfText(textOfPrimitive(value));
    const before = known.get(value);
    if (before !== undefined) return before;
    if (depth === MAX_DEPTH) throw new NoJson();
    const id = idOfText(Array.isArray(value) ? textOfItems(value, depth + 1) : textOfFields(value, depth + 1));
    known.set(Object.freeze(value), id);
    return id;
  }

  function textOfItems(items: readonly unknown[], depth: number): string {
    const parts: number[] = [];
    // By index, so that holes are met.
    for (let i = 0; i < items.length; i++) parts.push(idAt(items[i], depth));
    return `[${parts.join()}`;
  }

  function textOfFields(value: object, depth: number): string {
    if (!isPlain(value)) throw new NoJson();
    const fields: string[] = [];
    for (const [key, field] of Object.entries(value))
      if (field !== undefined) fields.push(`${JSON.stringify(key)}${idAt(field, depth)}`);
    return `{${fields.sort().join()}`;
  }

  return {
    idOf(value, path) {
      // A state may be nothing.
      if (value === undefined) return idOfText('=undefined');
      try {
        return idAt(value, 0);
      } catch (error) {
        requireJson(value, path);
        throw error;
      }
    },
  };
}

function textOfPrimitive(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return `=${JSON.stringify(value)}`;
  if (typeof value === 'number' && Number.isFinite(value)) return Object.is(value, -0) ? '=-0' : `=${value}`;
  throw new NoJson();
}
