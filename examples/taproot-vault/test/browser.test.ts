import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join, resolve } from 'node:path';
import { build } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browsePage, findChromium } from '../../../scripts/nodes/chromium.ts';
import { orSkip } from '../../../scripts/nodes/find.ts';

const chromium = orSkip('chromium', await findChromium());
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };

interface PageResult {
  readonly engine: string;
  readonly notice: string | null;
  readonly height: number;
  readonly verdicts: readonly string[];
}

describe.skipIf(chromium === undefined)('the vault in headless Chromium', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vault-page-'));
  let server: Server;
  let policy = '';

  beforeAll(async () => {
    await build({
      configFile: false,
      logLevel: 'error',
      root: resolve(import.meta.dirname, '..'),
      build: { outDir: folder, emptyOutDir: true, target: 'esnext', modulePreload: { polyfill: false } },
      resolve: { conditions: ['@bitcoin-enterprise/source', 'browser', 'module', 'import'] },
    });
    server = createServer((request, response) => {
      const name = request.url === '/' ? 'index.html' : join('.', request.url ?? '');
      try {
        const body = readFileSync(join(folder, name));
        response.setHeader('content-type', types[extname(name)] ?? 'application/octet-stream');
        response.setHeader('content-security-policy', policy);
        response.end(body);
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((done) => {
      server.listen(0, '127.0.0.1', done);
    });
  });
  afterAll(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  async function open(contentSecurityPolicy: string): Promise<PageResult> {
    policy = contentSecurityPolicy;
    const { port } = server.address() as AddressInfo;
    const { command } = chromium as NonNullable<typeof chromium>;
    // The page's time is virtual, and can run out while the module is still compiled on another thread: then more of it.
    for (const budgetMs of [20_000, 100_000, 500_000]) {
      const html = await browsePage(command, `http://127.0.0.1:${port}/`, { budgetMs });
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
