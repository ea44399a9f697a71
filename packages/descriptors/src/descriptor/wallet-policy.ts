import { DescriptorsError, invalidArgument, type TextFault } from '../errors.ts';
import { ExtendedExpression } from '../keys/extended-expression.ts';
import { HARDENED } from '../keys/extended-key.ts';
import type { KeyExpression } from '../keys/model.ts';
import { MusigExpression } from '../keys/musig-expression.ts';
import { originText, pathText, readPath } from '../keys/path.ts';
import { readKey, type ReadKeyOptions } from '../keys/read-key.ts';
import { type Expression, parseExpression } from '../text/expression.ts';
import { NO_ANNOTATIONS } from './annotations.ts';
import { Descriptor } from './descriptor.ts';
import { readDescriptor } from './read.ts';
import { printNode } from './text.ts';

/** A wallet policy (BIP388): a descriptor with its keys apart, so that a person can review it. */
export interface WalletPolicy {
  /** As `wsh(multi(2,@0/**,@1/**))`. */
  readonly template: string;
  /** The keys with their origins, as `[d34db33f/48'/0'/0'/2']xpub…`; `@0` is the first. */
  readonly keys: readonly string[];
  /** What it means: a multipath descriptor. */
  readonly descriptor: Descriptor;
}

/**
 * Reads a wallet policy (BIP388) and makes its descriptor.
 *
 * @param template - With placeholders `@i/**` or `@i/<M;N>/*`, and `musig(@i,@j)/**` within `tr()`.
 * @param keys - Extended public keys with their origins, each used at least once.
 * @throws DescriptorsError `DESCRIPTORS_WALLET_POLICY_INVALID` for what BIP388 forbids, with its position in the
 * template (0 for what is about the keys), and the errors of `parseDescriptor`.
 *
 * @example
 * ```ts
 * import { parseWalletPolicy } from '@bitcoin-enterprise/descriptors';
 *
 * const key = '[6738736c/84h/0h/2h]xpub6CRQzb8u9dmMcq5XAwwRn9gcoYCjndJkhKgD11WKzbVGd932UmrExWFxCAvRnDN3ez6ZujLmMvmLBaSWdfWVn75L83Qxu1qSX4fJNrJg2Gt';
 * parseWalletPolicy('wpkh(@0/**)', [key]).descriptor.multipathCount; // => 2
 * ```
 */
export function parseWalletPolicy(template: string, keys: readonly string[]): WalletPolicy {
  if (typeof template !== 'string') throw invalidArgument('template', 'a string', template);
  if (!Array.isArray(keys) || !keys.every((key) => typeof key === 'string'))
    throw invalidArgument('keys', 'a list of strings', keys);
  const reader = new PlaceholderReader(keys);
  const expression = parseExpression(template);
  requireForms(expression, 'top');
  const node = readDescriptor(expression, (key, options) => reader.read(key, options));
  reader.finish();
  return { template, keys: [...keys], descriptor: new Descriptor(node, NO_ANNOTATIONS) };
}

/**
 * The wallet policy of a descriptor (BIP388).
 *
 * @param descriptor - Of extended keys that each end in `/<M;N>/*`.
 * @throws DescriptorsError `DESCRIPTORS_WALLET_POLICY_INVALID` for a descriptor that is none.
 */
export function walletPolicyOf(descriptor: Descriptor): WalletPolicy {
  if (!(descriptor instanceof Descriptor)) throw invalidArgument('descriptor', 'a descriptor', descriptor);
  const keys: string[] = [];
  const placeholder = (key: KeyExpression): string => {
    if (!(key instanceof ExtendedExpression))
      throw policyInvalid(NOWHERE, 'only extended keys have a place in a wallet policy');
    const text = originText(key.origin, key.marker) + key.root.toString();
    let place = keys.indexOf(text);
    if (place < 0) place = keys.push(text) - 1;
    return `@${place}`;
  };
  const keyText = (key: KeyExpression): string => {
    if (!(key instanceof ExtendedExpression) && !(key instanceof MusigExpression))
      throw policyInvalid(NOWHERE, 'only extended keys have a place in a wallet policy');
    const [multipath] = key.steps;
    if (
      key.steps.length !== 1 ||
      typeof multipath === 'number' ||
      multipath?.length !== 2 ||
      key.wildcard !== 'unhardened'
    )
      throw policyInvalid(NOWHERE, 'each key must end in /<M;N>/* and nothing else');
    if (key instanceof MusigExpression) {
      if (
        key.participants.some(
          (participant) => !(participant instanceof ExtendedExpression) || participant.steps.length > 0,
        )
      )
        throw policyInvalid(NOWHERE, 'keys within musig() must have no path');
      return `musig(${key.participants.map(placeholder).join(',')})${shortPath(multipath)}`;
    }
    return placeholder(key) + shortPath(multipath);
  };
  const silentText = (): string => {
    throw policyInvalid(NOWHERE, 'sp() has no wallet policy');
  };
  return parseWalletPolicy(printNode(descriptor.node, { keyText, silentText, scanText: silentText }), keys);
}

const NOWHERE: TextFault = { position: 0, length: 0 };

function shortPath(multipath: readonly number[]): string {
  return multipath[0] === 0 && multipath[1] === 1
    ? '/**'
    : pathText([multipath], { marker: 'h', wildcard: 'unhardened' });
}

