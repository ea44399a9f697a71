import type { HashFunction } from '@bitcoin-enterprise/descriptors';
import type { InputVerdict, PolicyFault, ScriptErrorName, ScriptPhase } from '@bitcoin-enterprise/script';
import type { Clause } from '../contract/clauses.ts';
import type { SourcePlace } from './source.ts';

/** A part of the policy of a path, down to single keys, locks and hashes. */
export interface ClausePart {
  /** Its place in {@link FragmentMap.clauses}; the whole clause is 0. */
  readonly index: number;
  readonly parent: number | undefined;
  readonly clause: Clause;
  /** As a policy, with the names of keys. */
  readonly text: string;
  /** Where it was written; absent where it was not by a contract, for example of a covenant key. */
  readonly source?: SourcePlace;
}

/** A part of a miniscript, and the bytes of the script that are its own or of its parts. */
export interface MappedFragment {
  /** Its place in {@link FragmentMap.fragments}; the whole miniscript is 0. */
  readonly index: number;
  readonly parent: number | undefined;
  /** As BIP379 names it; `key` is one key of a `multi_a`, `template` the hash of a covenant (BIP119). */
  readonly name: string;
  /** As a miniscript, with the names of keys; shortened where it is long. */
  readonly text: string;
  /** First byte. */
  readonly start: number;
  /** Behind the last byte. */
  readonly end: number;
  /** Place of the part of the clause that it came from, in {@link FragmentMap.clauses}; absent without a contract. */
  readonly clause?: number;
}

/** An opcode of a script, and whose it is. */
export interface MappedOpcode {
  /** Its first byte. */
  readonly offset: number;
  /** Behind its last byte, data of a push counted. */
  readonly end: number;
  /** Place of the innermost fragment that holds it, in {@link FragmentMap.fragments}. */
  readonly fragment: number;
}

/** A script of a miniscript, taken apart: opcodes belong to fragments, fragments to clauses, clauses to lines. */
export interface FragmentMap {
  readonly script: Uint8Array;
  /** Each before its parts. */
  readonly fragments: readonly MappedFragment[];
  /** In the order of the script: together they are the script. */
  readonly opcodes: readonly MappedOpcode[];
  /** Each before its parts; empty without a contract. */
  readonly clauses: readonly ClausePart[];
}

/** Both stacks, bottom first. */
export interface Stacks {
  readonly stack: readonly Uint8Array[];
  readonly altStack: readonly Uint8Array[];
}

/** One opcode as it ran. */
export interface DebugStep {
  readonly index: number;
  readonly phase: ScriptPhase;
  /** First byte of the opcode in its script. */
  readonly offset: number;
  readonly opcodePosition: number;
  readonly opcode: number;
  readonly name: string;
  /** What it pushes. */
  readonly data: Uint8Array | undefined;
  /** Whether it ran, or lies in a branch that was not taken. */
  readonly executed: boolean;
  readonly conditionDepth: number;
  readonly before: Stacks;
  /** Absent where the opcode failed, and of a last opcode of which nobody can tell what it did. */
  readonly after: Stacks | undefined;
  /** Tapscript alone: weight units that are left for signatures before it runs (BIP342). */
  readonly validationWeightLeft: number | undefined;
  /** Place in {@link FragmentMap.fragments}; absent where the script is no miniscript. */
  readonly fragment?: number;
  /** Place in {@link FragmentMap.clauses}; absent without a contract. */
  readonly clause?: number;
}

/** How an input spends its output. */
export type SpendKind = 'key-path' | 'script-path' | 'witness-v0' | 'legacy' | 'other';

/** A part of what a signature covers. */
export type MessagePart =
  | 'annex'
  | 'sighash-type'
  | 'leaf-hash'
  | 'key-path'
  | 'code-separator'
  | 'input'
  | 'outpoint'
  | 'sequence'
  | 'lock-time'
  | 'version'
  | 'output'
  | 'amount'
  | 'spent-output';

/** A part of what a template of BIP119 covers. */
export type TemplateField =
  | 'version'
  | 'lock-time'
  | 'input-count'
  | 'sequence'
  | 'script-sig'
  | 'output-count'
  | 'output'
  | 'amount'
  | 'input';

