import { currentCrypto, displayHash, parseDisplayHash, parseHex, toHex } from '@bitcoin-enterprise/core';
import {
  type Anchor,
  anchorFromBlock,
  anchorReceipt,
  anchorScript,
  type BestChain,
  formatCheckpoint,
  parseCheckpoint,
  parseNote,
  type Receipt,
  verifyAnchor,
  verifyReceipt,
} from '@bitcoin-enterprise/receipts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { coinbaseOf, mineTinyBlock, transactionOf } from './anchored.ts';
import { createScene, payment, type Scene } from './scene.ts';

const bitcoind = orSkip('bitcoind', await findBitcoind());
const text = formatCheckpoint({ origin: 'log.example.com', size: 3, root: new Uint8Array(32).fill(3) });
const checkpoint = parseCheckpoint(text);
const anyone = parseHex('51');
const ours = transactionOf(new Uint8Array(36).fill(77), anchorScript(text));
const other = (i: number): Uint8Array => transactionOf(new Uint8Array(36).fill(i + 1), anyone);
const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

async function reasonOf(anchor: Anchor, chain: BestChain): Promise<string> {
  try {
    await verifyAnchor(anchor, { checkpoint, policy: { network: 'regtest', chain } });
    return 'valid';
  } catch (error) {
    const { code, details } = error as { readonly code: string; readonly details: { readonly reason?: string } };
    return details.reason ?? code;
  }
}

describe('an anchor', () => {
  it('is found in a block at any place among any number of transactions', async () => {
    for (let count = 1; count <= 9; count++)
      for (let place = 1; place <= count; place++) {
        const others = Array.from({ length: count - 1 }, (_, i) => other(i));
        const transactions = [coinbaseOf(7), ...others.slice(0, place - 1), ours, ...others.slice(place - 1)];
        const { block, chain } = mineTinyBlock(transactions);
        const anchor = anchorFromBlock(block, { checkpoint: text });
        expect([anchor.index, await reasonOf(anchor, chain)]).toEqual([place, 'valid']);
      }
  });

  it('commits to every line of the checkpoint', () => {
    const scripts = [
      text,
      formatCheckpoint({ ...checkpoint, origin: 'log.example.org' }),
      formatCheckpoint({ ...checkpoint, size: 4 }),
      formatCheckpoint({ ...checkpoint, root: new Uint8Array(32) }),
      formatCheckpoint({ ...checkpoint, extensions: ['more'] }),
    ].map((each) => toHex(anchorScript(each)));

    expect(new Set(scripts).size).toBe(5);
    for (const script of scripts) expect(script).toMatch(/^6a2442455243[0-9a-f]{64}$/);
    expect(() => anchorScript('no checkpoint')).toThrow('RECEIPTS_CHECKPOINT_MALFORMED');
  });

  it('is refused with any one part exchanged', async () => {
    const { block, chain } = mineTinyBlock([coinbaseOf(7), other(1), ours, other(2), other(3)]);
    const anchor = anchorFromBlock(block, { checkpoint: text });
    const changed: ReadonlyArray<readonly [string, Partial<Anchor>]> = [
      ['checkpoint', { checkpoint: 'no checkpoint' }],
      ['checkpoint', { checkpoint: formatCheckpoint({ ...checkpoint, origin: 'o' }) }],
      ['checkpoint', { checkpoint: formatCheckpoint({ ...checkpoint, size: 2 }) }],
      ['consistency', { checkpoint: formatCheckpoint({ ...checkpoint, size: 4 }) }],
      ['consistency', { consistency: [new Uint8Array(32)] }],
      ['commitment', { transaction: other(1) }],
      ['transaction', { transaction: ours.slice(1) }],
      ['transaction', { transaction: new Uint8Array(0) }],
      ['branch', { index: 3 }],
      ['branch', { index: 2 + 8 }],
      ['branch', { branch: anchor.branch.slice(1) }],
      ['branch', { branch: [...anchor.branch, new Uint8Array(32)] }],
      ['header', { header: anchor.header.slice(1) }],
      ['coinbase', { coinbase: other(1) }],
      ['coinbase', { coinbase: coinbaseOf(8) }],
      ['coinbase', { coinbaseBranch: anchor.coinbaseBranch.slice(1) }],
      ['transaction-size', { coinbase: new Uint8Array(64) }],
    ];

    expect(await reasonOf(anchor, chain)).toBe('valid');
    for (const [reason, part] of changed) expect(await reasonOf({ ...anchor, ...part }, chain)).toBe(reason);
  });

  it('needs the work that its header claims, and a claim that its network allows', async () => {
    const { block, chain } = mineTinyBlock([coinbaseOf(7), ours]);
    const anchor = anchorFromBlock(block, { checkpoint: text });
    const hasWork = (header: Uint8Array): boolean => (currentCrypto().hash256(header)[31] as number) <= 0x7f;
    const header = new Uint8Array(anchor.header);
    while (hasWork(header)) header[79] = (header[79] as number) + 1;
    const policy = { network: 'main', chain } as const;
    // Bits of main's genesis block, zero, negative, and overflowing.
    for (const bits of ['ffff001d', '00000000', 'ffff9f20', 'ffffff40']) {
      const claimed = join(anchor.header.slice(0, 72), parseHex(bits), anchor.header.slice(76));
      expect(await reasonOf({ ...anchor, header: claimed }, chain)).toBe('proof-of-work');
    }

    expect(await reasonOf({ ...anchor, header }, chain)).toBe('proof-of-work');
    await expect(verifyAnchor(anchor, { checkpoint, policy })).rejects.toMatchObject({
      details: { reason: 'proof-of-work' },
    });
  });

  it('cannot be forged below a transaction of 64 bytes (CVE-2017-12842)', async () => {
    // The attacker has 64 bytes mined as a "transaction" whose second half is the id of one that never was.
    const { hash256 } = currentCrypto();
    const fake = transactionOf(new Uint8Array(36).fill(66), anchorScript(text));
    const blob = join(new Uint8Array(32).fill(9), hash256(fake));
    const coinbase = coinbaseOf(7);
    const { block, chain } = mineTinyBlock([coinbase, blob]);
    const header = block.slice(0, 80);
    const forged: Anchor = {
      checkpoint: text,
      consistency: [],
      transaction: fake,
      index: 3,
      branch: [blob.slice(0, 32), hash256(coinbase)],
      header,
      coinbase,
      coinbaseBranch: [hash256(blob)],
    };

    // The branch itself leads to the root: it is the depth of the coinbase that gives it away.
    expect(await reasonOf(forged, chain)).toBe('coinbase');
    const padded = { ...forged, coinbaseBranch: [hash256(blob), hash256(blob)] };
    expect(await reasonOf(padded, chain)).toBe('coinbase');
    expect(await reasonOf({ ...forged, transaction: blob }, chain)).toBe('transaction-size');
  });

  it('has one index, also as the odd last one of a block (CVE-2012-2459)', async () => {
    const { block, chain } = mineTinyBlock([coinbaseOf(7), other(1), ours]);
    const anchor = anchorFromBlock(block, { checkpoint: text });

    expect([anchor.index, await reasonOf(anchor, chain)]).toEqual([2, 'valid']);
    expect(await reasonOf({ ...anchor, index: 3 }, chain)).toBe('branch');
  });

  it('answers bytes that are no block with a code', () => {
    const { block } = mineTinyBlock([coinbaseOf(7), ours]);
    for (let length = 0; length < block.length; length += 3)
      expect(() => anchorFromBlock(block.slice(0, length), { checkpoint: text })).toThrow('RECEIPTS_ANCHOR_INVALID');
    expect(() => anchorFromBlock(join(block, Uint8Array.of(0)), { checkpoint: text })).toThrow(
      'RECEIPTS_ANCHOR_INVALID',
    );
    expect(() => anchorFromBlock(mineTinyBlock([coinbaseOf(7)]).block, { checkpoint: text })).toThrow('commitment');
    const huge = join(block.slice(0, 80), parseHex('ffffffffffffff1f00'));
    expect(() => anchorFromBlock(huge, { checkpoint: text })).toThrow('RECEIPTS_ANCHOR_INVALID');
  });
});

