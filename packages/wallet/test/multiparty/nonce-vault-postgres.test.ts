import type { EventStore } from '@bitcoin-enterprise/events';
import { openPostgresStore } from '@bitcoin-enterprise/events/postgres';
import { createMemoryKeyStore } from '@bitcoin-enterprise/receipts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { findPostgres, type Postgres, startPostgres } from '../../../../scripts/nodes/postgres.ts';
import { createMusigNonce, type NonceVault, openNonceVault } from '../../src/multiparty/index.ts';
import { publicKeyOf, signer } from './support/release.ts';

const present = orSkip('PostgreSQL', await findPostgres());
const X = new Uint8Array(32).fill(1);
const Y = new Uint8Array(32).fill(2);
const sign = (secret: Uint8Array): Uint8Array => secret.slice(0, 32);
const nonce = (): ReturnType<typeof createMusigNonce> => createMusigNonce({ publicKey: publicKeyOf(signer) });

describe.skipIf(present === undefined)('a vault on PostgreSQL', () => {
  let server: Postgres;
  const open: EventStore[] = [];
  const store = async (schema: string): Promise<EventStore> => {
    const opened = await openPostgresStore({ url: server.url, schema, poolSize: 2 });
    open.push(opened);
    return opened;
  };

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    for (const one of open) await one.close();
    await server.stop();
  });

  it('lets one of two processes sign, each time', { timeout: 60_000 }, async () => {
    const keys = createMemoryKeyStore();
    const vault = async (): Promise<NonceVault> =>
      openNonceVault({ store: await store('main'), guards: [await store('guard')], keys, name: 'shared' });
    const [left, right] = [await vault(), await vault()];
    for (let round = 0; round < 15; round++) {
      const [token = ''] = await (round % 2 === 0 ? left : right).make([nonce()]);
      const answers = await Promise.allSettled([
        left.sign(token, { session: X, sign }),
        right.sign(token, { session: Y, sign }),
      ]);
      const refused = answers.find(({ status }) => status === 'rejected');

      expect(answers.filter(({ status }) => status === 'fulfilled').length).toBe(1);
      expect(refused).toMatchObject({ reason: { code: 'WALLET_NONCE_SPENT' } });
    }
  });

  it('burns what an earlier process has in memory', async () => {
    const old = await openNonceVault({ store: await store('memory'), name: 'v' });
    const [token = ''] = await old.make([nonce()]);
    const young = await openNonceVault({ store: await store('memory'), name: 'v' });

    for (const vault of [old, young])
      await expect(vault.sign(token, { session: X, sign })).rejects.toMatchObject({ code: 'WALLET_NONCE_SPENT' });
  });
});
