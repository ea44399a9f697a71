import { appendFileSync } from 'node:fs';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { completeTransition } from '@bitcoin-enterprise/biscol';
import { type Cause, debugSpend, type Diagnosis } from '@bitcoin-enterprise/biscol/debugger';
import { beforeAll, describe, expect, it } from 'vitest';
import { dice } from '../../../descriptors/test/support/dice.ts';
import { allScenarios } from '../contracts/scenarios/all.ts';
import { COVENANTS, type Pending, walk } from '../support/scenarios.ts';
import { embeddedTestChain } from '../support/test-chains.ts';
import type { Faulty, FaultKind, Right } from './support/fault.ts';
import { lockFaults } from './support/lock-faults.ts';
import { otherFaults } from './support/other-faults.ts';
import { signatureFaults } from './support/signature-faults.ts';
import { transactionFaults } from './support/transaction-faults.ts';
import { witnessFaults } from './support/witness-faults.ts';

beforeAll(async () => {
  await loadCrypto();
});

const SEED = 20_261_128;
/** Short runs take each kind of fault so often, then now and then. */
const ENOUGH = 10;
const LONG = process.env['BE_LONG'] === '1';
const counts = new Map<string, number>();
const kinds: readonly FaultKind[] = [...transactionFaults, ...signatureFaults, ...witnessFaults, ...lockFaults];

const rows = allScenarios().flatMap((file) =>
  file.scenarios.flatMap((scenario) => {
    const hasCovenants = Object.values(file.contract.transitions).some(
      (one) => (one as { covenant?: boolean }).covenant,
    );
    return (hasCovenants ? COVENANTS : COVENANTS.slice(0, 1)).map((covenants) => ({
      name: `${file.contract.name}: ${scenario.title}${hasCovenants ? ` (${covenants.kind})` : ''}`,
      contract: file.contract.name,
      scenario,
      covenants,
    }));
  }),
);

interface Named {
  readonly where: string;
  readonly kind: string;
  readonly expected: Cause;
  readonly got: Cause | 'nothing';
  readonly isRight: boolean;
  readonly text: string;
}

const results: Named[] = [];
const seen = new Set<string>();

function judge(where: string, kind: string, { expected, details = {} }: Faulty, got: Diagnosis | undefined): void {
  const fields = Object.entries(details) as [keyof Diagnosis, unknown][];
  const isRight =
    got?.cause === expected && fields.every(([name, value]) => JSON.stringify(got[name]) === JSON.stringify(value));
  results.push({ where, kind, expected, got: got?.cause ?? 'nothing', isRight, text: JSON.stringify(got) });
}

describe('faults that are put into spends of contracts', () => {
  it.for(rows)('$name', async ({ name, contract, scenario, covenants }) => {
    const chain = embeddedTestChain({ ctv: covenants.kind === 'ctv' });
    await walk(chain, scenario, {
      covenants,
      way: 'mempool',
      before: async ({ instance, plan, signatures, secretKeys }: Pending) => {
        // The same spend of another scenario would say nothing new.
        const path = plan.inputs[0]?.plan.way.path ?? '';
        const what = `${contract} ${plan.transition} ${path} ${covenants.kind} ${plan.inputs.length}`;
        if (seen.has(what)) return;
        seen.add(what);
        const tx = completeTransition(plan, signatures);
        const height = await chain.height();
        const outputs = plan.inputs.map(({ cell }) => {
          const confirmations = chain.chain.transaction(cell.txid)?.confirmations ?? 0;
          return { height: height - confirmations + 1, medianTime: 0 };
        });
        const inputIndex = 0;
        const { cell } = plan.inputs[inputIndex] as NonNullable<(typeof plan.inputs)[number]>;
        const view = { height, medianTime: 2_000_000_000, outputs };
        const options = { inputIndex, spentOutputs: plan.spentOutputs, instance, cell };
        expect(debugSpend({ ...options, tx, chain: view }).diagnosis, `${name} ${plan.transition}`).toBeUndefined();
        for (const [place, kind] of kinds.entries()) {
          const right: Right = {
            instance,
            plan,
            signatures,
            secretKeys,
            tx,
            inputIndex,
            cell,
            chain: view,
            dice: dice(SEED + place + 1_000 * seen.size),
          };
          const count = counts.get(kind.name) ?? 0;
          if (!LONG && count >= ENOUGH && (place + seen.size) % 6 > 0) continue;
          const faulty = await kind.inject(right);
          if (faulty === undefined) continue;
          counts.set(kind.name, count + 1);
          const { spentOutputs, chain: other, profile, keys, needsPlan = false } = faulty;
          const { diagnosis } = debugSpend({
            ...options,
            tx: faulty.tx,
            chain: other ?? view,
            ...(spentOutputs === undefined ? {} : { spentOutputs }),
            ...(profile === undefined ? {} : { profile }),
            ...(keys === undefined ? {} : { keys }),
            ...(needsPlan ? { plan } : {}),
          });
          judge(`${name}: ${plan.transition}`, kind.name, faulty, diagnosis);
        }
      },
    });
  });

  it('in spends of other outputs', async () => {
    for (const { name, options, ...faulty } of await otherFaults())
      judge('other outputs', name, faulty, debugSpend(options).diagnosis);
  });
});

