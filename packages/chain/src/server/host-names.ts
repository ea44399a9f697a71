import { isIPv4 } from 'node:net';
import { invalidArgument } from '../errors.ts';

/** Whether a request may come under a `Host` header; `undefined` where it has none, which no browser leaves out. */
export type HostCheck = (header: string | undefined) => boolean;

/**
 * Makes the check against pages that had their name changed to this machine's address (DNS rebinding): a browser then
 * takes the server for the page's own, and says so by its `Host`.
 *
 * @param host - Address that the server listens at.
 * @param allowed - Names that it goes by; where there are none, one that other machines may reach answers to any.
 * @throws ChainError `CHAIN_INVALID_ARGUMENT` for a name that is none.
 */
export function hostCheck(host: string, allowed: readonly string[] | undefined): HostCheck {
  const names = new Set([plainName(host), ...checkedNames(allowed ?? [])]);
  if (allowed === undefined && !isLoopback(plainName(host))) return () => true;
  return (header) => {
    if (header === undefined) return true;
    const match = /^(\[[\da-f:.]+\]|[\w.-]+)(?::\d+)?$/i.exec(header);
    const name = plainName(match?.[1] ?? '');
    return name !== '' && (isLoopback(name) || names.has(name));
  };
}

/** Whether an address or name always means this machine. */
export function isLoopback(name: string): boolean {
  return name === 'localhost' || name === '::1' || (isIPv4(name) && name.startsWith('127.'));
}

function checkedNames(names: readonly string[]): readonly string[] {
  const all: unknown = names;
  const expected = 'a list of names of hosts, or addresses, without a port';
  if (!Array.isArray(all)) throw invalidArgument('allowedHosts', expected, all);
  return all.map((name: unknown) => {
    if (typeof name !== 'string' || !/^(?:\[?[\da-f:.]+\]?|[\w.-]+)$/i.test(name))
      throw invalidArgument('allowedHosts', expected, name);
    return plainName(name);
  });
}

/** Names are the same in any case, with the dot of the root or without, addresses in brackets or without. */
function plainName(name: string): string {
  return name
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}
