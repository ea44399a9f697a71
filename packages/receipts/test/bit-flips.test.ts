import { formatReceipt, parseReceipt, type ReceiptPolicy, verifyReceipt } from '@bitcoin-enterprise/receipts';
import { describe, expect, it } from 'vitest';
import { Random } from '../../../scripts/testing/random.ts';
import { anchored } from './anchored.ts';
import { createScene, payment } from './scene.ts';

const long = process.env['BE_LONG'] === '1';
const FLIPS = long ? 100_000 : 10_000;
const seed = Number(process.env['BE_SEED'] ?? 20_261_127);

/** A receipt with everything in it, and a policy that asks for everything. */
async function whole(): Promise<{ readonly text: string; readonly policy: ReceiptPolicy }> {
  const scene = createScene({ seed: 'flips' });
  for (let i = 0; i < 11; i++) await scene.receipts.issue(payment(i), { key: `${i}` });
  const issued = await scene.receipts.find('5');
  if (issued === undefined) return expect.unreachable('no receipt');
  // A receipt of a checkpoint that is not the last one, anchored by a later one: a consistency proof is in it too.
  await scene.receipts.issue(payment(11), { key: '11' });
  const { receipt, chain } = await anchored(scene, issued);
  expect(receipt.anchor?.consistency.length).toBeGreaterThan(0);
  const { signers, log } = scene.policy;
  const policy = {
    signers: { ...signers, keys: signers.keys.map(remembering) },
    log: { ...log, logKeys: log.logKeys.map(remembering), witnesses: log.witnesses?.map(remembering) ?? [] },
    anchor: { network: 'regtest', chain, presence: 'required' },
  } as const;
  return { text: formatReceipt(receipt), policy };
}

/**
 * A verifier that computes each question once. Most flips leave most signatures alone, and those would be verified ten
 * thousand times; what a flip did touch is a question never asked before.
 */
function remembering<Verdict, Verifier extends { verify(...question: never[]): Promise<Verdict> }>(
  verifier: Verifier,
): Verifier {
  const answers = new Map<string, Promise<Verdict>>();
  const verify = (message: Uint8Array | string, signature: Uint8Array): Promise<Verdict> => {
    const question = `${String(message)} ${String(signature)}`;
    const answer = answers.get(question) ?? verifier.verify(...([message, signature] as never[]));
    if (answers.size < 100) answers.set(question, answer);
    return answer;
  };
  return { ...verifier, verify };
}

/** Which part of the receipt a character of its JSON belongs to. */
function regionOf(text: string, at: number): string {
  const starts = ['"anchor"', '"checkpoint":"log', '"envelope"', '"inclusion"', '"index":5,"type"', '"type"'].map(
    (mark) => [text.lastIndexOf(mark, at), mark] as const,
  );
  return starts.toSorted(([a], [b]) => b - a)[0]?.[1] ?? 'start';
}

describe(`${FLIPS} random bit flips over a receipt (seed ${seed})`, () => {
  it('are all detected, in every region of it, with a code', { timeout: 3_600_000 }, async () => {
    const { text, policy } = await whole();
    expect((await verifyReceipt(text, policy)).valid).toBe(true);
    const bytes = new TextEncoder().encode(text);
    const random = new Random(seed);
    const regions = new Map<string, number>();
    const undetected: string[] = [];
    for (let i = 0; i < FLIPS; i++) {
      const [at, bit] = [random.below(bytes.length), random.below(8)];
      const flipped = new Uint8Array(bytes);
      flipped[at] = (flipped[at] as number) ^ (1 << bit);
      const region = regionOf(text, at);
      regions.set(region, (regions.get(region) ?? 0) + 1);
      // As a browser reads bytes: what is no UTF-8 becomes U+FFFD.
      const verdict = await verifyReceipt(new TextDecoder().decode(flipped), policy);
      if (verdict.valid) undetected.push(`byte ${at} bit ${bit} in ${region}`);
      else for (const { code } of verdict.reasons) expect(code).toMatch(/^RECEIPTS_/);
    }

    expect(undetected).toEqual([]);
    expect(regions.size).toBeGreaterThanOrEqual(5);
    for (const [, count] of regions) expect(count).toBeGreaterThan(5);
  });

  it('that hit an ignored signature line change nothing, and are found by the policy that refuses those', async () => {
    const { text, policy } = await whole();
    const { log } = policy;
    const two = { ...policy, log: { ...log, witnesses: log.witnesses?.slice(0, 2) ?? [] } };
    // The third witness is unknown to this policy; its name may be anything.
    const renamed = text.replace('witness.example/w3', 'witness.example/w7');

    expect((await verifyReceipt(renamed, two)).valid).toBe(true);
    const strict = { ...two, log: { ...two.log, unknownSignatures: 'refuse' } } as const;
    expect((await verifyReceipt(renamed, strict)).valid).toBe(false);
    expect((await verifyReceipt(renamed, policy)).valid).toBe(false);
  });

  it('have one spelling of each receipt to start from', async () => {
    const { text } = await whole();

    expect(formatReceipt(parseReceipt(text))).toBe(text);
  });
});
