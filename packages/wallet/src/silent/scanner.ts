import { concatBytes, currentCrypto, toHex } from '@bitcoin-enterprise/core';
import { outputTypeOf, type SpentOutput, type TransactionLike, viewTransaction } from '@bitcoin-enterprise/script';
import { requireBytes, requireFunction, requireInteger, requireList, requireObject } from '../checks.ts';
import { invalidArgument, WalletError } from '../errors.ts';
import { type SilentInputs, silentInputs } from './inputs.ts';
import { publicKeyOf } from './secret-arithmetic.ts';
import { requireScanKeys, SILENT_CHANGE_LABEL, silentLabel, type SilentScanKeys } from './keys.ts';
import { MAXIMUM_SILENT_OUTPUTS, outputTweak, taprootScript } from './shared-secret.ts';

/** An output that pays the owner of a scanner. */
export interface FoundSilentOutput {
  /** Its place among the outputs that were looked at, from 0; of a transaction its index. */
  readonly output: number;
  /** 32 bytes, x only. */
  readonly outputKey: Uint8Array;
  /** 32 bytes: what is added to the spend key to spend it, label included (BIP376's `PSBT_IN_SP_TWEAK`). */
  readonly tweak: Uint8Array;
  /** Of the address that was paid; 0 is change, absent without label. */
  readonly label?: number;
}

/** A transaction as a light client gets it. */
export interface SilentTweak {
  /** 33 bytes, input hash times sum of the keys: `silentTweakOf`. */
  readonly tweak: Uint8Array;
  /** 32 bytes each: the keys of its Taproot outputs. */
  readonly outputKeys: readonly Uint8Array[];
}

/** Settings of a scan of many tweaks. */
export interface ScanTweaksOptions {
  /** Called after each pause, with how many were looked at. */
  readonly onProgress?: (scanned: number) => void;
  /** Tweaks between two pauses, in which other work of the thread gets its turn; 1 to 1,000,000, 500 when absent. */
  readonly pauseEvery?: number;
  /** Ends the scan: it then throws `WALLET_ABORTED`. */
  readonly signal?: AbortSignal;
}

/** An output that a scan of many tweaks has found. */
export interface FoundInTweaks extends FoundSilentOutput {
  /** Which tweak, from 0. */
  readonly item: number;
}

/** So many are compared one by one faster than they are looked up. */
const FEW_LABELS = 8;
/** So many outputs are looked through as they come; among more, what was found once is tried first. */
const FEW_OUTPUTS = 8;

interface KnownLabel {
  readonly label: number;
  readonly tweak: Uint8Array;
  readonly publicKey: Uint8Array;
  /** 65 bytes, made when it is needed: the spend key with this label. */
  spendKey?: Uint8Array;
}

/** `t_k`, `t_k·G` in 65 bytes, and `P_k` in 33. */
interface KeyAt {
  readonly tweak: Uint8Array;
  readonly point: Uint8Array;
  readonly key: Uint8Array;
}

/**
 * Finds the silent payments of one receiver (BIP352): in transactions, or in the tweaks that an index server hands out.
 *
 * Its time depends on the scan key, as multiplying points is faster so; let nobody measure it.
 *
 * @example
 * ```ts no-run
 * import type { SpentOutput } from '@bitcoin-enterprise/script';
 * import { type SilentKeys, silentOutputKey, SilentScanner } from '@bitcoin-enterprise/wallet/silent';
 *
 * declare const keys: SilentKeys;
 * declare const tx: Uint8Array, spentOutputs: SpentOutput[];
 *
 * const scanner = new SilentScanner(keys, { labels: [1, 2, 3] });
 * for (const { tweak } of scanner.scanTransaction(tx, spentOutputs)) silentOutputKey(keys.spendKey, tweak);
 * scanner.wipe();
 * ```
 */
export class SilentScanner {
  readonly #scanSecret: Uint8Array;
  /** 65 bytes: a sum of points that are given whole needs no square roots. */
  readonly #spendKey: Uint8Array;
  readonly #labels = new Map<string, KnownLabel>();
  readonly #scanKey: SilentScanKeys['scanKey'];
  #isWiped = false;

