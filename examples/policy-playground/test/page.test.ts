import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type OpenPage, openPage } from '../../../scripts/nodes/browser.ts';
import { findChromium } from '../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { type ServedPage, servePage } from '../../../scripts/nodes/page-server.ts';

const chromium = orSkip('chromium', await findChromium());

describe.skipIf(chromium === undefined)('the playground in headless Chromium', () => {
  let served: ServedPage;
  let page: OpenPage;

  beforeAll(async () => {
    served = await servePage(resolve(import.meta.dirname, '..'));
    page = await openPage((chromium as NonNullable<typeof chromium>).command);
  });
  afterAll(async () => {
    await page?.close();
    await served?.close();
  });
  beforeEach(async () => {
    served.setContentSecurityPolicy('');
    await page.setViewport({ width: 1360, height: 900 });
  });

  async function open(fragment: string): Promise<void> {
    await page.goto(`${served.url}${fragment}`);
    await settle();
  }

  /** Waits until all that was asked of the compiler is shown. */
  async function settle(): Promise<void> {
    await page.until(`document.querySelector('main').ariaBusy === 'false'`);
  }

  /** Opens a policy by the link of its state. */
  async function openPolicy(policy: string, more = ''): Promise<void> {
    await open(`#policy=${encodeURIComponent(policy)}${more}`);
  }

  const textOf = (selector: string): Promise<unknown> =>
    page.evaluate(`document.querySelector(${JSON.stringify(selector)})?.innerText`);

  async function spend(): Promise<void> {
    await page.click('#spend');
    await page.until(`document.querySelector('#actual') !== null`);
  }

  it('a policy that is typed becomes a tree, costs, English, a descriptor and an address', async () => {
    await open('');
    await page.fill('#policy', 'or(9@pk(alice),and(pk(bob),older(144)))');
    await page.until(`document.querySelector('#template').textContent.startsWith('tr(alice')`);

    expect(await textOf('#template')).toBe('tr(alice,and_v(v:pk(bob),older(144)))');
    expect(await textOf('#descriptor')).toMatch(
      /^tr\(0[23][\da-f]{64},and_v\(v:pk\(0[23][\da-f]{64}\),older\(144\)\)\)#\w{8}$/,
    );
    expect(await textOf('#address')).toMatch(/^bcrt1p[a-z\d]{58}$/);
    expect(await textOf('#expected')).toContain('73.3 WU');
    expect(await textOf('#gap')).toContain('None');
    expect(await textOf('#english')).toContain('a signature of bob');
    expect(
      await page.evaluate(
        `[...document.querySelectorAll('#costs tbody tr')].map((row) => [...row.cells].map((cell) => cell.textContent))`,
      ),
    ).toEqual([
      ['Key pathalice', '', '66', '16.5', '90%'],
      ['Leaf 1and_v(v:pk(bob),older(144))', '0', '139', '34.8', '10%'],
    ]);
    expect(
      await page.evaluate(`document.querySelector('#tree').shadowRoot.querySelector('svg').textContent`),
    ).toContain('key path alice');
    expect(await page.evaluate('location.hash')).toContain('policy=or(9@pk(alice)');
  });

  it('a spend is mined on the chain of the page at the weight that was predicted', async () => {
    await openPolicy('or(9@thresh(2,pk(a),pk(b),pk(c)),and(pk(d),older(20)))', '&musig=everywhere');
    await spend();

    expect(await textOf('#outcome .title')).toBe('Accepted, and mined in block 103');
    expect(await textOf('#actual')).toBe('230 WU');
    expect(await textOf('#predicted')).toBe('230 WU');
    expect(await textOf('.equal')).toBe('equal to the prediction');
  });

  it('an ECDSA spend is mined within the weights that were predicted', async () => {
    await openPolicy('thresh(2,pk(a),pk(b),pk(c))', '&context=wsh');
    await spend();

    expect(await textOf('#outcome .title')).toContain('Accepted');
    expect(await textOf('.equal')).toBe('within the prediction');
  });

  it('a spend that is blocked tells from which height on it is not, and is mined after the wait', async () => {
    await openPolicy('or(9@pk(alice),and(pk(bob),older(144)))');
    await page.click('#tick-alice');

    expect(await textOf('#plan')).toContain('spendable from height 245 (in 143 blocks) on');
    expect(await textOf('#plan')).toContain('a signature of alice');
    expect(await page.evaluate(`document.querySelector('#spend').disabled`)).toBe(true);

    await page.click('#wait');

    expect(await page.evaluate(`document.querySelector('#height').value`)).toBe('245');
    await spend();
    expect(await textOf('#outcome .title')).toBe('Accepted, and mined in block 246');
    expect(await textOf('#actual')).toBe(await textOf('#predicted'));
  });

  it('a key and a secret that are missing are named', async () => {
    await open('');
    await page.evaluate(
      `(() => { const field = document.querySelector('#example'); field.value = 'HTLC'; field.dispatchEvent(new Event('change')); })()`,
    );
    await page.click('input[name=context][value=wsh]');
    await settle();
    await page.click('#none-sign');

    expect(await textOf('#plan')).toMatch(/Cannot be spent with what is ticked\s+It takes a signature of payee/);

    await page.click('#tick-payee');
    await page.click('#secrets input[type=checkbox]');

    expect(await textOf('#plan')).toMatch(/It takes the secret of sha256 [\da-f]{12}/);

    await page.click('#secrets input[type=checkbox]');
    await spend();

    expect(await textOf('#outcome .title')).toContain('Accepted');
  });

  it('a fault is marked at its character, and the cursor can be sent there', async () => {
    await openPolicy('or(\n  9@pk(alice),\n  and(pk(bob), odler(144))\n)');

    expect(await textOf('#backdrop mark')).toBe('odler');
    expect(await textOf('#fault')).toContain('Go to line 3, character 16');
    expect(await page.evaluate(`document.querySelector('#policy').getAttribute('aria-invalid')`)).toBe('true');

    await page.click('#go');

    expect(
      await page.evaluate(`(() => {
        const { value, selectionStart, selectionEnd } = document.querySelector('#policy');
        return value.slice(selectionStart, selectionEnd);
      })()`),
    ).toBe('odler');
    // The mark lies under what it marks.
    expect(
      await page.evaluate(`(() => {
        const { width, height } = document.querySelector('#policy').getBoundingClientRect();
        const under = document.querySelector('#backdrop').getBoundingClientRect();
        return [Math.abs(width - under.width) < 1, Math.abs(height - under.height) < 1];
      })()`),
    ).toEqual([true, true]);
  });

  it('stays alive while a policy takes long, and goes on with the next', async () => {
    const costly =
      'thresh(2,pk(k0),and(pk(k1),pk(k2)),or(16@pk(k3),11@or(18@pk(k4),9@pk(k5))),thresh(2,thresh(2,after(116),' +
      'pk(k6),pk(k7),pk(k8),pk(k9)),thresh(2,pk(k10),pk(k11),pk(k12),after(140)),or(9@pk(k13),11@pk(k14)),pk(k15)))';
    await openPolicy('pk(alice)');
    await page.fill('#policy', costly);
    await page.until(`location.hash.includes('k15')`);
    await page.fill('#policy', 'pk(bob)');
    await page.until(`document.querySelector('#template').textContent === 'tr(bob)'`);

    expect(await page.evaluate(`document.querySelector('#policy').value`)).toBe('pk(bob)');
  });

  it('works by keyboard alone', async () => {
    await openPolicy('pk(alice)');
    for (let presses = 0; presses < 40; presses++) {
      if ((await page.evaluate('document.activeElement.id')) === 'spend') break;
      await page.press('Tab');
    }

    expect(await page.evaluate('document.activeElement.id')).toBe('spend');
    await page.press('Enter');
    await page.until(`document.querySelector('#actual') !== null`);
    expect(await page.evaluate('document.activeElement.id')).toBe('spend');
  });

  it('fits a phone', async () => {
    await page.setViewport({ width: 360, height: 740 });
    await openPolicy(`thresh(11,${Array.from({ length: 21 }, (_, place) => `pk(member${place})`).join(',')})`);
    await spend();

    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
  });

  it('works on the JavaScript engine where the page may not compile WebAssembly', async () => {
    served.setContentSecurityPolicy("script-src 'self'");
    await openPolicy('or(pk(a),and(pk(b),pk(c)))', '&absent=a');
    await spend();

    expect(await textOf('#engine')).toBe('js');
    expect(await textOf('#actual')).toBe(await textOf('#predicted'));
  });

  it('caught all its errors', () => {
    expect(page.errors).toEqual([]);
  });
});
