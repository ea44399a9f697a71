import { equalBytes } from '@bitcoin-enterprise/core';
import { parsePsbt, type PsbtInput } from '@bitcoin-enterprise/wallet';
import type { ContractInstance } from '../contract/model.ts';
import type { TransitionPlan } from '../contract/transition.ts';
import type { NamedKey } from '../contract/values.ts';
import { signatureName, signingRequests } from '../signing/requests.ts';
import type { ExecutionRecord } from './model.ts';

/** How far one signer has come. */
export interface SignerReport {
  /** Name of the party or key; the key expression where it has none. */
  readonly name: string;
  readonly key: string;
  readonly input: number;
  /** `nonce`: MuSig2's first round is done, the second is missing. */
  readonly has: 'nothing' | 'nonce' | 'signed';
  /** Blocks since the execution began, while something is missing. */
  readonly lateBlocks: number;
}

/** Who has signed an execution and who has not. */
export function signerReport(of: {
  readonly instance: ContractInstance;
  readonly plan: TransitionPlan;
  readonly record: ExecutionRecord;
  readonly height: number;
}): readonly SignerReport[] {
  const { instance, plan, record, height } = of;
  const isDone = record.tx !== undefined || ['sent', 'confirmed', 'final'].includes(record.status);
  const inputs = record.psbt === undefined ? [] : parsePsbt(record.psbt).inputs;
  return signingRequests(plan).flatMap(({ input, key }): SignerReport[] => {
    const isSigned = isDone || record.signatures[signatureName(input, key)] !== undefined;
    const those = key.participants.length === 0 ? [key] : key.participants;
    return those.map((one): SignerReport => {
      const text = one.expression.text('public');
      const has = isSigned ? 'signed' : roundOf(inputs[input], one.publicKey);
      return {
        name: nameOf(instance, text),
        key: text,
        input,
        has,
        lateBlocks: has === 'signed' ? 0 : Math.max(0, height - record.since),
      };
    });
  });
}

function roundOf(input: PsbtInput | undefined, publicKey: Uint8Array): SignerReport['has'] {
  if (input?.musigPartialSignatures.some(({ participant }) => equalBytes(participant, publicKey)) === true)
    return 'signed';
  return input?.musigPublicNonces.some(({ participant }) => equalBytes(participant, publicKey)) === true
    ? 'nonce'
    : 'nothing';
}

/** The name under which the contract knows a key. */
function nameOf({ params, parties, covenants }: ContractInstance, text: string): string {
  const named: readonly NamedKey[] = [
    ...parties.values(),
    ...Object.values(params).filter(
      (value): value is NamedKey => typeof value === 'object' && value !== null && 'key' in value && 'name' in value,
    ),
    ...(covenants?.kind === 'presigned' ? covenants.keys : []),
  ];
  return named.find(({ key }) => key === text)?.name ?? text;
}
