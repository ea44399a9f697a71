import { decodeAddress, describeValue, type NetworkName } from '@bitcoin-enterprise/core';
import { DescriptorsError, invalidArgument } from '../errors.ts';
import { HARDENED } from '../keys/extended-key.ts';
import type { KeyExpression, KeyTextForm } from '../keys/model.ts';
import { parseExpression } from '../text/expression.ts';
import { type Annotations, annotationsText, splitAnnotations } from './annotations.ts';
import { descriptorChecksum, splitChecksum } from './checksum.ts';
import { DerivedOutput, deriveNode, keysOfNode, mapNode } from './derive.ts';
import type { DescriptorNode } from './model.ts';
import { readDescriptor } from './read.ts';
import { nodeText } from './text.ts';

/**
 * An output script descriptor: scripts, the keys in them, and how those are derived (BIP380 to BIP392, as in Bitcoin
 * Core). Secrets that it was read with are shown by `toPrivateString` alone; JSON and logs have its public text.
 */
export class Descriptor {
  /** What it is, with the keys as they were written. */
  readonly node: DescriptorNode;
  /** What stands beside it (BIP393). */
  readonly annotations: Annotations;
  /** The keys in the order in which they are written, without those who aggregate. */
  readonly keys: readonly KeyExpression[];
  /** Whether it has a wildcard: an output for each index. */
  readonly isRange: boolean;
  /** How many descriptors `paths()` makes of it, 1 without a multipath step (BIP389). */
  readonly multipathCount: number;

  constructor(node: DescriptorNode, annotations: Annotations) {
    this.node = node;
    this.annotations = annotations;
    this.keys = keysOfNode(node);
    this.isRange = this.keys.some((key) => key.isRange);
    this.multipathCount = this.keys.reduce((count, key) => Math.max(count, key.multipathCount), 1);
  }

  /** Whether it was read with a secret. */
  get hasPrivateKeys(): boolean {
    return this.keys.some((key) => key.hasPrivateKey);
  }

  /** The networks for which it may be written; `undefined` when nothing says. */
  get networks(): readonly NetworkName[] | undefined {
    return networksOf(this.node, this.keys);
  }

  /** One descriptor for each alternative of the multipath steps, as receiving and change; itself without one. */
  paths(): readonly Descriptor[] {
    if (this.multipathCount === 1) return [this];
    return Array.from({ length: this.multipathCount }, (_, place) => {
      const node = mapNode(this.node, (key) => (key.multipathCount === 1 ? key : key.alternative(place)));
      return new Descriptor(node, this.annotations);
    });
  }

  /**
   * The output at an index.
   *
   * @param index - 0 to 2³¹-1; without a wildcard it is not used, and may be absent.
   * @throws DescriptorsError `DESCRIPTORS_INDEX_INVALID` for an index that is none, none where one is needed, or a
   * multipath descriptor (take one of its `paths()`); `DESCRIPTORS_DERIVATION_HARDENED` for a hardened step from a
   * public key.
   *
   * @example
   * ```ts
   * import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
   *
   * const descriptor = parseDescriptor('wpkh(0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600)');
   * descriptor.derive().scriptPubKey.length; // => 22
   * ```
   */
  derive(index?: number): DerivedOutput {
    if (this.multipathCount > 1) throw indexInvalid('one of the paths() of a multipath descriptor', 'all of them');
    if (index === undefined && this.isRange) throw indexInvalid('an index for the wildcard', 'none');
    const at = index ?? 0;
    if (!Number.isInteger(at) || at < 0 || at >= HARDENED)
      throw indexInvalid('an index of 0 to 2147483647', describeValue(index));
    const used = this.isRange ? at : 0;
    return new DerivedOutput(used, deriveNode(this.node, used));
  }

  /** The public text with its checksum: what it was read from, without secrets. Of `sp()` it has the scan secret. */
  toString(): string {
    return this.#text('public');
  }

  /** The text with the secrets that it was read with, and its checksum. */
  toPrivateString(): string {
    return this.#text('private');
  }

  /**
   * The public text in which hardened steps are part of the origin, so that it derives without secrets.
   *
   * @throws DescriptorsError `DESCRIPTORS_DERIVATION_HARDENED` when a hardened step needs a secret that is not there.
   */
  toNormalizedString(): string {
    return this.#text('normalized');
  }

