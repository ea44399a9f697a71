import { toHex } from '@bitcoin-enterprise/core';
import {
  decompileFragment,
  type DerivedKey,
  type Fragment,
  makeFragment,
  type MiniscriptContext,
  type ScriptKey,
} from '@bitcoin-enterprise/descriptors';
import { ScriptReader } from '@bitcoin-enterprise/script';
import { guarded, requireBytes, requireObject } from '../checks.ts';
import type { Way } from '../contract/state-output.ts';
import { invalidArgument } from '../errors.ts';
import { matchClause, partsOfClause } from './clause-parts.ts';
import { layOut, type Placed, textOfPlaced } from './layout.ts';
import type { FragmentMap, MappedFragment, MappedOpcode } from './model.ts';
import { namesOfClause } from './names.ts';

/** Longer scripts are shown opcode by opcode alone. */
const MOST_MAPPED = 10_000;

/**
 * Takes apart the script of a way to spend an output of a contract: which opcode belongs to which fragment, to which part
 * of the clause, to which line.
 *
 * @param way - Of `instance.output(…).ways`.
 * @returns `undefined` for the key path, which has no script.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function mapWay(way: Way): FragmentMap | undefined {
  return guarded('way', 'a way of an output of a contract', () => takeWayApart(way));
}

function takeWayApart(way: Way): FragmentMap | undefined {
  const { leaf, fragment, clause, template } = requireObject<Way>('way', way);
  requireObject('way.fragment', fragment);
  requireObject('way.clause', clause);
  if (leaf === undefined) return undefined;
  const script = requireBytes('way.leaf.script', leaf.script);
  const own = fragment as Fragment<DerivedKey>;
  const placed: Placed<DerivedKey>[] = [];
  if (template === undefined) placed.push(...layOut(own, 32));
  else {
    // The conditions first, then the hash and its opcode, which no miniscript has.
    const verified = makeFragment<DerivedKey>({ name: 'v', subs: [own] }, 'tapscript') as Fragment<DerivedKey>;
    const conditions = layOut(verified, 32);
    const end = conditions[0]?.end ?? 0;
    placed.push({ parent: undefined, name: 'covenant', start: 0, end: script.length });
    placed.push(...conditions.map((one) => ({ ...one, parent: one.parent === undefined ? 0 : one.parent + 1 })));
    placed.push({ parent: 0, name: 'template', start: end, end: script.length });
  }
  const clauses = partsOfClause(clause as Way['clause']);
  const matched = matchClause(placed, clauses);
  const nameOf = namesOfClause(clause as Way['clause']);
  const fragments = placed.map((one, index): MappedFragment => {
    const { parent, name, start, end } = one;
    const own = matched[index];
    const text =
      name === 'template'
        ? `template(${toHex(template ?? new Uint8Array(0))})`
        : name === 'covenant'
          ? 'covenant(…)'
          : textOfPlaced(one, nameOf);
    return { index, parent, name, text, start, end, ...(own === undefined ? {} : { clause: own }) };
  });
  return { script, fragments, opcodes: opcodesOf(script, fragments), clauses };
}

/**
 * Takes apart any script that is a miniscript, without clauses and lines.
 *
 * @param options - `context`: `tapscript` of a leaf, `wsh` of P2WSH; `keys`: names by key in hexadecimal.
 * @returns `undefined` for a script that is no miniscript, or has more than 10,000 bytes.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { mapScript } from '@bitcoin-enterprise/biscol/debugger';
 * import { assemble } from '@bitcoin-enterprise/script';
 *
 * const key = new Uint8Array(32).fill(7);
 * const script = assemble([key, 'OP_CHECKSIGVERIFY', 144, 'OP_CHECKSEQUENCEVERIFY']);
 * const map = mapScript(script, { context: 'tapscript', keys: { ['07'.repeat(32)]: 'alice' } });
 * map?.fragments.map(({ text }) => text);
 * // => ['and_v(v:pk(alice),older(144))', 'v:pk(alice)', 'pk(alice)', 'pk_k(alice)', 'older(144)']
 * map?.opcodes.map(({ fragment }) => fragment); // => [3, 2, 4, 4]
 * ```
 */
export function mapScript(
  script: Uint8Array,
  options: { readonly context: MiniscriptContext; readonly keys?: Readonly<Record<string, string>> },
): FragmentMap | undefined {
  return guarded('options', 'a context and names of keys', () => takeScriptApart(script, options));
}

function takeScriptApart(script: Uint8Array, options: Parameters<typeof mapScript>[1]): FragmentMap | undefined {
  const bytes = requireBytes('script', script);
  const { context, keys = {} } = requireObject<Parameters<typeof mapScript>[1]>('options', options);
  if (context !== 'tapscript' && context !== 'wsh')
    throw invalidArgument('options.context', "'tapscript' or 'wsh'", context);
  requireObject('options.keys', keys);
  if (bytes.length > MOST_MAPPED) return undefined;
  const fragment = decompile(bytes, context);
  if (fragment === undefined) return undefined;
  const nameOf = (key: ScriptKey): string => {
    const text = toHex(key.bytes);
    const name = Object.hasOwn(keys, text) ? keys[text] : undefined;
    return typeof name === 'string' ? name : text;
  };
  const fragments = layOut(fragment, context === 'tapscript' ? 32 : 33).map((one, index): MappedFragment => {
    const { parent, name, start, end } = one;
    return { index, parent, name, text: textOfPlaced(one, nameOf), start, end };
  });
  return { script: bytes, fragments, opcodes: opcodesOf(bytes, fragments), clauses: [] };
}

function decompile(script: Uint8Array, context: MiniscriptContext): Fragment<ScriptKey> | undefined {
  try {
    return decompileFragment(script, context);
  } catch {
    return undefined;
  }
}

/** Each opcode with the innermost fragment that holds it. */
function opcodesOf(script: Uint8Array, fragments: readonly MappedFragment[]): readonly MappedOpcode[] {
  const owners = new Int32Array(script.length);
  // Parents come first, so that what is written last is innermost.
  for (const { index, start, end } of fragments) owners.fill(index, start, end);
  const opcodes: MappedOpcode[] = [];
  const reader = new ScriptReader(script);
  for (let offset = 0; reader.next(); offset = reader.position)
    opcodes.push({ offset, end: reader.position, fragment: owners[offset] ?? 0 });
  return opcodes;
}
