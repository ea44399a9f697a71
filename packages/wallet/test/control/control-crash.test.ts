import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import * as fs from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as sqlite from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import {
  createFileLogStorage,
  createLog,
  createReceipts,
  ed25519Signer,
  noteSigner,
} from '@bitcoin-enterprise/receipts';
import { beforeAll, describe, expect, it } from 'vitest';
import { dice } from '../../../descriptors/test/support/dice.ts';
import { createControl } from '../../src/control/index.ts';
import { codeOf, payment, policyJson, scene } from './support/scene.ts';

const KILLS = Number(process.env['BE_RUNS'] ?? (process.env['BE_LONG'] === '1' ? 300 : 12));
const SEED = Number(process.env['BE_SEED'] ?? 1);

beforeAll(async () => {
  await loadCrypto();
});

describe('a control that dies', () => {
  it(`lets no more through than its limit, and owes no receipt: ${KILLS} kills`, { timeout: 3_600_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'be-control-'));
    mkdirSync(join(folder, 'receipts'));
    const roll = dice(SEED);
    const signed: string[] = [];
    try {
      for (let run = 0; run < KILLS; run++) {
        // Two at once, so that a limit is fought over.
        const children = [0, 1].map((which): ChildProcess =>
          fork(join(import.meta.dirname, 'support/control-child.ts'), [folder, `${run}${which}`], {
            execArgv: ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'],
            stdio: 'ignore',
          }),
        );
        await Promise.all(
          children.map(async (child) => {
            child.on('message', (message: { readonly signed?: string }) => {
              if (message.signed !== undefined) signed.push(message.signed);
            });
            await once(child, 'message');
            await sleep(roll.below(250));
            child.kill('SIGKILL');
            await once(child, 'exit');
          }),
        );
      }
      const store = openSqliteStore({ path: join(folder, 'control.db') });
      const log = createLog({ storage: createFileLogStorage({ folder: join(folder, 'receipts'), fs, sqlite }) });
      const signer = ed25519Signer(new Uint8Array(32).fill(21));
      const receipts = createReceipts({
        log,
        origin: 'example.com/wallet',
        signers: [signer],
        logSigners: [noteSigner({ name: 'example.com/wallet', signer: ed25519Signer(new Uint8Array(32).fill(22)) })],
      });
      // What a dead process had claimed falls back to others when its time is over.
      await sleep(5_100);
      const control = await createControl({ store, wallet: 'treasury', policy: policyJson(), receipts });
      await control.request({ payment: payment('last', 1n), initiator: 'bot' });
      const released = (await control.payments()).filter((one) => one.released !== undefined);
      const total = released.reduce((sum, one) => sum + 1_000n + one.payment.fee, 0n);
      expect(total).toBeLessThanOrEqual(150_000n);
      expect(released.length).toBeGreaterThan(5);
      const known = new Set(released.map((one) => one.payment.id));
      for (const id of signed) expect(known).toContain(id);
      const events = await store.version('wallet/control/treasury');
      const missing = [];
      for (let version = 1; version <= events; version++)
        if ((await receipts.find(`wallet/control/treasury/${version}`)) === undefined) missing.push(version);
      expect(missing).toEqual([]);
      await store.close();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  it('signs nothing while receipts cannot be issued, and owes none afterwards', async () => {
    const { control, receipts } = await scene();
    const issue = receipts.issue.bind(receipts);
    await control.request({ payment: payment('01', 1_000n), initiator: 'ann' });
    receipts.issue = async () => {
      throw new Error('the log is down');
    };
    expect(await codeOf(control.release('01'))).toBe('Error: the log is down');
    receipts.issue = issue;
    await sleep(1);
    const { rule } = await control.release('01');
    expect(rule).toBe('small');
  });
});
