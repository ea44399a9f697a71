import { guarded } from '../checks.ts';
import { type CryptoEngine, currentCrypto, virtualSize, weightUnits } from '@bitcoin-enterprise/core';
import {
  type ScriptErrorName,
  type ScriptFlag,
  type SpentOutput,
  transactionSigopsCost,
  TransactionView,
  verifyInput,
} from '@bitcoin-enterprise/script';

/** What one input costs those who verify it. */
export interface InputGas {
  /** Weight units of the whole input. */
  readonly weight: number;
  /** Signatures that were checked. */
  readonly signatureChecks: number;
  /** Of the tapscript budget of BIP342, 50 a signature: how much there was, and how much is left; absent on the key path. */
  readonly validationWeight?: { readonly budget: number; readonly left: number };
  /** Opcodes that were executed, by name; pushes are not counted. */
  readonly opcodes: Readonly<Record<string, number>>;
  /** Most elements on both stacks at any time. */
  readonly peakStack: number;
  /** Most bytes on both stacks at any time. */
  readonly peakStackBytes: number;
}

/** What a transaction costs: those who mine it, and those who verify it. */
export interface Gas {
  readonly weight: number;
  /** Virtual bytes. */
  readonly size: number;
  /** Satoshis. */
  readonly fee: bigint;
  /** Cost of signature operations (BIP141); those of Taproot have a budget of their own and cost nothing here. */
  readonly sigopsCost: number;
  readonly inputs: readonly InputGas[];
}

/** What a meter found: the costs, or why the transaction is invalid. */
export type Metered =
  | { readonly ok: true; readonly gas: Gas }
  | { readonly ok: false; readonly error: ScriptErrorName; readonly inputIndex: number };

/**
 * Runs all scripts of a transaction and counts what they do.
 *
 * @param options - `flags`: script rules, for example `standardFlags`.
 */
export function meterTransaction(
  bytes: Uint8Array,
  options: {
    readonly spentOutputs: readonly SpentOutput[];
    readonly flags: readonly ScriptFlag[];
    /** `currentCrypto()` when absent. */
    readonly crypto?: CryptoEngine;
  },
): Metered {
  return guarded('options', 'the outputs that are spent, and script flags', () => {
    const { spentOutputs, flags, crypto = currentCrypto() } = options;
    const tx = TransactionView.of(bytes);
    const inputs: InputGas[] = [];
    for (let inputIndex = 0; inputIndex < tx.inputCount; inputIndex++) {
      const counter = new Counter();
      const verdict = verifyInput({
        tx,
        inputIndex,
        spentOutputs,
        flags,
        crypto,
        onStep: (step) => counter.count(step),
      });
      if (!verdict.ok) return { ok: false, error: verdict.error, inputIndex };
      inputs.push(counter.result(verdict.weight, tx.witness(inputIndex)));
    }
    const brought = spentOutputs.reduce((sum, { value }) => sum + value, 0n);
    let paid = 0n;
    for (let output = 0; output < tx.outputCount; output++) paid += tx.value(output);
    return {
      ok: true,
      gas: {
        weight: tx.weight,
        size: virtualSize(weightUnits(tx.weight)),
        fee: brought - paid,
        sigopsCost: transactionSigopsCost(tx, spentOutputs),
        inputs,
      },
    };
  });
}

/** OP_16: what is not above it pushes. */
const LAST_PUSH = 0x60;
/** BIP342. */
const SIGNATURE_WEIGHT = 50;

type Step = Parameters<NonNullable<Parameters<typeof verifyInput>[0]['onStep']>>[0];

/** How far below the top of the stack the signature of an opcode lies, 1 for the top itself. */
const SIGNATURE_DEPTH: Readonly<Record<string, number>> = {
  OP_CHECKSIG: 2,
  OP_CHECKSIGVERIFY: 2,
  OP_CHECKSIGADD: 3,
};

class Counter {
  readonly #opcodes: Record<string, number> = {};
  #peak = 0;
  #peakBytes = 0;
  #budget: number | undefined;
  #checks = 0;

  count({ phase, opcode, name, executed, stack, altStack, validationWeightLeft }: Step): void {
    // The output itself is run as well; on the key path nothing else is.
    if (phase === 'scriptPubKey') return;
    this.#peak = Math.max(this.#peak, stack.length + altStack.length);
    let held = 0;
    for (const item of stack) held += item.length;
    for (const item of altStack) held += item.length;
    this.#peakBytes = Math.max(this.#peakBytes, held);
    this.#budget ??= validationWeightLeft;
    if (!executed || opcode <= LAST_PUSH) return;
    this.#opcodes[name] = (this.#opcodes[name] ?? 0) + 1;
    const depth = SIGNATURE_DEPTH[name];
    if (depth !== undefined && (stack.at(-depth)?.length ?? 0) > 0) this.#checks += 1;
  }

  result(weight: number, witness: readonly Uint8Array[]): InputGas {
    const budget = this.#budget;
    // No script ran: one signature under the output key.
    if (budget === undefined && this.#peak === 0) {
      const [signature = new Uint8Array(0)] = witness;
      return { weight, signatureChecks: 1, opcodes: {}, peakStack: 1, peakStackBytes: signature.length };
    }
    return {
      weight,
      signatureChecks: this.#checks,
      ...(budget === undefined ? {} : { validationWeight: { budget, left: budget - this.#checks * SIGNATURE_WEIGHT } }),
      opcodes: this.#opcodes,
      peakStack: this.#peak,
      peakStackBytes: this.#peakBytes,
    };
  }
}