/** The branch in a `merkleblock` of one transaction (BIP37), from the leaf up: read without a look at the product. */
function branchOfProof(proof: Uint8Array): { readonly branch: readonly string[]; readonly index: number } {
  const view = Buffer.from(proof);
  const total = view.readUInt32LE(80);
  const count = view[84] as number;
  const hashes = Array.from({ length: count }, (_, i) => toHex(view.subarray(85 + 32 * i, 117 + 32 * i)));
  const flags = view.subarray(86 + 32 * count);
  let [bit, next, index] = [0, 0, -1];
  const branch: string[] = [];
  const walk = (height: number, position: number): { readonly hash: string; readonly onPath: boolean } => {
    const isParent = (((flags[bit >> 3] as number) >> (bit++ & 7)) & 1) === 1;
    if (!isParent || height === 0) {
      if (isParent) index = position;
      return { hash: hashes[next++] as string, onPath: isParent };
    }
    const left = walk(height - 1, 2 * position);
    const width = Math.ceil(total / 2 ** (height - 1));
    const right = 2 * position + 1 < width ? walk(height - 1, 2 * position + 1) : { ...left, onPath: false };
    branch.push(left.onPath ? right.hash : left.hash);
    return { hash: toHex(currentCrypto().hash256(parseHex(left.hash + right.hash))), onPath: true };
  };
  walk(Math.ceil(Math.log2(total)), 0);
  return { branch, index };
}

