import { jsonType } from './json.ts';
import { RpcCode, RpcError } from './rpc-error.ts';

/** What a parameter may be. `any`: the method checks it itself. */
type ParamType = 'str' | 'num' | 'bool' | 'arr' | 'obj' | 'any';

/** One parameter of a method. */
export interface RpcParam {
  /** Its name, then other names that it is known by. */
  readonly names: readonly string[];
  readonly type: ParamType;
  readonly optional: boolean;
}

/** What a method gets: its arguments in order, absent ones `undefined`. */
export type RpcArguments = readonly unknown[];

/** A method of the RPC. */
export interface RpcMethod<Context> {
  readonly name: string;
  readonly params: readonly RpcParam[];
  readonly run: (context: Context, args: RpcArguments) => unknown;
  /** What `help` says of it; the line of its arguments when absent. */
  readonly help?: string;
}

/** Methods under one heading of `help`. */
export interface RpcCategory<Context> {
  readonly title: string;
  readonly methods: readonly RpcMethod<Context>[];
}

/**
 * Describes a method.
 *
 * @param params - Words like `height:num` or `verbosity|verbose:any?`: names, type, and `?` for one that may be absent.
 */
export function method<Context>(
  name: string,
  params: string,
  run: (context: Context, args: RpcArguments) => unknown,
): RpcMethod<Context> {
  const words = params === '' ? [] : params.split(' ');
  return {
    name,
    run,
    params: words.map((word) => {
      const [names = '', type = ''] = word.split(':');
      return {
        names: names.split('|'),
        type: type.replace('?', '') as ParamType,
        optional: type.endsWith('?'),
      };
    }),
  };
}

/** The line that `help` shows. */
export function usage({ name, params }: Pick<RpcMethod<never>, 'name' | 'params'>): string {
  const shown = params.map(({ names: [first = ''], type, optional }) => {
    const text = type === 'str' || type === 'any' ? `"${first}"` : type === 'arr' ? `[${first},...]` : first;
    return optional ? `( ${text} )` : text;
  });
  return [name, ...shown].join(' ').replaceAll(' ) ( ', ' ');
}

/** Puts arguments in order and checks their number and types, as Core's `RPCHelpMan` does. */
export function bindArguments(of: Pick<RpcMethod<never>, 'name' | 'params'>, params: unknown): RpcArguments {
  const args = Array.isArray(params) ? (params as unknown[]) : positional(of, params as Record<string, unknown>);
  const required = of.params.reduce((count, { optional }, i) => (optional ? count : i + 1), 0);
  if (args.length < required || args.length > of.params.length) throw new RpcError(RpcCode.MISC, usage(of));
  const mismatches: Record<string, string> = {};
  for (const [i, param] of of.params.entries()) {
    const value = args[i];
    if (matches(param, value)) continue;
    const message = `JSON value of type ${jsonType(value)} is not of expected type ${expected[param.type]}`;
    mismatches[`Position ${i + 1} (${param.names[0] ?? ''})`] = message;
  }
  if (Object.keys(mismatches).length > 0)
    throw new RpcError(RpcCode.TYPE, `Wrong type passed:\n${JSON.stringify(mismatches, undefined, 4)}`);
  return args.map((value) => (value === null ? undefined : value));
}

const expected: Readonly<Record<ParamType, string>> = {
  str: 'string',
  num: 'number',
  bool: 'bool',
  arr: 'array',
  obj: 'object',
  any: 'any',
};

function matches({ type, optional }: RpcParam, value: unknown): boolean {
  if (type === 'any') return true;
  if (value === null || value === undefined) return optional;
  return jsonType(value) === expected[type];
}

/** Arguments by name; `args` may hold the first ones by position. */
function positional(of: Pick<RpcMethod<never>, 'params'>, named: Record<string, unknown>): unknown[] {
  const { args: first = [], ...rest } = named;
  if (!Array.isArray(first)) throw new RpcError(RpcCode.INVALID_PARAMETER, 'Parameter args must be an array');
  const args = [...(first as unknown[])];
  const left = new Map(Object.entries(rest));
  for (const [i, { names }] of of.params.entries())
    for (const name of names) {
      if (!left.has(name)) continue;
      if (i < first.length || args[i] !== undefined)
        throw new RpcError(
          RpcCode.INVALID_PARAMETER,
          `Parameter ${name} specified twice both as positional and named argument`,
        );
      // What lies between was not given.
      while (args.length < i) args.push(null);
      args[i] = left.get(name);
      left.delete(name);
    }
  for (const name of left.keys()) throw new RpcError(RpcCode.INVALID_PARAMETER, `Unknown named parameter ${name}`);
  return args;
}
