/** Pages of the repository as a browser gets them: built by Vite from source, served on this machine alone. */
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize, sep } from 'node:path';
import { build } from 'vite';
import { removeFolder, temporaryFolder } from './child.ts';

/** How a page is served. */
export interface ServePageOptions {
  /** Port on 127.0.0.1; a free one when absent. */
  readonly port?: number;
  /** Answers a POST; there is none when absent. */
  readonly onPost?: (path: string, body: unknown) => unknown;
}

/** A page that is being served. */
export interface ServedPage {
  /** With a slash at the end. */
  readonly url: string;
  /** Content-Security-Policy of the answers from now on; empty for none. */
  setContentSecurityPolicy(policy: string): void;
  close(): Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

/**
 * Builds the page of a folder from source and serves its files.
 *
 * @param root - Folder of `index.html`.
 */
export async function servePage(root: string, options: ServePageOptions = {}): Promise<ServedPage> {
  const { port = 0, onPost } = options;
  const folder = temporaryFolder('page');
  try {
    await buildPage(root, folder);
  } catch (error) {
    removeFolder(folder);
    throw error;
  }
  let contentSecurityPolicy = '';
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    if (request.method === 'POST' && onPost !== undefined) {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const answer = onPost(path, JSON.parse(Buffer.concat(chunks).toString()));
        response.end(answer === undefined ? '' : JSON.stringify(answer));
      });
      return;
    }
    try {
      const file = normalize(join(folder, path === '/' ? 'index.html' : path));
      if (!file.startsWith(folder + sep)) throw new Error('outside of the page');
      const body = readFileSync(file);
      response.setHeader('content-type', types[extname(file)] ?? 'application/octet-stream');
      if (contentSecurityPolicy !== '') response.setHeader('content-security-policy', contentSecurityPolicy);
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await listen(server, port);
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    setContentSecurityPolicy: (policy) => {
      contentSecurityPolicy = policy;
    },
    close: async () => {
      server.closeAllConnections();
      await new Promise((done) => {
        server.close(done);
      });
      removeFolder(folder);
    },
  };
}

async function buildPage(root: string, outDir: string): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'error',
    root,
    build: { outDir, emptyOutDir: true, target: 'esnext', modulePreload: { polyfill: false } },
    worker: { format: 'es' },
    resolve: { conditions: ['@bitcoin-enterprise/source', 'browser', 'module', 'import'] },
  });
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((done, fail) => {
    server.on('error', fail);
    server.listen(port, '127.0.0.1', done);
  });
}
