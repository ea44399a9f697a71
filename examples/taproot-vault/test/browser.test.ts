import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browsePage, findChromium } from '../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';
import { type ServedPage, servePage } from '../../../scripts/nodes/page-server.ts';

const chromium = orSkip('chromium', await findChromium());

interface PageResult {
  readonly engine: string;
  readonly notice: string | null;
  readonly height: number;
  readonly verdicts: readonly string[];
}

describe.skipIf(chromium === undefined)('the vault in headless Chromium', () => {
  let served: ServedPage;

  beforeAll(async () => {
    served = await servePage(resolve(import.meta.dirname, '..'));
  });
  afterAll(async () => {
    await served.close();
  });

  async function open(contentSecurityPolicy: string): Promise<PageResult> {
    served.setContentSecurityPolicy(contentSecurityPolicy);
    const { command } = chromium as NonNullable<typeof chromium>;
    // The page's time is virtual, and can run out while the module is still compiled on another thread: then more of it.
    for (const budgetMs of [20_000, 100_000, 500_000]) {
      const html = await browsePage(command, served.url, { budgetMs });
      const json = /<script type="application\/json" id="result">(.*?)<\/script>/s.exec(html)?.[1];
      if (json !== undefined && json !== '') return JSON.parse(json) as PageResult;
    }
    throw new Error('the page shows no result');
  }

  const verdicts = ['non-BIP68-final', 'UNSATISFIED_LOCKTIME', 'EVAL_FALSE', 'accepted', 'accepted'];

  it('runs on the WebAssembly engine and comes to the verdicts that Node comes to', async () => {
    const result = await open("script-src 'self' 'wasm-unsafe-eval'");

    expect(result).toEqual({ engine: 'wasm', notice: null, height: 111, verdicts });
  });

  it('runs on the JavaScript engine where the page may not compile WebAssembly, and says so', async () => {
    const result = await open("script-src 'self'");

    expect(result).toMatchObject({ engine: 'js', height: 111, verdicts });
    expect(result.notice).toMatch(/wasm/i);
  });
});
