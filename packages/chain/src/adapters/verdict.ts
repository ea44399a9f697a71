import { equalBytes, virtualBytes } from '@bitcoin-enterprise/core';
import type { TestAcceptResult } from '../ports/tx-broadcaster.ts';
import { Answer, answerInvalid } from './answer.ts';
import { rejectionOf } from './rejection.ts';

/** Reads what `testmempoolaccept` says of one transaction; amounts as text. */
export function readVerdict(facts: {
  readonly method: string;
  readonly answers: unknown;
  /** Of the transaction asked about. */
  readonly txid: Uint8Array;
  /** Its display form. */
  readonly id: string;
}): TestAcceptResult {
  const { method, answers, txid, id } = facts;
  if (!Array.isArray(answers) || answers.length !== 1) throw answerInvalid(method, 'a list of one');
  const answer = new Answer(method, answers[0]);
  if (!equalBytes(answer.hash('txid'), txid)) throw answerInvalid(method, 'about the transaction asked for');
  if (!answer.has('allowed')) throw answerInvalid(method, 'a verdict');
  if (answer.flag('allowed')) {
    const fee = answer.object('fees').amount('base');
    return { accepted: true, txid, fee, size: virtualBytes(answer.count('vsize')) };
  }
  const details = answer.has('reject-details') ? answer.text('reject-details') : answer.text('reject-reason');
  const { reason } = rejectionOf(id, answer.text('reject-reason'));
  return { accepted: false, rejection: { ...rejectionOf(id, details), reason } };
}
