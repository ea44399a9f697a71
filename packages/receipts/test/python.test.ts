import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import { displayHash, currentCrypto, toHex } from '@bitcoin-enterprise/core';
import {
  createLog,
  createMemoryLogStorage,
  formatReceipt,
  leafHash,
  type Receipt,
  verifyReceipt,
} from '@bitcoin-enterprise/receipts';
import { beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { findPython } from '../../../scripts/nodes/python.ts';
import { Random } from '../../../scripts/testing/random.ts';
import { anchored } from './anchored.ts';
import { createScene, payment, type Scene } from './scene.ts';

const long = process.env['BE_LONG'] === '1';
const python = orSkip('python3', await findPython());
const program = resolve(import.meta.dirname, '../../../scripts/python/verify_receipts.py');

/** What the Python verifier says to each case. */
async function askPython(cases: readonly object[]): Promise<readonly string[]> {
  if (python === undefined) throw new Error('no Python');
  const { file, args, env } = python.command;
  const child = spawn(file, [...args, program], {
    env: { ...process.env, ...env, PYTHONIOENCODING: 'utf-8' },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  child.stdin.end(cases.map((each) => `${JSON.stringify(each)}\n`).join(''));
  const code = await new Promise((done) => child.on('close', done));
  // A verifier that dies on hostile input has verified nothing.
  expect({ code, err }).toEqual({ code: 0, err: '' });
  const answers = out.trimEnd().split('\n');
  expect(answers.length).toBe(cases.length);
  return answers;
}

function policyFor({ policy, signers, origin, logKey, witnesses }: Scene, receipt: Receipt): object {
  const header = receipt.anchor?.header;
  return {
    origin,
    logKeys: [logKey.verifierKey],
    witnesses: witnesses.map(({ key }) => key.verifierKey),
    quorum: witnesses.length,
    signers: Object.fromEntries(signers.map(({ keyId, publicKey }) => [keyId, toHex(publicKey)])),
    threshold: policy.signers.threshold,
    ...(header === undefined ? {} : { blocks: [displayHash(currentCrypto().hash256(header))] }),
  };
}

describe.skipIf(python === undefined)('a verifier in Python that shares no code', () => {
  const scene = createScene({ seed: 'python' });
  const receipts: Receipt[] = [];
  beforeAll(async () => {
    for (let i = 0; i < 9; i++) receipts.push(await scene.receipts.issue(payment(i), { key: `${i}` }));
  });

  it('accepts every receipt that is issued, with and without an anchor', async () => {
    const all = [
      ...receipts,
      ...(await Promise.all(receipts.map(async (each) => (await anchored(scene, each)).receipt))),
    ];
    const answers = await askPython(
      all.map((receipt) => ({ receipt: formatReceipt(receipt), policy: policyFor(scene, receipt) })),
    );

    expect(answers).toEqual(all.map(() => 'ok'));
  });

  it('rejects every receipt with one bit flipped, as we do', async () => {
    const { receipt, chain } = await anchored(scene, receipts[4] as Receipt);
    const bytes = new TextEncoder().encode(formatReceipt(receipt));
    const random = new Random(20_261_127);
    const texts = Array.from({ length: long ? 5_000 : 400 }, () => {
      const flipped = new Uint8Array(bytes);
      const at = random.below(bytes.length);
      flipped[at] = (flipped[at] as number) ^ (1 << random.below(8));
      return new TextDecoder().decode(flipped);
    });
    const answers = await askPython(texts.map((text) => ({ receipt: text, policy: policyFor(scene, receipt) })));
    const ours = { ...scene.policy, anchor: { network: 'regtest', chain, presence: 'required' } } as const;

    expect(answers.filter((answer) => !answer.startsWith('reject: '))).toEqual([]);
    for (const text of texts.slice(0, 100)) expect((await verifyReceipt(text, ours)).valid).toBe(false);
  });

  it('misses a cosignature, a signature of the log, a signer, as we do', async () => {
    const receipt = receipts[3] as Receipt;
    const lines = receipt.checkpoint.split('\n');
    const without = (start: string): Receipt => ({
      ...receipt,
      checkpoint: lines.filter((line) => !line.startsWith(start)).join('\n'),
    });
    const { signatures } = receipt.envelope;
    const mutants = [
      without('— witness.example/w2'),
      without('— log.example.com'),
      { ...receipt, envelope: { ...receipt.envelope, signatures: signatures.slice(1) } },
      { ...receipt, index: receipt.index + 1 },
      { ...receipt, inclusion: receipt.inclusion.slice(1) },
      { ...receipt, envelope: (receipts[2] as Receipt).envelope },
    ];
    const answers = await askPython(
      mutants.map((mutant) => ({ receipt: formatReceipt(mutant), policy: policyFor(scene, receipt) })),
    );

    for (const answer of answers) expect(answer).toMatch(/^reject: /);
    for (const mutant of mutants) expect((await verifyReceipt(mutant, scene.policy)).valid).toBe(false);
  });

  it('rejects what is no case, or of other types, and goes on', async () => {
    const claim = { leaf: '00'.repeat(32), index: 0, size: 1, proof: [], root: '00'.repeat(32) };
    const [receipt] = receipts;
    if (receipt === undefined) throw new Error('no receipt');
    const policy = policyFor(scene, receipt);
    const text = formatReceipt(receipt);
    const wrong: readonly object[] = [
      {},
      [],
      { receipt: 5, policy },
      { receipt: text, policy: {} },
      { receipt: text.replace('{', '{"anchor":{"checkpoint":5},'), policy },
      { receipt: text, policy: { ...policy, logKeys: ['x'] } },
      ...[
        { index: '0' },
        { index: false, size: true },
        { index: 0.5 },
        { size: undefined },
        { leaf: '', root: '' },
      ].map((change) => ({ inclusion: { ...claim, ...change } })),
      { consistency: { first: 1, firstRoot: '', second: 1, secondRoot: '', proof: [] } },
    ];
    const answers = await askPython([...wrong, { inclusion: claim }]);

    expect(answers.filter((answer) => answer.startsWith('reject'))).toHaveLength(wrong.length);
    expect(answers.at(-1)).toBe('ok');
  });

  it('agrees on inclusion and consistency for every size up to 40, and on every mutation of them', async () => {
    const log = createLog({ storage: createMemoryLogStorage() });
    await log.append(Array.from({ length: 40 }, (_, i) => ({ entry: Uint8Array.of(i) })));
    const roots = await Promise.all(Array.from({ length: 41 }, async (_, size) => toHex(await log.root(size))));
    const [good, bad]: [object[], object[]] = [[], []];
    const flip = (hash: string): string => `${hash.slice(0, 10)}${hash[10] === '0' ? '1' : '0'}${hash.slice(11)}`;
    for (let size = 1; size <= 40; size++) {
      for (let index = 0; index < size; index++) {
        const proof = (await log.proveInclusion(index, size)).map((hash) => toHex(hash));
        const claim = { leaf: toHex(leafHash(Uint8Array.of(index))), index, size, proof, root: roots[size] };
        good.push({ inclusion: claim });
        bad.push({ inclusion: { ...claim, index: index + 1 } }, { inclusion: { ...claim, leaf: flip(claim.leaf) } });
        if (proof.length > 0) bad.push({ inclusion: { ...claim, proof: proof.slice(1) } });
      }
      for (let first = 0; first <= size; first++) {
        const proof = (await log.proveConsistency(first, size)).map((hash) => toHex(hash));
        const claim = {
          first,
          firstRoot: roots[first] as string,
          second: size,
          secondRoot: roots[size] as string,
          proof,
        };
        good.push({ consistency: claim });
        bad.push({ consistency: { ...claim, firstRoot: flip(claim.firstRoot) } });
        if (first > 0) bad.push({ consistency: { ...claim, secondRoot: flip(claim.secondRoot) } });
        bad.push({ consistency: { ...claim, proof: [...proof, roots[3]] } });
        if (proof.length > 0)
          bad.push({ consistency: { ...claim, proof: [flip(proof[0] as string), ...proof.slice(1)] } });
      }
    }
    const answers = await askPython([...good, ...bad]);

    expect(answers.slice(0, good.length).filter((answer) => answer !== 'ok')).toEqual([]);
    expect(answers.slice(good.length).filter((answer) => answer === 'ok')).toEqual([]);
    expect([good.length, bad.length]).toEqual([1_680, expect.any(Number)]);
  });
});
