/** Certificates for tests, made as they are needed: P-256, valid from and until whenever one likes. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/** A certificate and its key in PEM, and what certifies others with it. */
export interface TestCertificate {
  readonly certificate: string;
  readonly key: string;
  /** SHA-256, hexadecimal. */
  readonly fingerprint: string;
  readonly commonName: string;
  readonly privateKey: KeyObject;
}

/** What a certificate says. */
export interface CertificateOptions {
  readonly commonName: string;
  /** Who certifies it; itself when absent: an authority. */
  readonly issuer?: TestCertificate;
  /** Days from now; -1 and 365 when absent. */
  readonly from?: number;
  readonly until?: number;
}

const DAY_MS = 86_400_000;

/** Makes a certificate for `localhost` and 127.0.0.1, or an authority. */
export function makeCertificate(options: CertificateOptions): TestCertificate {
  const { commonName, issuer, from = -1, until = 365 } = options;
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = issuer === undefined;
  const ecdsaWithSha256 = sequence(oid('2a8648ce3d040302'));
  const serial = randomBytes(8);
  serial[0] = (serial[0] as number) & 0x7f || 1;
  const body = sequence(
    tagged(0xa0, integer(Buffer.of(2))),
    integer(serial),
    ecdsaWithSha256,
    name(issuer?.commonName ?? commonName),
    sequence(time(from), time(until)),
    name(commonName),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(
      0xa3,
      sequence(
        // basicConstraints, critical: whether it may certify others.
        sequence(
          oid('551d13'),
          Buffer.of(1, 1, 0xff),
          octets(sequence(...(isAuthority ? [Buffer.of(1, 1, 0xff)] : []))),
        ),
        ...(isAuthority
          ? []
          : [
              sequence(
                oid('551d11'),
                octets(sequence(tagged(0x82, Buffer.from('localhost')), tagged(0x87, Buffer.of(127, 0, 0, 1)))),
              ),
            ]),
      ),
    ),
  );
  const signature = sign('sha256', body, issuer?.privateKey ?? privateKey);
  const der = sequence(body, ecdsaWithSha256, tagged(3, Buffer.concat([Buffer.of(0), signature])));
  const lines = (der.toString('base64').match(/.{1,64}/g) ?? []).join('\n');
  return {
    certificate: `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    fingerprint: createHash('sha256').update(der).digest('hex'),
    commonName,
    privateKey,
  };
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...head), content]);
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return tagged(0x30, ...parts);
}

function octets(content: Uint8Array): Buffer {
  return tagged(4, content);
}

function oid(hex: string): Buffer {
  return tagged(6, Buffer.from(hex, 'hex'));
}

function integer(bytes: Uint8Array): Buffer {
  return tagged(2, bytes);
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(oid('550403'), tagged(0x0c, Buffer.from(commonName)))));
}

function time(days: number): Buffer {
  const text = new Date(Date.now() + days * DAY_MS).toISOString().replaceAll(/[-:T]/g, '').slice(0, 14);
  return tagged(0x18, Buffer.from(`${text}Z`));
}
