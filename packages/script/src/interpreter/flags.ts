import { ScriptError, requireList } from '../errors.ts';
import type { ScriptFlag } from '../model.ts';

/** Verification flags as bits, so that the interpreter tests them in one step. */
export const Flag = {
  NONE: 0,
  P2SH: 0x1,
  STRICTENC: 0x2,
  DERSIG: 0x4,
  LOW_S: 0x8,
  NULLDUMMY: 0x10,
  SIGPUSHONLY: 0x20,
  MINIMALDATA: 0x40,
  DISCOURAGE_UPGRADABLE_NOPS: 0x80,
  CLEANSTACK: 0x100,
  CHECKLOCKTIMEVERIFY: 0x200,
  CHECKSEQUENCEVERIFY: 0x400,
  WITNESS: 0x800,
  DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM: 0x1000,
  MINIMALIF: 0x2000,
  NULLFAIL: 0x4000,
  WITNESS_PUBKEYTYPE: 0x8000,
  CONST_SCRIPTCODE: 0x10000,
  TAPROOT: 0x20000,
  DISCOURAGE_UPGRADABLE_TAPROOT_VERSION: 0x40000,
  DISCOURAGE_OP_SUCCESS: 0x80000,
  DISCOURAGE_UPGRADABLE_PUBKEYTYPE: 0x100000,
  CHECKTEMPLATEVERIFY: 0x200000,
} as const;

/** The rules that every block obeys once all soft forks up to Taproot are active. */
export const consensusFlags: readonly ScriptFlag[] = Object.freeze([
  'P2SH',
  'DERSIG',
  'NULLDUMMY',
  'CHECKLOCKTIMEVERIFY',
  'CHECKSEQUENCEVERIFY',
  'WITNESS',
  'TAPROOT',
] satisfies ScriptFlag[]);

/** Consensus plus what relay adds: Core's `STANDARD_SCRIPT_VERIFY_FLAGS` (policy.h). */
export const standardFlags: readonly ScriptFlag[] = Object.freeze([
  ...consensusFlags,
  'STRICTENC',
  'MINIMALDATA',
  'DISCOURAGE_UPGRADABLE_NOPS',
  'CLEANSTACK',
  'MINIMALIF',
  'NULLFAIL',
  'LOW_S',
  'DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM',
  'WITNESS_PUBKEYTYPE',
  'CONST_SCRIPTCODE',
  'DISCOURAGE_UPGRADABLE_TAPROOT_VERSION',
  'DISCOURAGE_OP_SUCCESS',
  'DISCOURAGE_UPGRADABLE_PUBKEYTYPE',
] satisfies ScriptFlag[]);

const bitsOfConstants = new Map<readonly ScriptFlag[], number>([
  [consensusFlags, fold(consensusFlags)],
  [standardFlags, fold(standardFlags)],
]);

/**
 * Flags as bits. CLEANSTACK brings P2SH and WITNESS with it, and WITNESS brings P2SH: without them the rule has no
 * meaning, and Core's own tests complete the flags in the same way.
 */
export function flagBits(flags: readonly ScriptFlag[]): number {
  const known = bitsOfConstants.get(flags);
  if (known !== undefined) return known;
  return fold(requireList(flags, 'flags'));
}

function fold(flags: readonly unknown[]): number {
  let bits = 0;
  for (const flag of flags) {
    if (typeof flag !== 'string' || !Object.hasOwn(Flag, flag)) throw unknownFlag(flag);
    bits |= Flag[flag as ScriptFlag];
  }
  if ((bits & Flag.CLEANSTACK) !== 0) bits |= Flag.WITNESS;
  if ((bits & Flag.WITNESS) !== 0) bits |= Flag.P2SH;
  return bits;
}

function unknownFlag(flag: unknown): ScriptError<'SCRIPT_FLAG_UNKNOWN'> {
  const name = typeof flag === 'string' ? flag.slice(0, 64) : typeof flag;
  return new ScriptError('SCRIPT_FLAG_UNKNOWN', `expected a script verification flag, got ${JSON.stringify(name)}`, {
    details: { flag: name },
    hint: 'Use the names of Bitcoin Core without the SCRIPT_VERIFY_ prefix.',
  });
}
