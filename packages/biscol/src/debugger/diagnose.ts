import { equalBytes, toHex } from '@bitcoin-enterprise/core';
import {
  checkStandardForm,
  checkStandardInputs,
  checkStandardness,
  type PolicyProfile,
  type ScriptErrorName,
  TransactionView,
  serializeTransaction,
  verifyInput,
} from '@bitcoin-enterprise/script';
import { printClause } from '../contract/clauses.ts';
import { latest, waitsOfTransaction } from './chain-view.ts';
import { partsOfClause } from './clause-parts.ts';
import { takeApart } from './known.ts';
import type { ClausePart, Diagnosis, Missing } from './model.ts';
import { explainFailure, lastRun } from './opcode-cause.ts';
import { missingIn, repairOf } from './repairs.ts';
import { inputOf, type Scene } from './scene.ts';
import type { Finding } from './signature-cause.ts';
import { sourceOfClause } from './source.ts';

/** What another witness cannot heal, or what is named by what it is rather than by what would heal it. */
const NOT_OF_THE_WITNESS: ReadonlySet<ScriptErrorName> = new Set<ScriptErrorName>([
  'UNSATISFIED_LOCKTIME',
  'NEGATIVE_LOCKTIME',
  'TEMPLATE_MISMATCH',
  'TAPSCRIPT_VALIDATION_WEIGHT',
  'WITNESS_PROGRAM_WITNESS_EMPTY',
]);

const NOTHING: Missing = { keys: [], preimages: [] };

/** The root cause of a spend that fails; `undefined` for one that works. See {@link Diagnosis} for what comes first. */
export function diagnose(scene: Scene, profile: PolicyProfile | undefined): Diagnosis | undefined {
  const { verdict } = scene;
  if (verdict.ok) return tooEarly(scene) ?? (profile === undefined ? undefined : unrelayed(scene, profile));
  const { error } = verdict;
  const other = wrongOutput(scene);
  if (other !== undefined) return placed(scene, { error, ...other }, false);
  const repair = NOT_OF_THE_WITNESS.has(error) ? undefined : repairOf(scene);
  const finding = repair ?? explainFailure(scene, error);
  return placed(scene, { error, ...finding, missing: allMissing(scene, finding) }, repair === undefined);
}

/** What is missing, with what is missing beside it, and each of those whose key is one of several. */
function allMissing(scene: Scene, { cause, missing = NOTHING }: Finding): Missing {
  const isEmpty = cause === 'missing-signature' || cause === 'missing-preimage';
  const more = isEmpty && scene.kind === 'script-path' ? missingIn(scene) : NOTHING;
  const keys = [...missing.keys, ...more.keys].flatMap((name) => signersOf(scene, name));
  const preimages = [...missing.preimages, ...more.preimages];
  return {
    keys: [...new Set(keys)],
    preimages: preimages.filter(({ hash }, at) => preimages.findIndex((one) => one.hash === hash) === at),
  };
}

function signersOf({ way }: Scene, name: string): readonly string[] {
  const parts = way === undefined ? [] : partsOfClause(way.clause);
  const part = parts.find(({ clause }) => clause.name === 'pk' && clause.key.name === name);
  const participants = part?.clause.name === 'pk' ? part.clause.key.participants : undefined;
  return participants?.map((one) => one.name) ?? [name];
}

/** Nothing of what is known of an output is about another one. */
function wrongOutput({ known: { taproot }, spentOutputs, inputIndex }: Scene): Finding | undefined {
  const spent = spentOutputs[inputIndex];
  if (taproot === undefined || spent === undefined || equalBytes(taproot.scriptPubKey, spent.scriptPubKey))
    return undefined;
  return { cause: 'wrong-output', text: 'the output that is spent is not the one that is said to be spent' };
}

