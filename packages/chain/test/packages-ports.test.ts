import { displayHash, hasCode, satoshis } from '@bitcoin-enterprise/core';
import { errorType } from '@bitcoin-enterprise/core/resilience';
import { createEmbeddedChain, type EmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { createEsploraServer, EsploraChain } from '@bitcoin-enterprise/chain/esplora';
import { ChainPool, type PoolSource } from '@bitcoin-enterprise/chain/pool';
import { serializeTransaction, transactionId, witnessTransactionId } from '@bitcoin-enterprise/script';
import { describe, expect, it } from 'vitest';
import { BitcoindChain } from '../src/bitcoind/index.ts';
import { ChainError } from '../src/errors.ts';
import { kitOutput, kitTransaction } from '../src/testing/kit-scripts.ts';
import { bitcoindHarness } from './support/bitcoind-harness.ts';
import { findCore, startCore } from './support/core-node.ts';
import { dice } from './support/dice.ts';
import { mutated } from './support/mutated.ts';

const AMOUNT = satoshis(100_000n);
type Funder = (scriptPubKey: Uint8Array, amount: typeof AMOUNT) => Promise<{ txid: Uint8Array; index: number }>;

/** A parent and its child; the parent pays what is asked for. */
async function family(fund: Funder, label: string, parentFee: bigint) {
  const [source, middle] = [kitOutput(label), kitOutput(`${label} child`)];
  const outpoint = await fund(source.scriptPubKey, AMOUNT);
  const value = AMOUNT - parentFee;
  const parent = kitTransaction(
    [{ outpoint, witness: source.witness }],
    [{ value, scriptPubKey: middle.scriptPubKey }],
    { version: 3 },
  );
  const child = kitTransaction(
    [{ outpoint: { txid: transactionId(parent), index: 0 }, witness: middle.witness }],
    [{ value: value - 5_000n, scriptPubKey: source.scriptPubKey }],
    { version: 3 },
  );
  const both = [parent, child];
  return {
    bytes: both.map((tx) => serializeTransaction(tx)),
    ids: both.map((tx) => transactionId(tx)),
    names: both.map((tx) => displayHash(transactionId(tx))),
    witnessNames: both.map((tx) => displayHash(witnessTransactionId(tx))),
  };
}
type Family = Awaited<ReturnType<typeof family>>;

const embedded = (): EmbeddedChain => createEmbeddedChain({ policy: mempoolProfile('core-31') });
const familyOn = (chain: EmbeddedChain, label = 'family', parentFee = 0n): Promise<Family> =>
  family(async (script, amount) => chain.fund(script, amount), label, parentFee);

/** What `submitpackage` says of a family that is taken. */
const success = ({ names, witnessNames }: Family): Readonly<Record<string, unknown>> => ({
  package_msg: 'success',
  'tx-results': Object.fromEntries(witnessNames.map((name, i) => [name, { txid: names[i], vsize: 100 }])),
});

/** A bitcoind that answers every call alike. */
function bitcoindOf(reply: Readonly<Record<string, unknown>>): BitcoindChain {
  const send = async (_url: unknown, init?: RequestInit): Promise<Response> => {
    const { id } = JSON.parse(String(init?.body)) as { readonly id: number };
    return new Response(JSON.stringify({ id, ...reply }));
  };
  return new BitcoindChain({ url: 'http://bitcoind.test', fetch: send as typeof fetch, attempts: 1 });
}

/** An Esplora server that answers every call alike. */
function esploraOf(status: number, body: unknown): EsploraChain {
  const send = async (): Promise<Response> =>
    new Response(typeof body === 'string' ? body : JSON.stringify(body), { status });
  return new EsploraChain({ url: 'http://esplora.test', network: 'regtest', fetch: send, attempts: 1 });
}

describe('a bitcoind', () => {
  it('that takes a package is believed, also where it knows a member in another form, or in a block', async () => {
    const made = await familyOn(embedded());
    const [first = '', second = ''] = made.witnessNames;
    const [parent, child] = made.names;
    const answers = [
      success(made),
      {
        package_msg: 'success',
        'tx-results': { [first]: { txid: parent, 'other-wtxid': second }, [second]: { txid: child } },
      },
      {
        package_msg: 'transaction failed',
        'tx-results': { [first]: { txid: parent, error: 'txn-already-known' }, [second]: { txid: child } },
      },
    ];

    for (const result of answers) expect(await bitcoindOf({ result }).broadcastPackage(made.bytes)).toEqual(made.ids);
  });

  it('that refuses one has its reasons told, each in its parts', async () => {
    const made = await familyOn(embedded());
    const [first = '', second = ''] = made.witnessNames;
    const [parent, child = ''] = made.names;
    const script = `mempool-script-verify-flag-failed (Witness program hash mismatch), input 0 of ${child} (wtxid ${second}), spending ${parent}:0`;
    const result = {
      package_msg: 'transaction failed',
      'tx-results': { [first]: { txid: parent, vsize: 9 }, [second]: { txid: child, error: script } },
    };

    await expect(bitcoindOf({ result }).broadcastPackage(made.bytes)).rejects.toMatchObject({
      code: 'CHAIN_PACKAGE_REJECTED',
      details: {
        reason: 'transaction failed',
        transactions: [
          { txid: parent },
          { txid: child, rejection: { txid: child, scriptError: 'WITNESS_PROGRAM_MISMATCH', inputIndex: 0 } },
        ],
      },
    });
  });

  it.each([
    [-32_601, 'Method not found', { code: 'CHAIN_CALL_UNSUPPORTED' }],
    [-22, 'TX decode failed: 00 Make sure the tx has at least one input.', { code: 'CHAIN_TX_MALFORMED' }],
    [-8, 'Array must contain between 1 and 25 transactions.', { code: 'CHAIN_NODE_REFUSED' }],
    [
      -25,
      'package topology disallowed. not child-with-parents or parents depend on each other.',
      {
        code: 'CHAIN_PACKAGE_REJECTED',
        details: {
          reason: 'package topology disallowed. not child-with-parents or parents depend on each other.',
          transactions: [
            { rejection: { reason: 'package-not-validated' } },
            { rejection: { reason: 'package-not-validated' } },
          ],
        },
      },
    ],
  ])('that refuses with %i is told apart', async (code, message, expected) => {
    const { bytes } = await familyOn(embedded());

    await expect(bitcoindOf({ error: { code, message } }).broadcastPackage(bytes)).rejects.toMatchObject(expected);
  });

  it('that speaks of other transactions, or not of all, or contradicts itself is not believed', async () => {
    const chain = embedded();
    const made = await familyOn(chain);
    const other = await familyOn(chain, 'another');
    const results = success(made)['tx-results'] as Readonly<Record<string, object>>;
    const [first = '', second = ''] = made.witnessNames;
    const wrong = [
      success(other),
      { ...success(made), 'tx-results': { [first]: results[first] } },
      { ...success(made), 'tx-results': { ...results, [second]: results[first] } },
      { ...success(made), package_msg: 'transaction failed' },
      { ...success(made), 'tx-results': { ...results, [second]: { ...results[second], error: 7 } } },
      { 'tx-results': results },
      [],
      null,
    ];

    for (const result of wrong)
      await expect(bitcoindOf({ result }).broadcastPackage(made.bytes)).rejects.toMatchObject({
        code: 'CHAIN_NODE_ANSWER_INVALID',
      });
  });
});

it('answers that are changed give ids, a refusal or the fault of the node, and nothing without a code', async () => {
  const seed = Number(process.env['BE_SEED'] ?? 35);
  const roll = dice(seed);
  const made = await familyOn(embedded());
  const kinds = new Set<string>();
  for (let round = 0; round < (process.env['BE_LONG'] === '1' ? 20_000 : 400); round++) {
    const result = mutated(success(made), roll);
    for (const chain of [bitcoindOf({ result }), esploraOf(200, result)]) {
      const outcome = await chain.broadcastPackage(made.bytes).then(
        (ids) => ids.map(displayHash).join(),
        (error: unknown) => errorType(error),
      );
      expect([made.names.join(), 'CHAIN_PACKAGE_REJECTED', 'CHAIN_NODE_ANSWER_INVALID'], `seed ${seed}`).toContain(
        outcome,
      );
      kinds.add(outcome);
    }
  }
  expect(kinds.size).toBeGreaterThan(1);
});

describe('an Esplora server', () => {
  it('without the path is one without the call, as ours is over a chain without it', async () => {
    const chain = embedded();
    const { bytes } = await familyOn(chain);
    const { broadcastPackage: _, ...rest } = chain.ports;
    const server = createEsploraServer(rest);
    const send = async (url: string | URL | Request, init?: RequestInit): Promise<Response> =>
      server.handle(new Request(url, init));
    const ours = new EsploraChain({ url: 'http://esplora.test', network: 'regtest', fetch: send });

    for (const client of [esploraOf(404, 'endpoint does not exist'), ours])
      await expect(client.broadcastPackage(bytes)).rejects.toMatchObject({ code: 'CHAIN_CALL_UNSUPPORTED' });
    await server.close();
  });

  it('that repeats the words of its node has them read', async () => {
    const { bytes } = await familyOn(embedded());
    const refusing = esploraOf(400, 'submitpackage RPC error: {"code":-25,"message":"package topology disallowed"}');

    await expect(refusing.broadcastPackage(bytes)).rejects.toMatchObject({
      code: 'CHAIN_PACKAGE_REJECTED',
      details: { reason: 'package topology disallowed' },
    });
    await expect(esploraOf(400, 'no').broadcastPackage(bytes)).rejects.toMatchObject({ code: 'CHAIN_NODE_REFUSED' });
  });

  it('of ours answers what is no package with 400', async () => {
    const server = createEsploraServer(embedded().ports);
    const bodies = ['', '{}', '[]', '["zz"]', '[7]', 'null', JSON.stringify(Array.from({ length: 26 }, () => '00'))];
    for (const body of bodies) {
      const response = await server.handle(new Request('http://x/txs/package', { method: 'POST', body }));
      expect([body, response.status]).toEqual([body, 400]);
    }
    await server.close();
  });
});

describe('a pool', () => {
  const poolOf = (sources: readonly PoolSource[]): ChainPool =>
    new ChainPool({ network: 'regtest', quorum: 1, sources, hedgeDelayMs: 20 });
  const throwing = (error: Error) => async (): Promise<never> => {
    throw error;
  };
  const down = throwing(new ChainError('CHAIN_NODE_UNREACHABLE', 'down', { details: { method: 'x', reason: 'down' } }));
  const lacking = throwing(
    new ChainError('CHAIN_CALL_UNSUPPORTED', 'lacks it', { details: { call: 'broadcastPackage', source: 'x' } }),
  );

  it('sends to all that take packages, and one that takes this one is enough', async () => {
    const chain = embedded();
    const { ports } = chain;
    const { bytes, ids } = await familyOn(chain);
    const { broadcastPackage: _, ...without } = ports;
    const pool = poolOf([
      { name: 'down', chain: { ...ports, broadcastPackage: down } },
      { name: 'lacking', chain: { ...ports, broadcastPackage: lacking } },
      { name: 'without', chain: without },
      { name: 'liar', chain: { ...ports, broadcastPackage: async () => 'yes' as never } },
      { name: 'good', chain: ports },
    ]);

    expect(await pool.broadcastPackage(bytes)).toEqual(ids);
    expect(chain.mempool()).toHaveLength(2);
    expect(await pool.broadcastPackage(bytes)).toEqual(ids);
  });

  it('tells what the network says before what sources say of themselves', async () => {
    const chain = embedded();
    const { ports } = chain;
    const made = await familyOn(chain);
    const other = await familyOn(chain, 'another');
    const strangers = [made.bytes[0], other.bytes[0]] as Uint8Array[];
    const failing = { name: 'down', chain: { ...ports, broadcastPackage: down } };
    const none = { name: 'lacking', chain: { ...ports, broadcastPackage: lacking } };
    const codeOf = async (sources: readonly PoolSource[], bytes: readonly Uint8Array[]): Promise<unknown> =>
      poolOf(sources)
        .broadcastPackage(bytes)
        .catch((error: unknown) => errorType(error));

    expect(await codeOf([failing, { name: 'good', chain: ports }], strangers)).toBe('CHAIN_PACKAGE_REJECTED');
    expect(await codeOf([failing, none], made.bytes)).toBe('CHAIN_QUORUM_MISSING');
    expect(await codeOf([none], made.bytes)).toBe('CHAIN_CALL_UNSUPPORTED');
    const { broadcastPackage: _, ...without } = ports;
    expect(await codeOf([{ name: 'without', chain: without }], made.bytes)).toBe('CHAIN_CALL_UNSUPPORTED');
  });
});

it('wrong arguments are answered with a code, whoever is asked', async () => {
  const chain = embedded();
  const made = await familyOn(chain);
  const asked = [
    chain.ports,
    bitcoindOf({ result: success(made) }),
    esploraOf(200, success(made)),
    new ChainPool({ network: 'regtest', sources: [{ name: 'a', chain: chain.ports }] }),
  ];
  const junk = [undefined, null, 7, 'x', {}, [], [null], [7], ['00'], [made.bytes], new Uint8Array(3), () => 1];
  for (const [i, one] of asked.entries()) {
    const calls = [
      ...junk.map((value) => one.broadcastPackage(value as never)),
      ...[null, 7, 'x', { signal: 7 }, { signal: {} }].map((value) => one.broadcastPackage(made.bytes, value as never)),
    ];
    for (const [place, call] of calls.entries()) {
      const code = await call.then(() => 'none', errorType);
      expect([i, place, code]).toEqual([i, place, expect.stringMatching(/^(CHAIN|CORE)_/)]);
    }
  }
});

it('the embedded chain names each that was refused as its lever does', async () => {
  const chain = embedded();
  const made = await familyOn(chain);
  const greedy = await familyOn(chain, 'another', 5_000n);
  const bytes = [greedy.bytes[0] as Uint8Array, made.bytes[1] as Uint8Array];
  const lever = chain.submitPackage(bytes);
  const error = await chain.ports.broadcastPackage(bytes).catch((thrown: unknown) => thrown);

  expect(lever.accepted).toBe(false);
  expect(hasCode(error, 'CHAIN_PACKAGE_REJECTED') && error.details.reason).toBe(lever.reason);
});

const core = findCore('core-31');

describe.skipIf(core === undefined)('Bitcoin Core 31', () => {
  it('that was started again since a parent got its block accepts the package all the same', async () => {
    const first = await startCore(core ?? '');
    const harness = await bitcoindHarness(first);
    const made = await family(async (script, amount) => harness.fund(script, amount), 'started again', 5_000n);
    await harness.chain.broadcast(made.bytes[0] as Uint8Array);
    // Deeper than what a start checks and so has in its cache.
    await harness.mine(20);
    await first.rpc('stop');
    await expect.poll(() => isRunning(first.pid), { timeout: 20_000 }).toBe(false);
    const second = await startCore(core ?? '', [], first.datadir);
    try {
      const chain = new BitcoindChain({ url: second.rpcUrl, auth: { cookie: second.cookie } });
      expect(await chain.broadcastPackage(made.bytes)).toEqual(made.ids);
    } finally {
      await second.stop();
      await harness.close();
    }
  });
});

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
