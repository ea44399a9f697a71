import { appendFileSync } from 'node:fs';
import { equalBytes, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  type Cause,
  debugSpend,
  type DebugSpendOptions,
  type Diagnosis,
  type MessagePart,
} from '@bitcoin-enterprise/biscol/debugger';
import { parseTransaction, type ScriptFlag, type TaprootOutput, traceInput } from '@bitcoin-enterprise/script';
import { beforeAll, describe, expect, it } from 'vitest';
import { readJsonVectors } from '../../../../scripts/testing/vectors.ts';
import { leafOf, outputOf, outputsOfCorpus, type Satisfaction, type TaprootCase } from './support/corpus-knowledge.ts';

const cases = readJsonVectors<TaprootCase[]>('taproot/taproot_reference.json.gz') ?? [];
const LONG = process.env['BE_LONG'] === '1';
/** Of the families with many cases that are alike, a short run takes so many. */
const ENOUGH = 4;

let outputs: ReadonlyMap<string, TaprootOutput> = new Map();

beforeAll(async () => {
  await loadCrypto();
  outputs = outputsOfCorpus(cases);
});

/**
 * What Core’s feature_taproot put into the witness that must fail, by the comments of the corpus: its `failure={…}`. What
 * nobody can tell of a spend is not asked for: a signature by a key that no script shows is a wrong signature.
 */