/** Adds where it is. */
function placed(scene: Scene, finding: Finding, isOfStep: boolean): Diagnosis {
  const { map, way } = scene;
  const parts = map?.clauses ?? (way === undefined ? [] : partsOfClause(way.clause));
  const step = isOfStep && scene.kind !== 'key-path' ? lastRun(scene) : undefined;
  const fragment = step?.fragment === undefined ? undefined : map?.fragments[step.fragment];
  const part = partOf(parts, finding) ?? (step?.clause === undefined ? parts[0] : parts[step.clause]);
  const { source } = part ?? {};
  return {
    missing: NOTHING,
    ...finding,
    ...(step === undefined ? {} : { step: step.index }),
    ...(fragment === undefined ? {} : { fragment: fragment.text }),
    ...(part === undefined ? {} : { clause: part.text }),
    ...(source === undefined ? {} : { source }),
  };
}

/** The part of the clause that a finding is about: by the key, or by the secret. */
function partOf(parts: readonly ClausePart[], { key, missing }: Finding): ClausePart | undefined {
  const [hash] = missing?.preimages ?? [];
  return parts.find(({ clause }) =>
    clause.name === 'pk'
      ? key !== undefined && clause.key.name === key
      : hash !== undefined && 'hash' in clause && clause.name === hash.hashFunction && toHex(clause.hash) === hash.hash,
  );
}

/** All scripts are satisfied, and locks of the transaction have not ended. */
function tooEarly(scene: Scene): Diagnosis | undefined {
  const { tx, chain, inputIndex, way } = scene;
  if (chain === undefined) return undefined;
  const waits = waitsOfTransaction(tx, chain);
  const [first] = waits;
  if (first === undefined) return undefined;
  const parts = way === undefined ? [] : partsOfClause(way.clause);
  const own = waits.find(({ input }) => input === inputIndex) ?? waits.find(({ input }) => input === undefined);
  const lock = own?.wait.kind;
  const part = parts.find(({ clause }) => clause.name === lock) ?? parts[0];
  const { source } = part ?? {};
  return {
    cause: 'too-early',
    text: `everything is there, but it is too early: ${waits.map(({ wait }) => wait.text).join(' and ')} has to be reached`,
    missing: NOTHING,
    worksFrom: latest(waits.map(({ wait }) => wait.from)),
    ...(part === undefined ? {} : { clause: part.text }),
    ...(source === undefined ? {} : { source }),
  };
}

/** It is valid, and nodes of this profile do not relay it. */
function unrelayed(scene: Scene, profile: PolicyProfile): Diagnosis | undefined {
  const { tx, inputIndex, spentOutputs, crypto } = scene;
  const rule = ruleOf(scene, profile);
  if (rule !== undefined) return ofPolicy(scene, rule, profile);
  const flags = [...new Set([...scene.flags, ...profile.flags])];
  // To a node that does not know the rule of BIP119 its opcode is one to leave alone.
  const strict = scene.flags.includes('CHECKTEMPLATEVERIFY') ? flags : profile.flags;
  const verdict = verifyInput({ tx, inputIndex, spentOutputs, flags: strict, crypto });
  return verdict.ok ? undefined : ofPolicy(scene, verdict.error, profile);
}

function ruleOf({ tx, inputIndex, spentOutputs }: Scene, profile: PolicyProfile): Diagnosis['rule'] {
  const annex = takeApart(inputOf({ tx, inputIndex }).witness).annex;
  const view = TransactionView.of(serializeTransaction(tx));
  const fault = checkStandardness({ tx, spentOutputs, profile });
  const isAnnex =
    fault === 'bad-witness-nonstandard' &&
    annex !== undefined &&
    checkStandardForm(view, profile) === undefined &&
    checkStandardInputs(view, spentOutputs, profile)?.detail === 'taproot-annex';
  return isAnnex ? 'taproot-annex' : fault;
}

function ofPolicy(scene: Scene, rule: NonNullable<Diagnosis['rule']>, { name }: PolicyProfile): Diagnosis {
  const { way } = scene;
  const source = way === undefined ? undefined : sourceOfClause(way.clause);
  return {
    cause: 'policy',
    rule,
    text: `it is valid, but ${name} does not relay it: ${rule}`,
    missing: NOTHING,
    ...(way === undefined ? {} : { clause: printClause(way.clause) }),
    ...(source === undefined ? {} : { source }),
  };
}
