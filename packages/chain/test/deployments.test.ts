import { currentCrypto, displayHash, hasCode, loadCrypto, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { createEmbeddedChain, type EmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import {
  assemble,
  checkTemplateHash,
  serializeTransaction,
  type Transaction,
  transactionId,
  UNSPENDABLE_INTERNAL_KEY,
  taprootOutput,
} from '@bitcoin-enterprise/script';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bitcoind, findBitcoind, startBitcoind } from '../../../scripts/nodes/bitcoind.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { buildBlock, inputOf, spend } from './support/block-workshop.ts';
import { type CoreVersion, findCore, startCore } from './support/core-node.ts';

await loadCrypto();

const AMOUNT = satoshis(100_000n);
const target = parseHex(`0014${'07'.repeat(20)}`);
const none = { txid: new Uint8Array(32), index: 0 };

/** What the template demands: one input without scriptSig, one output. */
const templated = (value: bigint): Transaction =>
  spend([inputOf(none, { sequence: 0 })], { outputs: [{ value, scriptPubKey: target }] });

const script = assemble([checkTemplateHash(templated(99_000n), 0), 'OP_CHECKTEMPLATEVERIFY']);
const leaf = taprootOutput({ internalKey: UNSPENDABLE_INTERNAL_KEY, tree: { script } });
const kinds = {
  bare: { scriptPubKey: script, witness: [] },
  v0: { scriptPubKey: assemble(['OP_0', currentCrypto().sha256(script)]), witness: [script] },
  tapscript: {
    scriptPubKey: leaf.scriptPubKey,
    witness: [script, leaf.leaves[0]?.controlBlock ?? new Uint8Array()],
  },
} as const;
type Kind = keyof typeof kinds;

/** Funds an output of a kind and spends it to the target. */
function scene(chain: EmbeddedChain, kind: Kind) {
  const { scriptPubKey, witness } = kinds[kind];
  const { txid, index } = chain.fund(scriptPubKey, AMOUNT);
  const inputs = [inputOf({ txid, index }, { sequence: 0, witness })];
  const to = (value: bigint): Transaction => ({ ...templated(value), inputs });
  return { right: to(99_000n), wrong: to(98_000n) };
}

/** Why a call was refused: the reason, and the error of the script. */
function refusal(call: () => unknown): readonly unknown[] {
  try {
    return ['accepted', call()];
  } catch (error) {
    if (hasCode(error, 'CHAIN_TX_REJECTED', 'CHAIN_BLOCK_REJECTED'))
      return [error.details.reason.split(' ')[0], error.details.scriptError];
    throw error;
  }
}

const withTemplates = (): EmbeddedChain => createEmbeddedChain({ deployments: ['CHECKTEMPLATEVERIFY'] });

describe.each(Object.keys(kinds) as Kind[])('a chain with CHECKTEMPLATEVERIFY, %s', (kind) => {
  it('takes what the template says into mempool and blocks, and nothing else', () => {
    const chain = withTemplates();
    const { right, wrong } = scene(chain, kind);
    const bytes = serializeTransaction(wrong);

    expect(refusal(() => chain.broadcast(bytes))).toEqual(['mandatory-script-verify-flag-failed', 'TEMPLATE_MISMATCH']);
    expect(refusal(() => chain.mine(1, { transactions: [bytes] }))).toEqual([
      'mandatory-script-verify-flag-failed',
      'TEMPLATE_MISMATCH',
    ]);
    expect(refusal(() => chain.submitBlock(buildBlock(chain, { transactions: [wrong] })))).toEqual([
      'block-script-verify-flag-failed',
      'TEMPLATE_MISMATCH',
    ]);
    expect(chain.trace(bytes, 0).verdict).toEqual({ ok: false, error: 'TEMPLATE_MISMATCH' });
    chain.broadcast(serializeTransaction(right));
    chain.mine(1);
    expect(chain.balance(target)).toBe(99_000n);
    expect([chain.faithful, chain.cheats(), chain.deployments]).toEqual([true, [], ['CHECKTEMPLATEVERIFY']]);
  });

  it('is one where Bitcoin as it is takes either', () => {
    const chain = createEmbeddedChain();
    chain.broadcast(serializeTransaction(scene(chain, kind).wrong));
    chain.mine(1, { transactions: [serializeTransaction(scene(chain, kind).wrong)] });

    expect(chain.deployments).toEqual([]);
    expect(chain.balance(target)).toBe(98_000n);
  });
});

it('with the policy of a real node no longer discourages the opcode, but still other arguments', () => {
  const policy = mempoolProfile('core-31');
  const asItIs = createEmbeddedChain({ policy });
  const chain = createEmbeddedChain({ policy, deployments: ['CHECKTEMPLATEVERIFY'] });
  const other = assemble([new Uint8Array(33).fill(7), 'OP_CHECKTEMPLATEVERIFY']);
  const { txid, index } = chain.fund(assemble(['OP_0', currentCrypto().sha256(other)]), AMOUNT);
  const odd: Transaction = { ...templated(99_000n), inputs: [inputOf({ txid, index }, { witness: [other] })] };
  const discouraged = ['mempool-script-verify-flag-failed', 'DISCOURAGE_UPGRADABLE_NOPS'];

  expect(refusal(() => asItIs.broadcast(serializeTransaction(scene(asItIs, 'v0').right)))).toEqual(discouraged);
  expect(refusal(() => chain.broadcast(serializeTransaction(odd)))).toEqual(discouraged);
  chain.mine(1, { transactions: [serializeTransaction(odd)] });
  chain.broadcast(serializeTransaction(scene(chain, 'tapscript').right));
  expect(chain.mempool()).toHaveLength(1);
});

it('names what it does not know, and hands out copies of what it has', () => {
  const wrong = [['CTV'], 'CHECKTEMPLATEVERIFY', [null], {}, null];
  for (const deployments of wrong)
    expect(() => createEmbeddedChain({ deployments: deployments as never })).toThrow('CHAIN_INVALID_ARGUMENT');
  const chain = createEmbeddedChain({ deployments: ['CHECKTEMPLATEVERIFY', 'CHECKTEMPLATEVERIFY'] });
  (chain.deployments as string[]).length = 0;
  expect(chain.deployments).toEqual(['CHECKTEMPLATEVERIFY']);
});

describe('a dump', () => {
  it('keeps the deployments: who loads it has them', () => {
    const chain = withTemplates();
    const { right, wrong } = scene(chain, 'v0');
    const copy = createEmbeddedChain();
    copy.load(chain.dump());

    expect([copy.deployments, copy.tip.hash]).toEqual([['CHECKTEMPLATEVERIFY'], chain.tip.hash]);
    expect(copy.dump()).toEqual(chain.dump());
    expect(refusal(() => copy.broadcast(serializeTransaction(wrong)))[1]).toBe('TEMPLATE_MISMATCH');
    copy.broadcast(serializeTransaction(right));
    copy.mine(1);
    expect(copy.balance(target)).toBe(99_000n);

    copy.load(createEmbeddedChain().dump());
    expect([copy.deployments, copy.height]).toEqual([[], 0]);
  });

  it('is checked under its own rules, also where the chain that loads it has the blocks under fewer', () => {
    const asItIs = createEmbeddedChain();
    const transactions = [serializeTransaction(scene(asItIs, 'v0').wrong)];
    asItIs.mine(1, { transactions });
    const forged = withDeployments(asItIs.dump(), [0]);
    const before = asItIs.dump();

    for (const chain of [asItIs, createEmbeddedChain()])
      expect(() => chain.load(forged)).toThrow('block-script-verify-flag-failed');
    expect([asItIs.dump(), asItIs.deployments]).toEqual([before, []]);
  });

  it('is refused with deployments that nobody knows, or one named twice', () => {
    for (const numbers of [[1], [0, 0], [0xffff_ffff]])
      expect(() => createEmbeddedChain().load(withDeployments(createEmbeddedChain().dump(), numbers))).toThrow(
        'rules that this version does not know',
      );
  });

  it('of the version before loads as a chain without deployments', () => {
    const chain = createEmbeddedChain();
    chain.mine(2);
    const dump = chain.dump();
    const old = sealed(Uint8Array.of(...dump.subarray(0, 8), 2, ...dump.subarray(13, -32)));
    const copy = withTemplates();
    copy.load(old);

    expect([copy.deployments, copy.tip.hash]).toEqual([[], chain.tip.hash]);
  });
});

/** A dump of a chain without deployments, made to name some by their numbers. */
function withDeployments(dump: Uint8Array, numbers: readonly number[]): Uint8Array {
  const list = Uint8Array.of(...[numbers.length, ...numbers].flatMap((n) => [n, n >>> 8, n >>> 16, n >>> 24]));
  return sealed(Uint8Array.of(...dump.subarray(0, 9), ...list, ...dump.subarray(13, -32)));
}

function sealed(body: Uint8Array): Uint8Array {
  return Uint8Array.of(...body, ...currentCrypto().sha256(body));
}

interface RealNode {
  readonly name: string;
  readonly start: () => Promise<Bitcoind>;
}
const debian = orSkip('bitcoind', await findBitcoind());
const cores = (['core-30', 'core-31'] satisfies CoreVersion[]).flatMap((name): readonly RealNode[] => {
  const file = findCore(name);
  return file === undefined ? [] : [{ name, start: () => startCore(file) }];
});
const nodes: readonly RealNode[] = [
  ...(debian === undefined ? [] : [{ name: 'bitcoin-knots of Debian', start: () => startBitcoind() }]),
  ...cores,
];

describe.each(nodes)('$name, which has no CHECKTEMPLATEVERIFY', ({ start }) => {
  let node: Bitcoind;

  beforeAll(async () => {
    node = await start();
  });
  afterAll(() => node.stop());

  const submit = (block: Uint8Array): Promise<unknown> => node.rpc('submitblock', [toHex(block)]);

  it('takes every block of a chain with it, and also what that chain refuses', async () => {
    const chain = withTemplates();
    for (const kind of Object.keys(kinds) as Kind[]) {
      chain.broadcast(serializeTransaction(scene(chain, kind).right));
      chain.mine(1);
    }
    const { right, wrong } = scene(chain, 'v0');
    expect(chain.faithful).toBe(true);
    for (const block of chain.blocks()) expect(await submit(block)).toBeNull();
    expect(await node.rpc('getbestblockhash')).toBe(displayHash(chain.tip.hash));

    // Its mempool discourages the opcode, so that only a block carries such a spend.
    const [verdict] = await node.rpc<{ allowed: boolean; 'reject-reason': string }[]>('testmempoolaccept', [
      [toHex(serializeTransaction(right))],
    ]);
    expect(verdict?.['reject-reason']).toContain('NOPx reserved for soft-fork upgrades');

    const theft = buildBlock(chain, { transactions: [wrong] });
    expect(refusal(() => chain.submitBlock(theft))[1]).toBe('TEMPLATE_MISMATCH');
    expect(await submit(theft)).toBeNull();
    expect(await node.rpc('gettxout', [displayHash(transactionId(wrong)), 0])).toMatchObject({ value: 0.00098 });
  });
});
