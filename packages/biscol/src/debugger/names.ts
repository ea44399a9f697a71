import { toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey } from '@bitcoin-enterprise/descriptors';
import { type Clause, keysOfClause } from '../contract/clauses.ts';
import type { ContractInstance } from '../contract/model.ts';

/** Says who a key is: by its name in a contract, those of an aggregate with `+` between, else in hexadecimal. */
export type KeyName = (key: DerivedKey) => string;

/** Names of the keys of a clause. */
export function namesOfClause(clause: Clause): KeyName {
  return namesOf(new Map(keysOfClause(clause).map(({ key, name }) => [key, name])));
}

/** Names by key expressions. */
export function namesOf(names: ReadonlyMap<string, string>): KeyName {
  return (key) => {
    const { participants } = key;
    if (participants.length > 0) return participants.map(namesOf(names)).join('+');
    return names.get(key.expression.text('public')) ?? toHex(key.bytes);
  };
}

/** All keys with names among the parameters, data and covenants of an instance: name by key expression. */
export function namesOfInstance(
  { params, covenants }: ContractInstance,
  data: Readonly<Record<string, unknown>>,
): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const own = covenants?.kind === 'presigned' ? covenants.keys : [];
  for (const value of [...Object.values(params), ...Object.values(data), ...own].flat()) {
    const { name, key } = (value ?? {}) as { readonly name?: unknown; readonly key?: unknown };
    if (typeof name === 'string' && typeof key === 'string' && !names.has(key)) names.set(key, name);
  }
  return names;
}