describe.skipIf(bitcoind === undefined)('an anchor in a real chain', () => {
  const program = currentCrypto().sha256(anyone);
  const witnessScript = join(parseHex('0020'), program);
  let node: Bitcoind;
  let scene: Scene;
  let receipt: Receipt;
  let anchored: Receipt;
  let blockHash: string;
  let txid: string;
  let chain: BestChain;
  const coins: string[] = [];

  /** Spends a coin of OP_TRUE behind a witness, with an output script of our own. */
  const spend = (coin: string, script: Uint8Array): Uint8Array =>
    join(
      parseHex('02000000000101'),
      parseDisplayHash(coin),
      parseHex('0000000000ffffffff02'),
      new Uint8Array(8),
      Uint8Array.of(script.length),
      script,
      parseHex('00f2052a01000000'),
      Uint8Array.of(witnessScript.length),
      witnessScript,
      parseHex('010151'),
      new Uint8Array(4),
    );

  beforeAll(async () => {
    node = await startBitcoind();
    chain = {
      confirmations: async (hash) => {
        const { confirmations } = await node.rpc<{ confirmations: number }>('getblockheader', [displayHash(hash)]);
        return confirmations < 1 ? undefined : confirmations;
      },
    };
    const descriptor = `raw(${toHex(witnessScript)})`;
    const hashes = await node.rpc<string[]>('generatetodescriptor', [112, descriptor]);
    for (const hash of hashes.slice(0, 8)) {
      const { tx } = await node.rpc<{ tx: string[] }>('getblock', [hash]);
      coins.push(tx[0] as string);
    }
    scene = createScene({ seed: 'anchor' });
    for (let i = 0; i < 5; i++) receipt = await scene.receipts.issue(payment(i), { key: `${i}` });
    // A later checkpoint is the one that goes into the chain.
    for (let i = 5; i < 9; i++) await scene.receipts.issue(payment(i), { key: `${i}` });
    const later = parseNote((await scene.log.checkpoint()) as string).text;
    const transactions = coins.map((coin, i) => spend(coin, i === 4 ? anchorScript(later) : parseHex('6a0178')));
    const raw = transactions.map((bytes) => toHex(bytes));
    const { hash } = await node.rpc<{ hash: string }>('generateblock', [descriptor, raw]);
    blockHash = hash;
    const block = parseHex(await node.rpc<string>('getblock', [hash, 0]));
    anchored = await anchorReceipt(receipt, { block, checkpoint: later, log: scene.log });
    txid = displayHash(currentCrypto().hash256((anchored.anchor as Anchor).transaction));
    await node.rpc('generatetodescriptor', [5, descriptor]);
  });
  afterAll(() => node.stop());

  it('proves the receipt of an earlier checkpoint, six blocks deep', async () => {
    const verdict = await verifyReceipt(anchored, { ...scene.policy, anchor: { network: 'regtest', chain } });

    if (!verdict.valid) expect.unreachable(verdict.reasons.join());
    expect(verdict.anchor?.confirmations).toBe(6);
    expect(displayHash(verdict.anchor?.blockHash as Uint8Array)).toBe(blockHash);
    expect(displayHash(verdict.anchor?.txid as Uint8Array)).toBe(txid);
    expect([verdict.checkpoint.size, verdict.anchor?.checkpoint.size]).toEqual([5, 9]);
    const { time } = await node.rpc<{ time: number }>('getblockheader', [blockHash]);
    expect(verdict.anchor?.blockTime).toBe(time);
  });

  it('has the branch that the node itself gives in gettxoutproof', async () => {
    const proof = parseHex(await node.rpc<string>('gettxoutproof', [[txid], blockHash]));
    const { branch, index } = branchOfProof(proof);
    const anchor = anchored.anchor as Anchor;

    expect(await node.rpc('verifytxoutproof', [toHex(proof)])).toEqual([txid]);
    expect(toHex(anchor.header)).toBe(toHex(proof.slice(0, 80)));
    expect([anchor.index, anchor.branch.map((hash) => toHex(hash))]).toEqual([index, branch]);
  });

  it('is worth nothing after a reorganisation takes its block away, and again something when it comes back', async () => {
    const policy = { ...scene.policy, anchor: { network: 'regtest', chain } } as const;
    await node.rpc('invalidateblock', [blockHash]);
    await node.rpc('generatetodescriptor', [8, 'raw(51)']);
    const gone = await verifyReceipt(anchored, policy);
    expect(gone.valid ? [] : gone.reasons.map(({ code }) => code)).toEqual(['RECEIPTS_ANCHOR_UNCONFIRMED']);
    // The branch that replaced it has more work: it must go for the first one to come back.
    const rival = await node.rpc<string>('getblockhash', [113]);
    await node.rpc('reconsiderblock', [blockHash]);
    await node.rpc('invalidateblock', [rival]);
    const back = await verifyReceipt(anchored, policy);

    expect(back.valid).toBe(true);
  });
});
