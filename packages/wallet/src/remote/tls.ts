import { createSecureContext } from 'node:tls';
import { requireObject } from '../checks.ts';
import { invalidArgument } from '../errors.ts';
import { SecretBytes } from '../keys/secret-bytes.ts';

/** Who one is, and whom one believes; all in PEM. */
export interface MutualTls {
  /** Certificate of this side, and those between it and its authority. */
  readonly certificate: string;
  /** Its secret key, not encrypted; the bytes of the PEM text when it is secret bytes. */
  readonly key: string | SecretBytes;
  /** The authorities that certify the other side: one of your own, that certifies nobody else. */
  readonly authorities: string;
}

/** Settings for Node: TLS 1.3, and nobody without a certificate. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string | Buffer;
  readonly ca: string;
  readonly minVersion: 'TLSv1.3';
  readonly rejectUnauthorized: true;
}

/** Throws `WALLET_INVALID_ARGUMENT` unless a value is what TLS needs; what OpenSSL says of a key stays out. */
export function requireTls(argument: string, value: unknown): TlsSettings {
  const { certificate, key, authorities } = requireObject<MutualTls>(argument, value);
  for (const [name, text] of Object.entries({ certificate, authorities }))
    if (typeof text !== 'string' || !text.includes('-----BEGIN CERTIFICATE-----'))
      throw invalidArgument(`${argument}.${name}`, 'certificates in PEM', text);
  if (typeof key !== 'string' && !(key instanceof SecretBytes))
    throw invalidArgument(`${argument}.key`, 'a secret key in PEM', key);
  const settings: TlsSettings = {
    cert: certificate as string,
    key: typeof key === 'string' ? key : key.use((bytes) => Buffer.from(bytes)),
    ca: authorities as string,
    minVersion: 'TLSv1.3',
    rejectUnauthorized: true,
  };
  try {
    createSecureContext(settings);
  } catch {
    throw invalidArgument(argument, 'certificates and the secret key of the first', value);
  }
  return settings;
}
