import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { createElectrumServer, ElectrumChain } from '@bitcoin-enterprise/chain/electrum';
import { embeddedHarness } from '@bitcoin-enterprise/chain/testing';
import { expect, it } from 'vitest';

/** A certificate for localhost that it signed itself; `undefined` without OpenSSL. */
function certificate(): { readonly key: string; readonly cert: string } | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'electrum-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  try {
    execFileSync(
      'openssl',
      [...args, '-keyout', key, '-out', cert, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'],
      { stdio: 'ignore' },
    );
    return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  } catch (error) {
    if (process.env['CI'] === 'true') throw new Error('openssl is absent and CI=true', { cause: error });
    return undefined;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const own = certificate();

it.skipIf(own === undefined)('over TLS, only a server with a trusted certificate is asked', async () => {
  const plain = await createElectrumServer(embeddedHarness().chain);
  const server = createServer({ key: own?.key ?? '', cert: own?.cert ?? '' }, (socket) => {
    const target = connect(plain.port, '127.0.0.1');
    socket.on('error', () => undefined);
    target.on('error', () => undefined);
    socket.pipe(target).pipe(socket);
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, 'localhost');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const trusting = new ElectrumChain({ host: 'localhost', port, tls: { ca: own?.cert ?? '' } });
  const strict = new ElectrumChain({ host: 'localhost', port, tls: {}, attempts: 1 });

  expect((await trusting.tip()).height).toBe(0);
  await expect(strict.tip()).rejects.toMatchObject({
    code: 'CHAIN_NODE_UNREACHABLE',
    details: { reason: 'DEPTH_ZERO_SELF_SIGNED_CERT' },
  });
  trusting.close();
  strict.close();
  server.close();
  await plain.close();
});
