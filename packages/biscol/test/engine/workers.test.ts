import { createEmbeddedChain, mempoolProfile } from '@bitcoin-enterprise/chain';
import { feeRate, loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import { createEngine, fundingOutputs, instantiate, outpointOf } from '@bitcoin-enterprise/biscol';
import { escrow } from '@bitcoin-enterprise/biscol/contracts';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { memoryDigestSigner } from '@bitcoin-enterprise/wallet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../../scripts/nodes/postgres.ts';
import { personOf, ringOf } from '../support/people.ts';

const found = orSkip('postgres', await findPostgres());
const WORKERS = 3;
const INSTANCES = 24;

describe.skipIf(found === undefined)('several workers on one PostgreSQL', () => {
  let server: Postgres;
  beforeAll(async () => {
    await loadCrypto();
    server = await startPostgres();
  });
  afterAll(async () => {
    await server.stop();
  });

  it('do nothing twice, although all of them execute everything', async () => {
    const chain = createEmbeddedChain({ policy: mempoolProfile('core-31') });
    const sent: string[] = [];
    const ports = {
      ...chain.ports,
      broadcast: async (bytes: Uint8Array) => {
        const txid = await chain.ports.broadcast(bytes);
        sent.push(Buffer.from(txid).toString('hex'));
        return txid;
      },
    };
    const engines = await Promise.all(
      Array.from({ length: WORKERS }, async () =>
        createEngine({
          store: await openPostgresStore({ url: server.url, schema: 'workers' }),
          chain: Object.assign(Object.create(chain.ports) as typeof chain.ports, ports),
          network: 'regtest',
          contracts: [escrow],
          keys: memoryDigestSigner(ringOf(2, 3)),
          confirmations: 2,
          pollMs: 20,
        }),
      ),
    );
    const [first] = engines;
    const ids = await Promise.all(
      Array.from({ length: INSTANCES }, async (_, place) => {
        const nonce = String(place);
        const params = { buyer: personOf(1), seller: personOf(2), arbiter: personOf(3), price: 100_000n, patience: 6 };
        const made = instantiate(escrow, { network: 'regtest', params, nonce });
        const id = (await first?.open(made, { nonce })) as string;
        const [funding] = fundingOutputs(made);
        const output = chain.fund(funding?.output.scriptPubKey as Uint8Array, satoshis(100_000n));
        await first?.fund(id, [outpointOf(output)]);
        return id;
      }),
    );
    const stop = new AbortController();
    const working = engines.map(async (engine) => engine.work({ signal: stop.signal }));

    // Everybody executes everything at once.
    const all = await Promise.all(
      engines.flatMap((engine) =>
        ids.map(async (id) => engine.execute(id, 'awardSeller', {}, { key: 'award', feeRate: feeRate(2_000n) })),
      ),
    );
    for (const id of ids) await first?.waitFor(id, ({ executions }) => executions['award']?.status === 'sent');
    chain.mine(2);
    for (const id of ids) await first?.waitFor(id, ({ isOver }) => isOver);
    stop.abort();
    await Promise.all(working);

    expect(new Set(all.map(({ txid }) => txid)).size).toBe(INSTANCES);
    expect(sent).toHaveLength(INSTANCES);
    expect(new Set(sent).size).toBe(INSTANCES);
  });
});
