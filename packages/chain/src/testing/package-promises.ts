import { hasCode, parseHex, satoshis, toHex } from '@bitcoin-enterprise/core';
import { ensure, ensureEqual, ensureThrows, type Promised } from '@bitcoin-enterprise/core/testing';
import { serializeTransaction, type Transaction, transactionId } from '@bitcoin-enterprise/script';
import { type ChainHarness, lacks } from './harness.ts';
import { type KitOutput, kitOutput, kitSpend, kitTransaction } from './kit-scripts.ts';

const AMOUNT = satoshis(1_000_000n);
const FEE = 10_000n;
/** Far below the least relay fee of any node, sat. */
const NEXT_TO_NOTHING = 1n;
/** Pay to anchor (BIP433): anybody spends it, with nothing. */
const ANCHOR: Uint8Array = /* @__PURE__ */ parseHex('51024e73');

interface Family {
  readonly parent: Transaction;
  readonly child: Transaction;
  /** Both as serialised, parent first. */
  readonly bytes: readonly Uint8Array[];
  readonly ids: readonly Uint8Array[];
}

interface FamilyOptions {
  /** Satoshis; nothing when absent, which version 3 allows (BIP431). */
  readonly parentFee?: bigint;
  /** Satoshis. */
  readonly childFee?: bigint;
  /** Whether the parent has an anchor, which the child spends too. */
  readonly anchor?: boolean;
  readonly childWitness?: readonly Uint8Array[];
}

/** Funds an output, and makes a version 3 transaction that spends it and one that spends that. */
async function family(harness: ChainHarness, label: string, options: FamilyOptions = {}): Promise<Family> {
  const { parentFee = 0n, childFee = FEE, anchor = false } = options;
  const [source, middle] = [kitOutput(label), kitOutput(`${label} child`)];
  const outpoint = await harness.fund(source.scriptPubKey, AMOUNT);
  const value = AMOUNT - parentFee;
  const outputs = [{ value, scriptPubKey: middle.scriptPubKey }];
  const parent = kitTransaction(
    [{ outpoint, witness: source.witness }],
    anchor ? [...outputs, { value: 0n, scriptPubKey: ANCHOR }] : outputs,
    { version: 3 },
  );
  const child = childOf(parent, middle, { ...options, fee: childFee, anchor });
  return {
    parent,
    child,
    bytes: [serializeTransaction(parent), serializeTransaction(child)],
    ids: [transactionId(parent), transactionId(child)],
  };
}

function childOf(
  parent: Transaction,
  middle: KitOutput,
  options: FamilyOptions & { readonly fee: bigint; readonly anchor: boolean },
): Transaction {
  const { fee, anchor, childWitness = middle.witness } = options;
  const txid = transactionId(parent);
  const own = { outpoint: { txid, index: 0 }, witness: childWitness };
  return kitTransaction(
    anchor ? [own, { outpoint: { txid, index: 1 }, witness: [] }] : [own],
    [{ value: (parent.outputs[0]?.value ?? 0n) - fee, scriptPubKey: kitOutput('the end').scriptPubKey }],
    { version: 3 },
  );
}

async function isUnsupported(harness: ChainHarness, transactions: readonly Uint8Array[]): Promise<boolean> {
  return lacks(harness, 'broadcastPackage', () => harness.chain.broadcastPackage(transactions));
}

/** Which of some transactions the chain knows. */
async function known({ chain }: ChainHarness, ids: readonly Uint8Array[]): Promise<readonly boolean[]> {
  const found: boolean[] = [];
  for (const id of ids) found.push((await chain.transaction(id)) !== undefined);
  return found;
}

/** Why a package was refused: what each was refused for; `undefined` for one that waits. */
async function refusal(harness: ChainHarness, { bytes, ids }: Family) {
  const error = await ensureThrows(() => harness.chain.broadcastPackage(bytes), 'CHAIN_PACKAGE_REJECTED');
  ensure(hasCode(error, 'CHAIN_PACKAGE_REJECTED'), 'the error has details');
  const { reason, transactions } = error.details;
  ensure(reason !== '' && reason !== 'success', 'there is a reason for the whole');
  ensureEqual(
    transactions.map(({ txid }) => txid),
    ids.map((id) => toHex(id.toReversed())),
    'the transactions that are told of',
  );
  return transactions.map(({ rejection }) => rejection);
}