  /**
   * @param keys - Read once: the scanner keeps a copy of the scan key until it is wiped.
   * @param options - `labels`: which were given out, 0 to 2³²-1 each; the one of change is always looked for.
   * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
   */
  constructor(keys: SilentScanKeys, options: { readonly labels?: readonly number[] } = {}) {
    const { scanKey, spendPublicKey } = requireScanKeys(keys);
    const { labels = [] } = requireObject<{ readonly labels: readonly number[] }>('options', options);
    this.#scanKey = scanKey;
    this.#scanSecret = scanKey.use((secret) => new Uint8Array(secret));
    publicKeyOf('keys.scanKey', this.#scanSecret);
    this.#spendKey = whole(spendPublicKey);
    this.addLabels([SILENT_CHANGE_LABEL, ...requireList('options.labels', labels)] as readonly number[]);
  }

  /** How many labels are looked for, the one of change among them. */
  get labelCount(): number {
    return this.#labels.size;
  }

  /**
   * Looks for further labels from now on; about 40 µs for each.
   *
   * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
   */
  addLabels(labels: readonly number[]): void {
    for (const label of requireList('labels', labels)) {
      const number = requireInteger('label', label, 0, 0xffff_ffff);
      const made = silentLabel(this.#scanKey, number);
      this.#labels.set(toHex(made.publicKey), { label: number, ...made });
    }
  }

  /**
   * The payments in a transaction.
   *
   * @param tx - Signed.
   * @param spentOutputs - One for each input, in order.
   * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`; ScriptError for bytes that are no transaction.
   */
  scanTransaction(tx: TransactionLike, spentOutputs: readonly SpentOutput[]): readonly FoundSilentOutput[] {
    const inputs = inputsOfTransaction(tx, spentOutputs);
    if (inputs === undefined) return [];
    const view = viewTransaction(tx);
    const places: number[] = [];
    const outputKeys: Uint8Array[] = [];
    for (let output = 0; output < view.outputCount; output++) {
      const script = view.scriptPubKey(output);
      if (outputTypeOf(script) !== 'witness_v1_taproot') continue;
      places.push(output);
      outputKeys.push(script.subarray(2));
    }
    if (outputKeys.length === 0) return [];
    return this.scanTweak({ tweak: inputs.tweak, outputKeys }).map((found) => ({
      ...found,
      output: places[found.output] ?? found.output,
    }));
  }

  /**
   * The payments among the outputs of a transaction whose tweak is known.
   *
   * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
   */
  scanTweak(item: SilentTweak): readonly FoundSilentOutput[] {
    const { tweak, outputKeys } = requireObject<SilentTweak>('item', item);
    const keys = requireList('item.outputKeys', outputKeys).map((key) => requireBytes('item.outputKeys', key, 32));
    const sharedSecret = this.#sharedSecret(requireBytes('item.tweak', tweak, 33));
    if (sharedSecret === undefined) throw invalidArgument('item.tweak', 'a point', tweak);
    return keys.length === 0 ? [] : this.#outputsWith(sharedSecret, keys);
  }

  /**
   * The payments among many tweaks, for example of a day of blocks; the thread is let go between batches of them.
   *
   * @throws WalletError `WALLET_ABORTED`, `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
   */
  async scanTweaks(
    items: Iterable<SilentTweak> | AsyncIterable<SilentTweak>,
    options: ScanTweaksOptions = {},
  ): Promise<readonly FoundInTweaks[]> {
    const { onProgress, pauseEvery = 500, signal } = requireObject<ScanTweaksOptions>('options', options);
    requireInteger('options.pauseEvery', pauseEvery, 1, 1_000_000);
    const source = requireObject<Iterable<SilentTweak> & AsyncIterable<SilentTweak>>('items', items);
    requireFunction('items, to be read one by one,', source[Symbol.asyncIterator] ?? source[Symbol.iterator]);
    const found: FoundInTweaks[] = [];
    let scanned = 0;
    throwIfAborted(signal);
    for await (const item of items) {
      for (const output of this.scanTweak(item)) found.push({ item: scanned, ...output });
      scanned++;
      if (scanned % pauseEvery !== 0) continue;
      await new Promise<void>((done) => void setTimeout(done, 0));
      throwIfAborted(signal);
      onProgress?.(scanned);
    }
    return found;
  }

  /**
   * The scripts that the first payment of a transaction may have: without label, and with each label. A light client
   * looks for them in a block filter (BIP158) before it asks for outputs.
   *
   * @param tweak - 33 bytes.
   * @throws WalletError `WALLET_INVALID_ARGUMENT`, `WALLET_SECRET_WIPED`.
   */
  scriptsOfTweak(tweak: Uint8Array): readonly Uint8Array[] {
    const sharedSecret = this.#sharedSecret(requireBytes('tweak', tweak, 33));
    if (sharedSecret === undefined) throw invalidArgument('tweak', 'a point', tweak);
    const made = this.#keyAt(sharedSecret, 0);
    if (made === undefined) return [];
    const labelled = this.#withLabels(made).flatMap(([key]) => key ?? []);
    return [made.key, ...labelled].map((key) => taprootScript(key.subarray(1)));
  }

  /** Overwrites the copy of the scan key; the scanner is of no use from then on. */
  wipe(): void {
    this.#scanSecret.fill(0);
    this.#isWiped = true;
  }

  /** Keys stay out of JSON. */
  toJSON(): string {
    return '[silent payment scanner]';
  }

  #sharedSecret(tweak: Uint8Array): Uint8Array | undefined {
    if (this.#isWiped)
      throw new WalletError('WALLET_SECRET_WIPED', 'expected a scanner, got one that was wiped', {
        details: { what: 'scan key' },
        hint: 'Make another one.',
      });
    return currentCrypto().publicKeyTweakMul(tweak, this.#scanSecret);
  }

  #keyAt(sharedSecret: Uint8Array, k: number): KeyAt | undefined {
    const tweak = outputTweak(sharedSecret, k);
    if (tweak === undefined) return undefined;
    const point = currentCrypto().publicKey(tweak, { compressed: false });
    const key = point === undefined ? undefined : currentCrypto().publicKeyCombine([this.#spendKey, point]);
    return point === undefined || key === undefined ? undefined : { tweak, point, key };
  }

  #outputsWith(sharedSecret: Uint8Array, outputKeys: readonly Uint8Array[]): readonly FoundSilentOutput[] {
    const found: FoundSilentOutput[] = [];
    const left = new Set(outputKeys.keys());
    // Made once the transaction pays to us at all.
    let places: ReadonlyMap<string, number> | undefined;
    const paid = new Set<KnownLabel>();
    for (let k = 0; k < MAXIMUM_SILENT_OUTPUTS && left.size > 0; k++) {
      const made = this.#keyAt(sharedSecret, k);
      if (made === undefined) break;
      const quick = places === undefined ? undefined : this.#quickMatch(made, { places, left, paid });
      const match = quick ?? this.#match(made, outputKeys, left);
      if (match === undefined) break;
      const { output, known } = match;
      left.delete(output);
      if (known !== undefined) paid.add(known);
      if (left.size > FEW_OUTPUTS) places ??= placesOf(outputKeys);
      const tweak = known === undefined ? made.tweak : addTweaks(made.tweak, known.tweak);
      found.push({
        output,
        outputKey: new Uint8Array(outputKeys[output] as Uint8Array),
        tweak,
        ...(known === undefined ? {} : { label: known.label }),
      });
    }
    return found;
  }

  /**
   * An output that is `P_k`, or `P_k` with a label that the transaction has paid to before. Who fills a transaction with
   * payments in the worst order would otherwise have every label looked for among all of them again and again.
   */
  #quickMatch(
    made: KeyAt,
    among: {
      readonly places: ReadonlyMap<string, number>;
      readonly left: ReadonlySet<number>;
      readonly paid: ReadonlySet<KnownLabel>;
    },
  ): { readonly output: number; readonly known?: KnownLabel } | undefined {
    const placeOf = (key: Uint8Array | undefined): number | undefined => {
      const place = key === undefined ? undefined : among.places.get(toHex(key.subarray(1)));
      return place !== undefined && among.left.has(place) ? place : undefined;
    };
    const plain = placeOf(made.key);
    if (plain !== undefined) return { output: plain };
    for (const known of among.paid) {
      const output = placeOf(this.#withLabel(made, known));
      if (output !== undefined) return { output, known };
    }
    return undefined;
  }

  /** The first output that is `P_k`, or `P_k` with a label. */
  #match(
    made: KeyAt,
    outputKeys: readonly Uint8Array[],
    left: ReadonlySet<number>,
  ): { readonly output: number; readonly known?: KnownLabel } | undefined {
    const labelOf = this.#labels.size <= 2 * left.size ? this.#labelsByAdding(made) : this.#labelsByTaking(made.key);
    for (const output of left) {
      const outputKey = outputKeys[output] as Uint8Array;
      if (isKey(made.key, outputKey)) return { output };
      const known = labelOf(outputKey);
      if (known !== undefined) return { output, known };
    }
    return undefined;
  }

  /** Fewer labels than outputs: all keys that there may be, to compare with. */
  #labelsByAdding(made: KeyAt): (outputKey: Uint8Array) => KnownLabel | undefined {
    const candidates = this.#withLabels(made);
    if (candidates.length <= FEW_LABELS)
      return (outputKey) => candidates.find(([key]) => key !== undefined && isKey(key, outputKey))?.[1];
    const byKey = new Map(candidates.map(([key, known]) => [key === undefined ? '' : toHex(key.subarray(1)), known]));
    return (outputKey) => byKey.get(toHex(outputKey));
  }

  /** `P_k` with each label. */
  #withLabels(made: KeyAt): readonly (readonly [Uint8Array | undefined, KnownLabel])[] {
    return [...this.#labels.values()].map((known) => [this.#withLabel(made, known), known]);
  }

  #withLabel({ point }: KeyAt, known: KnownLabel): Uint8Array | undefined {
    const crypto = currentCrypto();
    const spendKey = known.spendKey ?? crypto.publicKeyCombine([this.#spendKey, known.publicKey]);
    // The one label that takes the spend key away leaves nothing to pay to.
    if (spendKey === undefined) return undefined;
    known.spendKey ??= whole(spendKey);
    return crypto.publicKeyCombine([known.spendKey, point]);
  }

  /** Many labels: what an output has more than the key, with either y, is looked up (BIP352). */
  #labelsByTaking(key: Uint8Array): (outputKey: Uint8Array) => KnownLabel | undefined {
    const crypto = currentCrypto();
    const minus = whole(crypto.publicKeyNegate(key) as Uint8Array);
    return (outputKey) => {
      if (!crypto.isXOnlyPublicKey(outputKey)) return undefined;
      for (const parity of [2, 3]) {
        const label = crypto.publicKeyCombine([concatBytes(Uint8Array.of(parity), outputKey), minus]);
        const known = label === undefined ? undefined : this.#labels.get(toHex(label));
        if (known !== undefined) return known;
      }
      return undefined;
    };
  }
}

/**
 * What an index server hands out for a transaction: input hash times sum of the keys (BIP352, appendix A).
 *
 * @returns 33 bytes; `undefined` when the transaction cannot hold a silent payment.
 * @throws WalletError `WALLET_INVALID_ARGUMENT`; ScriptError for bytes that are no transaction.
 */
export function silentTweakOf(tx: TransactionLike, spentOutputs: readonly SpentOutput[]): Uint8Array | undefined {
  const view = viewTransaction(tx);
  for (let output = 0; output < view.outputCount; output++)
    if (outputTypeOf(view.scriptPubKey(output)) === 'witness_v1_taproot')
      return inputsOfTransaction(tx, spentOutputs)?.tweak;
  return undefined;
}

function inputsOfTransaction(tx: TransactionLike, spentOutputs: readonly SpentOutput[]): SilentInputs | undefined {
  const view = viewTransaction(tx);
  const spent = requireList('spentOutputs', spentOutputs);
  if (spent.length !== view.inputCount)
    throw invalidArgument('spentOutputs', `one output for each of ${view.inputCount} inputs`, spent);
  return silentInputs(
    spent.map((output, input) => ({
      previousTxid: view.previousTxid(input),
      previousIndex: view.previousIndex(input),
      scriptPubKey: requireBytes(
        'spentOutputs.scriptPubKey',
        requireObject<SpentOutput>('spentOutputs', output).scriptPubKey,
      ),
      scriptSig: view.scriptSig(input),
      witness: view.witness(input),
    })),
  );
}

/** The first place of each key, by its hexadecimal form. */
function placesOf(outputKeys: readonly Uint8Array[]): ReadonlyMap<string, number> {
  const places = new Map<string, number>();
  for (const [place, key] of outputKeys.entries()) {
    const name = toHex(key);
    if (!places.has(name)) places.set(name, place);
  }
  return places;
}

/** Sum of two tweaks; zero for the two in 2²⁵⁶ that cancel out. */
function addTweaks(left: Uint8Array, right: Uint8Array): Uint8Array {
  return currentCrypto().secretKeyTweakAdd(left, right) ?? new Uint8Array(32);
}

/** A point in 65 bytes. */
function whole(publicKey: Uint8Array): Uint8Array {
  return currentCrypto().publicKeyConvert(publicKey, { compressed: false }) as Uint8Array;
}

/** Whether a key of 33 bytes has that x. */
function isKey(key: Uint8Array, outputKey: Uint8Array): boolean {
  for (let i = 0; i < 32; i++) if (key[i + 1] !== outputKey[i]) return false;
  return true;
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true)
    throw new WalletError('WALLET_ABORTED', 'the scan was ended by its signal', { details: { call: 'scanTweaks' } });
}