describe('of these faults', () => {
  it('there are 500 and more, and each kind occurs', () => {
    expect(results.length).toBeGreaterThanOrEqual(500);
    const occurred = new Set(results.map(({ kind }) => kind));
    expect(kinds.map(({ name }) => name).filter((name) => !occurred.has(name))).toEqual([]);
  });

  it('the root cause is named right of 99 % and more', () => {
    const wrong = results.filter(({ isRight }) => !isRight);
    const path = process.env['BE_MEASURED'];
    if (path !== undefined) {
      const causes = Object.fromEntries(
        [...new Set(results.map(({ expected }) => expected))].map((cause) => [
          cause,
          results.filter(({ expected }) => expected === cause).length,
        ]),
      );
      const measured = {
        faults: results.length,
        right: results.length - wrong.length,
        kinds: kinds.length,
        causes,
        wrong,
      };
      appendFileSync(path, `${JSON.stringify(measured)}\n`);
    }
    const told = wrong.map(({ where, kind, expected, text }) => `${where}, ${kind}: ${expected}, got ${text}`);
    expect((results.length - wrong.length) / results.length, told.join('\n')).toBeGreaterThanOrEqual(0.99);
  });

  it('no kind of fault is named right less than nine times in ten', () => {
    const weak = [...new Set(results.map(({ kind }) => kind))].filter((kind) => {
      const own = results.filter((one) => one.kind === kind);
      return own.filter(({ isRight }) => isRight).length / own.length < 0.9;
    });
    expect(weak).toEqual([]);
  });

  it('every cause that a spend can have occurs', () => {
    const occurred = new Set(results.map(({ expected }) => expected));
    const notOfSpends = new Set<Cause>(['unsatisfiable-clause', 'refused']);
    const causes: Readonly<Record<Cause, true>> = {
      'wrong-key': true,
      'wrong-signature': true,
      'signature-of-another-message': true,
      'missing-signature': true,
      'malformed-signature': true,
      'wrong-sighash-type': true,
      annex: true,
      'wrong-preimage': true,
      'preimage-size': true,
      'missing-preimage': true,
      'wrong-order': true,
      'extra-witness-item': true,
      'missing-witness-item': true,
      'too-early': true,
      'sequence-not-set': true,
      'locktime-not-set': true,
      'wrong-transaction-version': true,
      'wrong-leaf': true,
      'wrong-control-block': true,
      'wrong-internal-key': true,
      'wrong-script': true,
      'wrong-output': true,
      'template-mismatch': true,
      'validation-weight': true,
      'minimal-if': true,
      stack: true,
      'script-rule': true,
      policy: true,
      'unsatisfiable-clause': true,
      refused: true,
    };
    const missing = (Object.keys(causes) as Cause[]).filter((one) => !occurred.has(one) && !notOfSpends.has(one));
    expect(missing).toEqual([]);
  });
});