/** Where functions are allowed beside the rules of descriptors; all else that is in `wsh()` and `tr()` is a miniscript. */
const TOP_FORMS: ReadonlySet<string> = new Set(['sh', 'wsh', 'pkh', 'wpkh', 'tr']);
const SH_FORMS: ReadonlySet<string> = new Set(['wsh', 'pkh', 'wpkh', 'multi', 'sortedmulti']);

function requireForms(expression: Expression, place: 'top' | 'sh'): void {
  const { name, position, args } = expression;
  if (!(place === 'top' ? TOP_FORMS : SH_FORMS).has(name))
    throw policyInvalid({ position, length: name.length }, 'a function that wallet policies have not at this place');
  const [inner] = args ?? [];
  if (name === 'sh' && inner !== undefined) requireForms(inner, 'sh');
}

class PlaceholderReader {
  readonly #infos: readonly string[];
  readonly #used = new Set<number>();
  /** Steps that a placeholder has taken, by its keys. */
  readonly #steps = new Map<string, Set<number>>();

  constructor(infos: readonly string[]) {
    this.#infos = infos;
  }

  read(expression: Expression, options: ReadKeyOptions): KeyExpression {
    const { name, args, suffix, position, length } = expression;
    const place = { position, length };
    if (name === 'musig' && args !== undefined) {
      if (options.context !== 'taproot') throw policyInvalid(place, 'musig() is only allowed within tr()');
      const indexes = args.map((arg) => this.#index(arg, ''));
      if (new Set(indexes).size < indexes.length) throw policyInvalid(place, 'a key is repeated within musig()');
      const path = this.#path(suffix, place, [...indexes].sort((a, b) => a - b).join(','));
      const infos = args.map((arg, at) => word(arg, this.#infos[indexes[at] as number] as string));
      return readKey({ ...expression, args: infos, suffix: path }, options);
    }
    const slash = name.indexOf('/');
    const path = slash < 0 ? '' : name.slice(slash);
    const index = this.#index(expression, path);
    const steps = this.#path(path, place, String(index));
    return readKey(word(expression, (this.#infos[index] as string) + steps), options);
  }

  /** What can be said when all placeholders are known. */
  finish(): void {
    if (this.#used.size === 0) throw policyInvalid(NOWHERE, 'a wallet policy has at least one key');
    if (this.#used.size < this.#infos.length)
      throw policyInvalid(NOWHERE, `the key @${this.#used.size} is not used by the template`);
  }

  #index({ name, args, position, length }: Expression, path: string): number {
    const place = { position, length };
    const digits = /^@(0|[1-9]\d{0,5})$/.exec(name.slice(0, name.length - path.length))?.[1];
    if (digits === undefined || args !== undefined) throw policyInvalid(place, 'expected a key placeholder as @0/**');
    const index = Number(digits);
    if (index > this.#used.size)
      throw policyInvalid(place, `the placeholder @${this.#used.size} must come before @${index}`);
    if (!this.#used.has(index)) this.#requireInfo(index, place);
    this.#used.add(index);
    return index;
  }

  #requireInfo(index: number, place: TextFault): void {
    const info = this.#infos[index];
    if (info === undefined) throw policyInvalid(place, `there is no key for @${index}`);
    const key = infoKey(info);
    if (key === undefined || key.steps.length > 0 || key.isRange || key.hasPrivateKey)
      throw policyInvalid(place, `the key for @${index} is no extended public key with its origin alone`);
    for (const other of this.#used)
      if (infoKey(this.#infos[other] as string)?.root.toString() === key.root.toString())
        throw policyInvalid(place, `the keys for @${other} and @${index} are the same`);
  }

  /** The steps behind a placeholder; those of the same keys must not meet. */
  #path(path: string, place: TextFault, keys: string): string {
    const text = path === '/**' ? '/<0;1>/*' : path;
    if (!/^\/<\d+;\d+>\/\*$/.test(text))
      throw policyInvalid(place, 'a placeholder must be followed by /** or /<M;N>/*');
    const { steps } = readPath(text, { position: place.position, label: '', isOrigin: false });
    const taken = this.#steps.get(keys) ?? new Set<number>();
    this.#steps.set(keys, taken);
    for (const step of steps.flat()) {
      if (step >= HARDENED || taken.has(step))
        throw policyInvalid(place, `the same key occurs twice: step ${step} of @${keys}`);
      taken.add(step);
    }
    return text;
  }
}

function infoKey(info: string): ExtendedExpression | undefined {
  const expression: Expression = {
    name: info,
    position: 0,
    length: info.length,
    args: undefined,
    brackets: undefined,
    suffix: '',
  };
  const key = readKey(expression, { context: 'legacy', label: 'keys: ', known: new Map() });
  return key instanceof ExtendedExpression ? key : undefined;
}

/** A word in the place of another. */
function word({ position, length }: Expression, name: string): Expression {
  return { name, position, length, args: undefined, brackets: undefined, suffix: '' };
}

function policyInvalid({ position, length }: TextFault, reason: string): DescriptorsError {
  return new DescriptorsError('DESCRIPTORS_WALLET_POLICY_INVALID', `expected a wallet policy of BIP388: ${reason}`, {
    details: { position, length, reason },
  });
}
