/** Small numbers for JSON values: equal values have equal numbers, whatever the order of their fields. */
export interface Interner {
  /** The number of a value. The value is frozen, deeply: what is pure never notices. */
  idOf(value: unknown): number;
}

/** Makes an interner. */
export function createInterner(): Interner {
  const ids = new Map<string, number>();
  const known = new WeakMap<object, number>();

  function idOfText(text: string): number {
    const id = ids.get(text) ?? ids.size;
    ids.set(text, id);
    return id;
  }

  function idOf(value: unknown): number {
    if (typeof value !== 'object' || value === null) return idOfText(`=${JSON.stringify(value) ?? 'null'}`);
    const before = known.get(value);
    if (before !== undefined) return before;
    const id = idOfText(Array.isArray(value) ? `[${value.map(idOf).join()}` : textOfFields(value));
    known.set(Object.freeze(value), id);
    return id;
  }

  function textOfFields(value: object): string {
    const fields: string[] = [];
    for (const [key, field] of Object.entries(value))
      if (field !== undefined) fields.push(`${JSON.stringify(key)}${idOf(field)}`);
    return `{${fields.sort().join()}`;
  }

  return { idOf };
}