/** Why a spend does not work. {@link Diagnosis} says what comes before what. */
export type Cause =
  | 'wrong-key'
  | 'wrong-signature'
  | 'signature-of-another-message'
  | 'missing-signature'
  | 'malformed-signature'
  | 'wrong-sighash-type'
  | 'annex'
  | 'wrong-preimage'
  | 'preimage-size'
  | 'missing-preimage'
  | 'wrong-order'
  | 'extra-witness-item'
  | 'missing-witness-item'
  | 'too-early'
  | 'sequence-not-set'
  | 'locktime-not-set'
  | 'wrong-transaction-version'
  | 'wrong-leaf'
  | 'wrong-control-block'
  | 'wrong-internal-key'
  | 'wrong-script'
  | 'wrong-output'
  | 'template-mismatch'
  | 'validation-weight'
  | 'minimal-if'
  | 'stack'
  | 'script-rule'
  | 'policy'
  | 'unsatisfiable-clause'
  | 'refused';

/** From when on something works; only what has to be waited for is there. */
export interface WorksFrom {
  /** Height of the best block. */
  readonly height?: number;
  /** Median time of the best block, Unix seconds. */
  readonly medianTime?: number;
  /** Confirmations of the output that is spent (BIP68). */
  readonly confirmations?: number;
  /** Seconds since the output was confirmed, between median times (BIP68). */
  readonly ageSeconds?: number;
}

/** A secret by what it opens. */
export interface MissingPreimage {
  readonly hashFunction: HashFunction;
  /** In hexadecimal. */
  readonly hash: string;
}

/** What is not there. */
export interface Missing {
  /** Names of parties and keys, else keys in hexadecimal. */
  readonly keys: readonly string[];
  readonly preimages: readonly MissingPreimage[];
}

/**
 * The root cause of a spend that fails: the first of these that applies.
 *
 * 0. The output that is spent is not the one that the contract, or whoever asks, speaks of (`wrong-output`).
 * 1. What comes before any script: no witness, a control block or leaf that the output does not commit to. The error of
 *    the interpreter says so; what was meant is found by what the output could have.
 * 2. One change of the witness that makes everything valid, found by running the scripts again: another order
 *    (`wrong-order`), one item less (`extra-witness-item`), one more (`missing-witness-item`), the leaf that the items are
 *    for (`wrong-leaf`). Not for locks, templates and the budget of signature checks, which no witness heals.
 * 3. The opcode that failed, by itself. A signature is tried with the other keys that are known, then with the other
 *    messages that it could be of; a preimage with the other hashes; locks are compared with the transaction: version before
 *    sequence before lock time.
 * 4. If all scripts are satisfied: locks that the chain has not reached, then rules of relay.
 *
 * So of several faults the one that the interpreter meets first is named, unless one change heals all.
 */
export interface Diagnosis {
  readonly cause: Cause;
  /** One sentence for people. */
  readonly text: string;
  /** Name of the interpreter; absent where all scripts are satisfied. */
  readonly error?: ScriptErrorName;
  /** Of `signature-of-another-message`: in what the message that was signed differs from that of this input. */
  readonly differs?: readonly MessagePart[];
  /** Of `template-mismatch`: what the transaction has that the template has not; empty where nobody can tell. */
  readonly fields?: readonly TemplateField[];
  /** Of `policy`: Core's name of the rule. */
  readonly rule?: PolicyFault | ScriptErrorName | 'taproot-annex';
  /** Name of the key that signed, where it is known and another should have. */
  readonly signer?: string;
  /** Name of the key that had to sign. */
  readonly key?: string;
  /** Which item of the witness, from the bottom, 0 the first; where it is one. */
  readonly item?: number;
  /** Which step failed. */
  readonly step?: number;
  /** The fragment, as a miniscript. */
  readonly fragment?: string;
  /** The part of the clause, as a policy. */
  readonly clause?: string;
  /** Where the contract says so. */
  readonly source?: SourcePlace;
  readonly missing: Missing;
  /** Only where waiting helps. */
  readonly worksFrom?: WorksFrom;
}

/** A spend taken apart: plain data; `stepAt`, `nextStep` and `previousStep` walk through it. */
export interface DebugSession {
  readonly inputIndex: number;
  readonly kind: SpendKind;
  /** What the interpreter says of the input. */
  readonly verdict: InputVerdict;
  /** Name of the path that is taken, of a contract. */
  readonly path?: string;
  /** The clause of the path, as a policy with names. */
  readonly clause?: string;
  /** The script that is revealed; absent on the key path, and where it is no miniscript. */
  readonly map?: FragmentMap;
  /** What ran, in order; empty on the key path but for the output itself. */
  readonly steps: readonly DebugStep[];
  /** How many there were, kept or not. */
  readonly stepCount: number;
  /** Why it does not work; absent when it does. */
  readonly diagnosis?: Diagnosis;
}