const INJECTED: readonly (readonly [comment: RegExp, causes: readonly Cause[], differs?: MessagePart])[] = [
  [/^sighash\/(?:key|script)path_unk_hashtype/, ['wrong-sighash-type']],
  [/^sighash\/(?:key|script)path_hashtype_mis_/, ['wrong-sighash-type']],
  [/^sighash\/hashtype[01](?:_byte|to[01])_/, ['wrong-sighash-type']],
  [/^sighash\/(?:key|script)path_hashtype_/, ['wrong-signature']],
  [/^sighash\/(?:purepk|pk_codesep|codesep_pk|branched_codesep)/, ['wrong-signature']],
  [/^sighash\/annex$/, ['annex', 'signature-of-another-message'], 'annex'],
  [/^sighash\/(?:leafver|script)$/, ['signature-of-another-message'], 'leaf-hash'],
  [/^sighash\/(?:keypath|scriptpath)$/, ['signature-of-another-message'], 'key-path'],
  [/^sig\/(?:key|sighash|flip_r|flip_p|bitflip)$/, ['wrong-signature']],
  [/^siglen\/empty_cs(?:a|)_neg/, ['malformed-signature']],
  [/^siglen\/empty_/, ['missing-signature']],
  [/^siglen\/popbyte_/, ['malformed-signature']],
  [/^siglen\/padzero_/, ['wrong-sighash-type']],
  [/^siglen\/invalid_/, ['wrong-signature']],
  [/^spendpath\/bitflippubkey$/, ['wrong-internal-key']],
  [/^spendpath\/emptywit$/, ['missing-witness-item']],
  [/^spendpath\//, ['wrong-control-block']],
  [/^tapscript\/minimal(?:not)?if$/, ['minimal-if']],
  [/^tapscript\/sigopsratio_/, ['validation-weight']],
  [/^tapscript\/inputmaxlimit$/, ['stack']],
  [/^tapscript\/cleanstack$/, ['extra-witness-item']],
  [/^legacy\/(?:pk-wrongkey|pkh-sighashflip)$/, ['wrong-signature']],
  [/^compat\/nocsa$/, ['script-rule']],
];

function optionsOf(test: TaprootCase, { scriptSig, witness }: Satisfaction): DebugSpendOptions {
  const tx = parseTransaction(parseHex(test.tx));
  const inputs = tx.inputs.map((input, index) =>
    index === test.index
      ? { ...input, scriptSig: parseHex(scriptSig), witness: witness.map((item) => parseHex(item)) }
      : input,
  );
  return {
    tx: { ...tx, inputs },
    inputIndex: test.index,
    spentOutputs: test.prevouts.map(outputOf),
    flags: test.flags.split(',') as ScriptFlag[],
  };
}

/** What was put in: another leaf where the witnesses show one, else what the comment says. */
function injectedOf(test: TaprootCase, failure: Satisfaction): (typeof INJECTED)[number] | undefined {
  const { scriptPubKey } = outputOf(test.prevouts[test.index] as string);
  const [right, wrong] = [test.success, failure].map(({ witness }) =>
    leafOf(
      scriptPubKey,
      witness.map((item) => parseHex(item)),
    ),
  );
  const isOther = right !== undefined && wrong !== undefined && !equalBytes(right.leafHash, wrong.leafHash);
  const isSame = (one: readonly string[], other: readonly string[]): boolean =>
    one.slice(0, -2).join() === other.slice(0, -2).join();
  // With other items as well there are two faults, and nobody can say which of them it is.
  if (isOther) return isSame(test.success.witness, failure.witness) ? [/./, ['wrong-leaf']] : undefined;
  return INJECTED.find(([comment]) => comment.test(test.comment));
}

function isRight(injected: (typeof INJECTED)[number], got: Diagnosis | undefined): boolean {
  const [, causes, differs] = injected;
  return (
    got !== undefined &&
    causes.includes(got.cause) &&
    (differs === undefined || (got.differs?.includes(differs) ?? false))
  );
}

/** Cases that must fail: all in a long run, else some of each family. */
function chosen(): readonly (readonly [TaprootCase, Satisfaction])[] {
  const counts = new Map<string, number>();
  return cases.flatMap((test) => {
    const family = test.comment.replace(/unk_hashtype.*/, 'unk_hashtype');
    const count = counts.get(family) ?? 0;
    counts.set(family, count + 1);
    return test.failure === undefined || (!LONG && count >= ENOUGH) ? [] : [[test, test.failure] as const];
  });
}

describe.skipIf(cases.length === 0)('the witnesses of the Taproot corpus that must fail', () => {
  it('give the verdict and the steps of the interpreter, and a root cause', () => {
    for (const [test, failure] of chosen()) {
      const options = optionsOf(test, failure);
      const session = debugSpend(options);
      const { verdict, stepCount, steps } = traceInput({
        ...options,
        flags: options.flags ?? [],
        maximumSteps: 10_000,
      });
      expect(session.verdict, test.comment).toEqual(verdict);
      expect(session.verdict.ok, test.comment).toBe(false);
      expect([session.stepCount, session.steps.length], test.comment).toEqual([stepCount, steps.length]);
      expect(session.diagnosis?.error, test.comment).toBe(verdict.ok ? undefined : verdict.error);
    }
  });

  it('have the root cause that Core’s test put in, of 99 % and more of those that name one', () => {
    const wrong: string[] = [];
    let compared = 0;
    for (const [test, failure] of chosen()) {
      const injected = injectedOf(test, failure);
      if (injected === undefined) continue;
      compared += 1;
      const { scriptPubKey } = outputOf(test.prevouts[test.index] as string);
      const taproot = outputs.get(toHex(scriptPubKey));
      const { diagnosis } = debugSpend({ ...optionsOf(test, failure), ...(taproot === undefined ? {} : { taproot }) });
      if (!isRight(injected, diagnosis))
        wrong.push(
          `${test.comment}: ${injected[1].join()}, got ${diagnosis?.cause} ${diagnosis?.differs?.join() ?? ''}`,
        );
    }
    const path = process.env['BE_MEASURED'];
    if (path !== undefined) appendFileSync(path, `${JSON.stringify({ corpus: compared, wrong })}\n`);
    expect(compared).toBeGreaterThan(LONG ? 2_400 : 200);
    expect(1 - wrong.length / compared, wrong.join('\n')).toBeGreaterThanOrEqual(0.99);
  });

  it('are valid with the witness that must not fail', () => {
    for (const [test] of chosen()) {
      const { verdict, diagnosis } = debugSpend(optionsOf(test, test.success));
      expect([verdict.ok, diagnosis], test.comment).toEqual([true, undefined]);
    }
  });
});
