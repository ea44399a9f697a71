import { invalidArgument } from './errors.ts';

/** Throws unless a value is a node of a miniscript: what `makeFragment` or a parser returned. */
export function requireFragment(value: unknown, argument = 'fragment'): void {
  const { name, type, subs = [] } = requireObject<{ name: unknown; type: unknown; subs?: unknown }>(value, argument);
  if (typeof name !== 'string' || typeof type !== 'number' || !Array.isArray(subs))
    throw invalidArgument(argument, 'a node of a miniscript', value);
}

/** Throws unless a value is an object whose name says what it is: a policy, a meaning, a node of a descriptor. */
export function requireNamed(value: unknown, argument: string): void {
  const { name, subs = [] } = requireObject<{ name: unknown; subs?: unknown }>(value, argument);
  if (typeof name !== 'string' || !Array.isArray(subs)) throw invalidArgument(argument, 'an object with a name', value);
}

/** Throws unless a value is `wsh` or `tapscript`. */
export function requireContext(value: unknown, argument = 'context'): void {
  if (value !== 'wsh' && value !== 'tapscript') throw invalidArgument(argument, "'wsh' or 'tapscript'", value);
}

/** Throws unless a value is a function. */
export function requireFunction(value: unknown, argument: string): void {
  if (typeof value !== 'function') throw invalidArgument(argument, 'a function', value);
}

/** Throws unless a value is a list of ways to spend. */
export function requirePaths(value: unknown): void {
  const isPath = (path: unknown): boolean => typeof path === 'object' && path !== null && 'text' in path;
  if (!Array.isArray(value) || !value.every(isPath)) throw invalidArgument('paths', 'a list of ways to spend', value);
}

/** Throws unless a value is an object, and returns it. */
export function requireObject<Fields extends object>(value: unknown, argument: string): Partial<Fields> {
  if (typeof value !== 'object' || value === null) throw invalidArgument(argument, 'an object', value);
  return value;
}
