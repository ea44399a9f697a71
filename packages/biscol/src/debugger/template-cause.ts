import { equalBytes } from '@bitcoin-enterprise/core';
import { checkTemplateHash, type Transaction } from '@bitcoin-enterprise/script';
import { planTransition } from '../contract/transition.ts';
import { covenantsFrom, transitionOf } from '../contract/model.ts';
import { permutations } from './messages.ts';
import type { DebugStep, TemplateField } from './model.ts';
import type { Scene } from './scene.ts';
import type { Finding } from './signature-cause.ts';

/** In what a transaction differs from the one that a covenant allows (BIP119). */
export function explainTemplate(scene: Scene, step: DebugStep): Finding {
  const { tx, inputIndex } = scene;
  const template = step.before.stack.at(-1) ?? new Uint8Array(0);
  const allowed = allowedBy(scene, template);
  const fields =
    allowed === undefined
      ? (guesses(scene).find(({ tx: guess, place }) => equalBytes(checkTemplateHash(guess, place), template))?.fields ??
        [])
      : fieldsBetween(tx, allowed, inputIndex);
  return {
    cause: 'template-mismatch',
    fields,
    text:
      fields.length === 0
        ? 'the transaction is not the one that the covenant allows'
        : `the transaction is not the one that the covenant allows: ${fields.join(', ')} differs`,
  };
}

/** The transaction of a template, as the contract plans it. */
function allowedBy({ known, way }: Scene, template: Uint8Array): Transaction | undefined {
  const { instance, cell, plan } = known;
  if (plan !== undefined && equalBytes(checkTemplateHash(plan.tx, 0), template)) return plan.tx;
  if (instance === undefined || cell === undefined || way === undefined) return undefined;
  const name = covenantsFrom(instance.contract, cell.state).find((one) => transitionOf(instance, one).by === way.path);
  if (name === undefined) return undefined;
  const { tx } = planTransition(instance, name, { cells: [cell], assumeSecrets: true });
  return equalBytes(checkTemplateHash(tx, 0), template) ? tx : undefined;
}

function fieldsBetween(tx: Transaction, allowed: Transaction, inputIndex: number): readonly TemplateField[] {
  const fields = new Set<TemplateField>();
  if (tx.version !== allowed.version) fields.add('version');
  if (tx.lockTime !== allowed.lockTime) fields.add('lock-time');
  if (tx.inputs.length !== allowed.inputs.length) fields.add('input-count');
  else if (tx.inputs.some(({ sequence }, at) => sequence !== allowed.inputs[at]?.sequence)) fields.add('sequence');
  if (tx.inputs.some(({ scriptSig }) => scriptSig.length > 0)) fields.add('script-sig');
  if (tx.outputs.length !== allowed.outputs.length) fields.add('output-count');
  else
    for (const [at, { value, scriptPubKey }] of tx.outputs.entries()) {
      const twin = allowed.outputs[at];
      if (twin === undefined) continue;
      if (!equalBytes(scriptPubKey, twin.scriptPubKey)) fields.add('output');
      else if (value !== twin.value) fields.add('amount');
    }
  if (inputIndex !== 0) fields.add('input');
  return [...fields];
}

interface Guess {
  readonly tx: Transaction;
  readonly place: number;
  readonly fields: readonly TemplateField[];
}

/** What the transaction could be meant to be, with one thing changed; for covenants that nobody knows. */
function guesses({ tx, inputIndex, known }: Scene): readonly Guess[] {
  const same = { tx, place: inputIndex };
  const sequences = [...known.locks.older, 0xffff_ffff, 0xffff_fffe, 0xffff_fffd, 0];
  const locks = [...known.locks.after, 0];
  return [
    ...[1, 2, 3].map((version): Guess => ({ ...same, tx: { ...tx, version }, fields: ['version'] })),
    ...locks.map((lockTime): Guess => ({ ...same, tx: { ...tx, lockTime }, fields: ['lock-time'] })),
    ...tx.inputs.flatMap((_, place) =>
      sequences.map((sequence): Guess => {
        const inputs = tx.inputs.map((input, at) => (at === place ? { ...input, sequence } : input));
        return { ...same, tx: { ...tx, inputs }, fields: ['sequence'] };
      }),
    ),
    ...tx.inputs.map((_, place): Guess => ({ tx, place, fields: ['input'] })),
    ...tx.inputs.map((_, place): Guess => {
      const inputs = tx.inputs.filter((_one, at) => at !== place);
      return {
        tx: { ...tx, inputs },
        place: Math.max(0, place < inputIndex ? inputIndex - 1 : inputIndex),
        fields: ['input-count'],
      };
    }),
    ...tx.outputs.map((_, place): Guess => {
      const outputs = tx.outputs.filter((_one, at) => at !== place);
      return { ...same, tx: { ...tx, outputs }, fields: ['output-count'] };
    }),
    ...(tx.outputs.length > 4 ? [] : permutations(tx.outputs).slice(1)).map((outputs): Guess => ({
      ...same,
      tx: { ...tx, outputs },
      fields: ['output'],
    })),
  ];
}
