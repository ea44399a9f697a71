import { type ScriptErrorName, scriptErrorText } from '@bitcoin-enterprise/script';
import type { Rejection } from '../model/rejection.ts';

/** A refusal in Core's words: the reason alone, and what it says behind a comma. */
export function rejectionText({ reason, scriptError, detail }: Rejection): {
  readonly reason: string;
  readonly detail?: string;
} {
  const text = scriptError === undefined ? reason : `${reason} (${scriptErrorText(scriptError as ScriptErrorName)})`;
  return detail === undefined ? { reason: text } : { reason: text, detail };
}
