import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** Who may call: a user with a password, or with the salted hash of one (`rpcauth`). */
export interface Credential {
  readonly user: string;
  readonly check: (password: string) => boolean;
}

/** A user with a password in the clear. */
export function passwordCredential(user: string, password: string): Credential {
  return { user, check: (given) => sameText(given, password) };
}

/** A line of `-rpcauth`: `user:salt$hash`, the hash being HMAC-SHA256 of the password under the salt; `undefined` for another text. */
export function rpcAuthCredential(line: string): Credential | undefined {
  const match = /^([^:]+):([^:$]+)\$([0-9a-fA-F]+)$/.exec(line);
  if (match === null) return undefined;
  const [, user = '', salt = '', hash = ''] = match;
  return {
    user,
    check: (given) => sameText(createHmac('sha256', salt).update(given, 'utf8').digest('hex'), hash.toLowerCase()),
  };
}

/** The password of a cookie file. */
export function newCookiePassword(): string {
  return randomBytes(32).toString('hex');
}

/** Whether an `Authorization` header names somebody who may call. */
export function isAuthorized(header: string | undefined, credentials: readonly Credential[]): boolean {
  if (header === undefined || !header.startsWith('Basic ')) return false;
  const text = Buffer.from(header.slice(6).trim(), 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) return false;
  const [user, password] = [text.slice(0, colon), text.slice(colon + 1)];
  return credentials.some((credential) => sameText(user, credential.user) && credential.check(password));
}

function sameText(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
