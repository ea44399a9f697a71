import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { feeRate, loadCrypto, satoshis } from '@bitcoin-enterprise/core';
import { completeTransition, instantiate, planTransition } from '@bitcoin-enterprise/biscol';
import { htlc } from '@bitcoin-enterprise/biscol/contracts';
import { type DebugSession, debugSpend, sessionHtml } from '@bitcoin-enterprise/biscol/debugger';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OpenPage, openPage } from '../../../../scripts/nodes/browser.ts';
import { removeFolder, temporaryFolder } from '../../../../scripts/nodes/child.ts';
import { findChromium } from '../../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { htlcParams } from '../contracts/scenarios/htlc.ts';
import { secretOf } from '../support/people.ts';
import { signPlan } from '../support/sign-plan.ts';

const chromium = orSkip('chromium', await findChromium());

async function failedClaim(): Promise<DebugSession> {
  await loadCrypto();
  const instance = instantiate(htlc, { network: 'regtest', params: htlcParams(100) });
  const cell = { state: 'offered', data: {}, value: satoshis(100_000n), txid: new Uint8Array(32).fill(6), index: 0 };
  const plan = planTransition(instance, 'claim', {
    cells: [cell],
    feeRate: feeRate(2_000n),
    args: { secret: secretOf(41) },
  });
  const tx = completeTransition(plan, await signPlan(plan));
  const secret = Buffer.from(secretOf(41));
  const inputs = tx.inputs.map((input) => ({
    ...input,
    witness: input.witness.map((item) => (secret.equals(item) ? secretOf(42) : item)),
  }));
  return debugSpend({ tx: { ...tx, inputs }, inputIndex: 0, spentOutputs: plan.spentOutputs, instance, cell });
}

describe.skipIf(chromium === undefined)('the page of a session in headless Chromium', () => {
  let page: OpenPage;
  let folder: string;
  let session: DebugSession;

  beforeAll(async () => {
    session = await failedClaim();
    folder = temporaryFolder('debugger-page');
    const file = join(folder, 'page.html');
    writeFileSync(file, sessionHtml(session, { title: 'A claim with the wrong secret' }));
    page = await openPage((chromium as NonNullable<typeof chromium>).command);
    await page.setViewport({ width: 1_280, height: 800 });
    await page.goto(pathToFileURL(file).href);
  });
  afterAll(async () => {
    await page?.close();
    removeFolder(folder);
  });

  const textOf = async (selector: string): Promise<string> =>
    String(await page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText`));
  const place = async (): Promise<string> => textOf('#place');
  const shown = async (): Promise<unknown> =>
    page.evaluate(`[...document.querySelectorAll('#before li, #after li')].map((row) => row.innerText).join('|')`);

  it('begins where the spend fails, and names the root cause and its line', async () => {
    expect(session.diagnosis?.cause).toBe('wrong-preimage');
    expect(await textOf('#diagnosis strong')).toBe('wrong-preimage:');
    expect(await textOf('#diagnosis')).toContain('contracts/htlc.ts');
    expect(await place()).toBe(`step ${session.diagnosis?.step} of ${session.stepCount}`);
    expect(await textOf('#clauses li.on')).toContain('sha256(');
  });

  it('steps backwards to the begin and forwards again through the same states', async () => {
    await page.click('#first');
    const forwards: unknown[] = [];
    for (let at = 0; at < session.steps.length; at++) {
      expect(await place()).toBe(`step ${at} of ${session.stepCount}`);
      forwards.push(await shown());
      if (at < session.steps.length - 1) await page.click('#next');
    }
    const backwards: unknown[] = [];
    for (let at = session.steps.length - 1; at >= 0; at--) {
      backwards.unshift(await shown());
      if (at > 0) await page.press('ArrowLeft');
    }
    expect(backwards).toEqual(forwards);
    expect(new Set(forwards).size).toBeGreaterThan(5);
  });

  it('has no errors, and shows no line wider than a telephone', async () => {
    await page.setViewport({ width: 360, height: 800 });
    expect(await page.evaluate('document.documentElement.scrollWidth <= 360')).toBe(true);
    const file = process.env['BE_SCREENSHOT'];
    if (file !== undefined) {
      await page.screenshot(`${file}-narrow.png`);
      await page.setViewport({ width: 1_280, height: 900 });
      await page.click('#last');
      await page.screenshot(`${file}-wide.png`);
      await page.setViewport({ width: 1_280, height: 900, scheme: 'dark' });
      await page.screenshot(`${file}-dark.png`);
    }
    expect(page.errors).toEqual([]);
  });
});