/** What every `PackageBroadcaster` promises. */
export const packageBroadcasterPromises: ReadonlyArray<Promised<ChainHarness>> = [
  ...[false, true].map((anchor): Promised<ChainHarness> => ({
    name: `a child pays for a parent that pays nothing${anchor ? ', by its anchor' : ''}: both wait, then have a block`,
    async run(make) {
      const harness = await make();
      const { bytes, ids } = await family(harness, `pays for its parent ${anchor}`, { anchor });
      if (await isUnsupported(harness, bytes)) return;
      const [alone] = bytes;
      ensure(alone !== undefined, 'there is a parent');
      await ensureThrows(() => harness.chain.broadcast(alone), 'CHAIN_TX_REJECTED');

      ensureEqual(await harness.chain.broadcastPackage(bytes), ids, 'ids');
      ensureEqual(await known(harness, ids), [true, true], 'both wait');
      await harness.mine(1);
      const { hash } = await harness.chain.tip();
      for (const id of ids) ensureEqual((await harness.chain.transaction(id))?.block?.hash, hash, 'its block');
    },
  })),
  {
    name: 'a package that waits already is accepted again',
    async run(make) {
      const harness = await make();
      const { bytes, ids } = await family(harness, 'a package twice');
      if (await isUnsupported(harness, bytes)) return;

      await harness.chain.broadcastPackage(bytes);
      ensureEqual(await harness.chain.broadcastPackage(bytes), ids, 'ids');
    },
  },
  {
    name: 'a package whose parent waits already, or has its block, is accepted',
    async run(make) {
      const harness = await make();
      for (const blocks of [0, 1]) {
        const { bytes, ids } = await family(harness, `a parent with ${blocks} blocks`, { parentFee: FEE });
        if (await isUnsupported(harness, bytes)) return;
        await harness.chain.broadcast(bytes[0] ?? new Uint8Array(0));
        await harness.mine(blocks);

        ensureEqual(await harness.chain.broadcastPackage(bytes), ids, 'ids');
        ensureEqual(await known(harness, ids), [true, true], 'both are known');
      }
    },
  },
  {
    name: 'one transaction is a package, too',
    async run(make) {
      const harness = await make();
      const source = kitOutput('a package of one');
      const outpoint = await harness.fund(source.scriptPubKey, AMOUNT);
      const value = satoshis(AMOUNT - FEE);
      const bytes = kitSpend({ outpoint, witness: source.witness }, { ...kitOutput('the end'), value });
      if (await isUnsupported(harness, [bytes])) return;

      const [id] = await harness.chain.broadcastPackage([bytes]);
      ensure(id !== undefined && (await harness.chain.transaction(id)) !== undefined, 'it waits');
    },
  },
  {
    name: 'a child that pays too little is refused with its parent, and each has a reason',
    async run(make) {
      const harness = await make();
      const refused = await family(harness, 'pays too little', { childFee: NEXT_TO_NOTHING });
      if (await isUnsupported(harness, refused.bytes)) return;

      const reasons = await refusal(harness, refused);
      ensure(
        reasons.every((rejection) => rejection !== undefined && rejection.reason !== ''),
        'a reason for each',
      );
      ensureEqual(await known(harness, refused.ids), [false, false], 'neither waits');
    },
  },
  {
    name: 'a parent that pays for itself waits although its child is refused, which has its script error',
    async run(make) {
      const harness = await make();
      const childWitness = [Uint8Array.of(0x51)];
      const refused = await family(harness, 'a bad child', { parentFee: FEE, childWitness });
      if (await isUnsupported(harness, refused.bytes)) return;

      const [parent, child] = await refusal(harness, refused);
      ensureEqual([parent, child?.scriptError], [undefined, 'WITNESS_PROGRAM_MISMATCH'], 'what became of them');
      ensureEqual(await known(harness, refused.ids), [true, false], 'the parent alone waits');
    },
  },
  {
    name: 'transactions that do not stand on one another are no package',
    async run(make) {
      const harness = await make();
      const [one, other] = [await family(harness, 'of one family'), await family(harness, 'of another family')];
      const strangers = {
        ...one,
        bytes: [...one.bytes.slice(0, 1), ...other.bytes.slice(0, 1)],
        ids: [...one.ids.slice(0, 1), ...other.ids.slice(0, 1)],
      };
      if (await isUnsupported(harness, strangers.bytes)) return;

      await refusal(harness, strangers);
      ensureEqual(await known(harness, strangers.ids), [false, false], 'neither waits');
    },
  },
  {
    name: 'what is no package of transactions is refused before anybody is asked',
    async run(make) {
      const { chain } = await make();
      const none = new Uint8Array(0);

      await ensureThrows(() => chain.broadcastPackage([]), 'CHAIN_INVALID_ARGUMENT');
      await ensureThrows(
        () => chain.broadcastPackage(Array.from({ length: 26 }, () => none)),
        'CHAIN_INVALID_ARGUMENT',
      );
      await ensureThrows(() => chain.broadcastPackage([Uint8Array.of(1, 2, 3)]), 'CHAIN_TX_MALFORMED');
    },
  },
  {
    name: 'a package whose signal is aborted answers CHAIN_ABORTED',
    async run(make) {
      const harness = await make();
      const { bytes } = await family(harness, 'an aborted package');
      if (await isUnsupported(harness, bytes)) return;
      const signal = AbortSignal.abort();

      await ensureThrows(() => harness.chain.broadcastPackage(bytes, { signal }), 'CHAIN_ABORTED');
    },
  },
];
