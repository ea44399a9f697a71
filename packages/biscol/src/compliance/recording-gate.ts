import type { ComplianceGate } from '@bitcoin-enterprise/core';

/** A gate that allows everything; what it was asked and answered is on record all the same. */
export function recordingGate(): ComplianceGate {
  return { judge: async () => ({ decision: 'allow', reasons: [], gate: 'recording/1' }) };
}