  /** The public text; `sp()` is left out of logs, for it cannot be without the secret of scanning. */
  toJSON(): string {
    return this.node.name === 'sp' ? 'sp(…)' : this.toString();
  }

  #text(form: KeyTextForm): string {
    const text = nodeText(this.node, form) + annotationsText(this.annotations);
    return `${text}#${descriptorChecksum(text)}`;
  }
}

/** How strict a descriptor is read. */
export interface ParseDescriptorOptions {
  /** `required`: a text without checksum is refused; `optional` when absent. */
  readonly checksum?: 'optional' | 'required';
}

/**
 * Reads a descriptor.
 *
 * @param text - With or without checksum, of at most 4,000,000 characters.
 * @throws DescriptorsError with the position of the fault: `DESCRIPTORS_SYNTAX`, `DESCRIPTORS_TOO_LARGE`,
 * `DESCRIPTORS_CHECKSUM_INVALID`, `DESCRIPTORS_FUNCTION_INVALID`, `DESCRIPTORS_KEY_INVALID`,
 * `DESCRIPTORS_MULTIPATH_INVALID`, `DESCRIPTORS_THRESHOLD_INVALID`, `DESCRIPTORS_MINISCRIPT_TYPE`,
 * `DESCRIPTORS_MINISCRIPT_INSANE`; `DESCRIPTORS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
 *
 * String(parseDescriptor('raw(deadbeef)')); // => 'raw(deadbeef)#89f8spxm'
 * ```
 */
export function parseDescriptor(text: string, options: ParseDescriptorOptions = {}): Descriptor {
  if (typeof text !== 'string') throw invalidArgument('text', 'a string', text);
  if (typeof options !== 'object' || options === null) throw invalidArgument('options', 'an object', options);
  const { checksum = 'optional' } = options;
  requireLength(text);
  const { payload, hasChecksum } = splitChecksum(text);
  if (checksum === 'required' && !hasChecksum)
    throw new DescriptorsError('DESCRIPTORS_CHECKSUM_INVALID', 'Missing checksum', {
      details: { position: text.length, length: 0, expected: '8 characters', got: 'none' },
    });
  const { script, annotations } = splitAnnotations(payload);
  const node = readDescriptor(parseExpression(script));
  requireOneNetwork(node, text);
  return new Descriptor(node, annotations);
}

const MAXIMUM_LENGTH = 4_000_000;

function requireLength(text: string): void {
  if (text.length > MAXIMUM_LENGTH)
    throw new DescriptorsError('DESCRIPTORS_TOO_LARGE', `expected at most ${MAXIMUM_LENGTH} characters, got more`, {
      details: {
        position: MAXIMUM_LENGTH,
        length: text.length - MAXIMUM_LENGTH,
        what: 'length',
        limit: MAXIMUM_LENGTH,
      },
    });
}

function networksOf(node: DescriptorNode, keys: readonly KeyExpression[]): readonly NetworkName[] | undefined {
  let networks = node.name === 'addr' ? decodeAddress(node.address).networks : undefined;
  if (node.name === 'sp') networks = node.encoded?.networks;
  for (const key of keys)
    for (const { networks: own } of key.kind === 'musig' ? key.participants : [key])
      if (own !== undefined) networks = networks?.filter((name) => own.includes(name)) ?? own;
  return networks;
}

/** Keys of a main and of a test network in one descriptor are a mistake: a node knows those of its own alone. */
function requireOneNetwork(node: DescriptorNode, text: string): void {
  if (networksOf(node, keysOfNode(node))?.length !== 0) return;
  const reason = 'keys of different networks';
  throw new DescriptorsError('DESCRIPTORS_KEY_INVALID', `expected keys of one network, got ${reason}`, {
    details: { position: 0, length: text.length, reason },
  });
}

function indexInvalid(expected: string, got: string): DescriptorsError<'DESCRIPTORS_INDEX_INVALID'> {
  return new DescriptorsError('DESCRIPTORS_INDEX_INVALID', `expected ${expected}, got ${got}`, {
    details: { expected, got },
  });
}
