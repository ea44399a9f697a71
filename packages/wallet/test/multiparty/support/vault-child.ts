/** A signer that dies: opens its vault, makes nonces and lets them be lured into sessions, until a write kills it. */
import { appendFileSync, existsSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { hasCode, parseHex, toHex } from '@bitcoin-enterprise/core';
import type { Append, EventStore } from '@bitcoin-enterprise/events';
import { createMusigNonce, type NonceVault, openNonceVault } from '../../../src/multiparty/index.ts';
import { signWith } from '../../../src/multiparty/musig/signatures.ts';
import { sessionDigest } from '../../../src/multiparty/musig/vault-signing.ts';
import { publicKeyOf, sessionWith, signer } from './release.ts';
import { openPlaces } from './stores.ts';

const [folder = '', mode = '', dieAtText = '0', seedText = '0'] = process.argv.slice(2);
const dieAt = Number(dieAtText);
let random = Number(seedText);
const below = (bound: number): number => {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  return (random >>> 8) % bound;
};

let step = 0;
/** Two steps for each write: one before it, one after it. */
function mayDie(): void {
  step += 1;
  if (step === dieAt) process.kill(process.pid, 'SIGKILL');
}

/** The same object, with a chance to die around each of its writes. */
function deadly<Target extends object>(target: Target, writes: readonly string[]): Target {
  return new Proxy(target, {
    get(of, name) {
      const method: unknown = Reflect.get(of, name);
      if (typeof method !== 'function') return method;
      if (!writes.includes(String(name))) return method.bind(of) as unknown;
      return async (...args: readonly unknown[]): Promise<unknown> => {
        mayDie();
        const result: unknown = await (method.apply(of, args) as Promise<unknown>);
        mayDie();
        return result;
      };
    },
  });
}

/** The seeded bug: binds a nonce on record, and destroys its key, only after the signature is out. */
function careless(store: EventStore): EventStore {
  let heldBack: Append | undefined;
  return new Proxy(store, {
    get(of, name) {
      const method: unknown = Reflect.get(of, name);
      if (name !== 'append') return typeof method === 'function' ? (method.bind(of) as unknown) : method;
      return async (append: Append): Promise<unknown> => {
        if (append.events[0]?.type === 'spent') {
          heldBack = append;
          return { version: (append.expectedVersion ?? 0) + 1, position: 0, duplicate: false };
        }
        if (heldBack === undefined) return of.append(append);
        const first = heldBack;
        heldBack = undefined;
        return of.append({ ...first, events: [...first.events, ...append.events] });
      };
    },
  });
}

const places = openPlaces(folder);
const isSealed = mode !== 'memory';
const isCareless = mode === 'careless';
const store = deadly(places.store, ['append', 'saveSnapshot', 'truncate']);
const settings = {
  store: isCareless ? careless(store) : store,
  name: 'signer',
  // In memory there is nothing that a backup could bring back: no guard is needed.
  guards: isCareless ? [deadly(await openMemoryGuard(), [])] : isSealed ? [deadly(places.guard, ['append'])] : [],
  ...(isSealed
    ? { keys: isCareless ? { ...places.keys, destroy: async () => false } : deadly(places.keys, ['seal', 'destroy']) }
    : {}),
};
const vault = await opened();

/** After a restored backup it goes on without what was open, and says that it noticed. */
async function opened(): Promise<NonceVault> {
  try {
    return await openNonceVault(settings);
  } catch (error) {
    if (!hasCode(error, 'WALLET_VAULT_STALE')) throw error;
    writeSync(1, `${JSON.stringify({ isStale: true })}\n`);
    const burnt = await openNonceVault({ ...settings, whenStale: 'burn' });
    writeSync(1, `${JSON.stringify({ isStale: false })}\n`);
    return burnt;
  }
}

async function openMemoryGuard(): Promise<EventStore> {
  const { createMemoryStore } = await import('@bitcoin-enterprise/events');
  return createMemoryStore();
}

const known = join(folder, 'nonces');
const release = (line: object): void => {
  mayDie();
  writeSync(1, `${JSON.stringify(line)}\n`);
  mayDie();
};

for (let round = 0; round < 4; round++) {
  const { publicNonce, secretNonce } = createMusigNonce({ publicKey: publicKeyOf(signer), secretKey: signer });
  const [made = ''] = await vault.make([{ publicNonce, secretNonce }]);
  appendFileSync(known, `${made} ${toHex(publicNonce)}\n`);
  const lines = existsSync(known) ? readFileSync(known, 'utf8').trimEnd().split('\n') : [];
  // The newest nonces, among them those of processes that died.
  for (const line of lines.slice(-3)) {
    const [token = '', nonce = ''] = line.split(' ');
    const session = sessionWith(parseHex(nonce), below(3));
    const digest = sessionDigest(session);
    const released = { publicNonce: nonce, session: toHex(digest) };
    try {
      const signature = await vault.sign(token, {
        session: digest,
        sign: (nonceSecret, ownNonce) => {
          const signed = signer.use((secret) =>
            signWith(session, { nonce: nonceSecret, secret, publicNonce: ownNonce }),
          );
          if (isCareless) release({ ...released, signature: toHex(signed) });
          return signed;
        },
      });
      release({ ...released, signature: toHex(signature) });
    } catch (error) {
      if (!hasCode(error, 'WALLET_NONCE_SPENT')) throw error;
    }
  }
}
process.exit(0);
