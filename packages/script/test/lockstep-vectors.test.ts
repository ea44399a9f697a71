import { readFileSync } from 'node:fs';
import { parseHex } from '@bitcoin-enterprise/core';
import { consensusFlags, scriptErrorText, verifyTransaction } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { isSameReason } from './lockstep/renamed.ts';

interface LockstepVectors {
  readonly node: string;
  readonly cases: readonly {
    readonly note: string;
    readonly tx: string;
    /** Satoshis and script of the outputs spent. */
    readonly prevouts: readonly (readonly [number, string])[];
    /** `OK`, or the reason that the node gave. */
    readonly verdict: string;
  }[];
}

const file = new URL('./vectors/lockstep.json', import.meta.url);
const { node, cases } = JSON.parse(readFileSync(file, 'utf8')) as LockstepVectors;

describe(`random spends judged by ${node}`, () => {
  it('are at least 500, with more than 20 different verdicts', () => {
    expect(cases.length).toBeGreaterThanOrEqual(500);
    expect(new Set(cases.map(({ verdict }) => verdict)).size).toBeGreaterThan(20);
  });

  it('get the same verdict with the same reason from the interpreter', () => {
    const wrong = cases.flatMap(({ note, tx, prevouts, verdict }) => {
      const spentOutputs = prevouts.map(([value, script]) => ({
        value: BigInt(value),
        scriptPubKey: parseHex(script),
      }));
      const ours = verifyTransaction({ tx: parseHex(tx), spentOutputs, flags: consensusFlags });
      const got = ours.ok
        ? 'OK'
        : 'inputIndex' in ours
          ? `mandatory-script-verify-flag-failed (${scriptErrorText(ours.error)})`
          : ours.error;
      return isSameReason(got, verdict) ? [] : [{ note, got, verdict }];
    });

    expect(wrong).toEqual([]);
  });
});
