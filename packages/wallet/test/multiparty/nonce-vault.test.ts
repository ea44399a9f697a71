import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { concatBytes, toHex } from '@bitcoin-enterprise/core';
import { createMemoryStore, type EventStore } from '@bitcoin-enterprise/events';
import { createMemoryKeyStore, type KeyStore } from '@bitcoin-enterprise/receipts';
import { afterAll, describe, expect, it } from 'vitest';
import {
  aggregateMusigKeys,
  createMusigNonce,
  createVaultNonce,
  type NewNonce,
  nonceToken,
  type NonceVault,
  openNonceVault,
  SecretBytes,
  signWithVault,
  verifyMusigPartial,
} from '../../src/multiparty/index.ts';
import {
  covers,
  forgetAnswers,
  ledgerFromJson,
  ledgerToJson,
  type VaultEvent,
} from '../../src/multiparty/vault/ledger.ts';
import { publicKeyOf, sessionWith, signer } from './support/release.ts';
import { closePlaces, openPlaces } from './support/stores.ts';
import { ledgerOf } from './support/vault-model.ts';

const folder = mkdtempSync(join(tmpdir(), 'be-vault-'));
afterAll(() => rmSync(folder, { recursive: true }));

let made = 0;
/** A nonce of its own: its secret is its number. */
function nonce(number: number = (made += 1)): NewNonce {
  const publicNonce = new Uint8Array(66);
  new DataView(publicNonce.buffer).setUint32(0, number);
  return { publicNonce, secretNonce: new SecretBytes(new Uint8Array(97).fill(number)) };
}

const X = new Uint8Array(32).fill(1);
const Y = new Uint8Array(32).fill(2);
const using = (session: Uint8Array): Parameters<NonceVault['sign']>[1] => ({
  session,
  sign: (secret) => concatBytes(session.subarray(0, 1), secret.subarray(0, 31)),
});

interface Places {
  readonly store: EventStore;
  readonly guard: EventStore;
  readonly keys: KeyStore;
}

const places = (): Places => ({ store: createMemoryStore(), guard: createMemoryStore(), keys: createMemoryKeyStore() });
const openSealed = ({ store, guard, keys }: Places, more: object = {}): Promise<NonceVault> =>
  openNonceVault({ store, guards: [guard], keys, name: 'v', ...more });
const spentError = { code: 'WALLET_NONCE_SPENT' };
const staleError = { code: 'WALLET_VAULT_STALE' };

const modes = [
  { mode: 'memory', open: ({ store }: Places) => openNonceVault({ store, name: 'v' }) },
  { mode: 'guarded memory', open: ({ store, guard }: Places) => openNonceVault({ store, guards: [guard], name: 'v' }) },
  { mode: 'sealed', open: openSealed },
] as const;

describe.for(modes)('a vault ($mode)', ({ open }) => {
  it('signs one session with a nonce, answers it again, and refuses another', async () => {
    const vault = await open(places());
    const given = nonce();
    const [token = ''] = await vault.make([given]);
    expect(token).toBe(nonceToken(given.publicNonce));
    const signature = await vault.sign(token, using(X));

    expect(signature[0]).toBe(1);
    expect(await vault.sign(token, using(X))).toEqual(signature);
    await expect(vault.sign(token, using(Y))).rejects.toMatchObject({ ...spentError, details: { token } });
  });

  it('has the answer for a session that was signed before it was opened again', async () => {
    const at = places();
    const before = await open(at);
    const [token = ''] = await before.make([nonce()]);
    const signature = await before.sign(token, using(X));
    const after = await open(at);

    expect(await after.sign(token, using(X))).toEqual(signature);
    await expect(after.sign(token, using(Y))).rejects.toMatchObject(spentError);
  });

  it('asks for one signature at a time: two calls at once are no way around it', async () => {
    const vault = await open(places());
    const [token = ''] = await vault.make([nonce()]);
    const answers = await Promise.allSettled([X, Y, X, Y].map((session) => vault.sign(token, using(session))));

    expect(answers.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected']);
  });

  it('refuses tokens that it never made, or has burnt', async () => {
    const vault = await open(places());
    const [first = '', second = '', third = ''] = await vault.make([nonce(), nonce(), nonce()]);
    await vault.burn([second]);

    expect((await vault.sign(first, using(X))).length).toBe(32);
    await expect(vault.sign(second, using(X))).rejects.toMatchObject(spentError);
    await vault.burnAll();
    await expect(vault.sign(third, using(X))).rejects.toMatchObject(spentError);
    await expect(vault.sign('ab', using(X))).rejects.toMatchObject(spentError);
  });

  it('says which nonces it holds', async () => {
    const at = places();
    const vault = await open(at);
    const [first = '', second = '', third = ''] = await vault.make([nonce(), nonce(), nonce()]);
    await vault.sign(first, using(X));
    await vault.burn([second]);
    const held = await Promise.all([first, second, third, 'ab'].map((token) => vault.holds(token)));
    expect(held).toEqual([true, false, true, false]);
    const again = await open(at);

    expect(await again.holds(first)).toBe(true);
    expect(await again.holds(third)).toBe(again.isSealed);
    await expect(vault.holds(7 as never)).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
  });

  it('takes the same nonce in once', async () => {
    const vault = await open(places());
    const number = (made += 1);
    await vault.make([nonce(number)]);

    await expect(vault.make([nonce(number)])).rejects.toMatchObject(spentError);
  });

  it('wipes the secret that it is given and the one that it lent', async () => {
    const vault = await open(places());
    const given = nonce();
    const [token = ''] = await vault.make([given]);
    let lent = new Uint8Array(1).fill(1);
    await vault.sign(token, {
      session: X,
      sign: (secret) => {
        lent = secret as Uint8Array<ArrayBuffer>;
        return secret.slice(0, 32);
      },
    });

    expect(given.secretNonce.isWiped).toBe(true);
    expect(lent.every((byte) => byte === 0)).toBe(true);
  });

  it('spends a nonce even when the signing fails, and signs nothing else with it', async () => {
    const vault = await open(places());
    const [token = ''] = await vault.make([nonce()]);
    const fail = (): never => {
      throw new Error('the device is gone');
    };

    await expect(vault.sign(token, { session: X, sign: fail })).rejects.toThrow('the device is gone');
    await expect(vault.sign(token, using(Y))).rejects.toMatchObject(spentError);
    // The secret is gone: what was begun cannot be ended either.
    await expect(vault.sign(token, using(X))).rejects.toMatchObject(spentError);
  });

  it('keeps no secret in its stores', async () => {
    const at = places();
    const vault = await open(at);
    const secretNonce = new SecretBytes(Uint8Array.from({ length: 97 }, (_, index) => 255 - index));
    const [token = ''] = await vault.make([{ publicNonce: nonce().publicNonce, secretNonce }]);
    const events = JSON.stringify([await at.store.readAll(), await at.guard.readAll()]);

    expect(events).toContain(token);
    expect(events).not.toContain('fffefdfcfb');
  });

  it('answers nonsense with a code', async () => {
    const vault = await open(places());
    const wrong: ReadonlyArray<() => Promise<unknown>> = [
      () => vault.sign(1 as never, using(X)),
      () => vault.sign('aa', undefined as never),
      () => vault.sign('aa', { session: new Uint8Array(31), sign: () => X }),
      () => vault.sign('aa', { session: X, sign: 1 as never }),
      () => vault.make([{}] as never),
      () => vault.make(7 as never),
      () => vault.burn([7] as never),
      () => openNonceVault(undefined as never),
      () => openNonceVault({ store: {} as never, name: 'v' }),
      () => openNonceVault({ store: createMemoryStore(), name: '' }),
      () => openNonceVault({ store: createMemoryStore(), name: 'v', whenStale: 'go' as never }),
      () => openNonceVault({ store: createMemoryStore(), name: 'v', keys: createMemoryKeyStore() }),
    ];
    for (const call of wrong) await expect(call()).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
    const store = createMemoryStore();
    const call = openNonceVault({ store, guards: [store], name: 'v' });
    await expect(call).rejects.toMatchObject({ details: { argument: 'options.guards' } });
  });

  it('does nothing once it is closed', async () => {
    const vault = await open(places());
    const [token = ''] = await vault.make([nonce()]);
    await vault.close();

    await expect(vault.sign(token, using(X))).rejects.toMatchObject({ code: 'WALLET_INVALID_ARGUMENT' });
  });

  it('goes on over thousands of nonces without keeping their events', { timeout: 60_000 }, async () => {
    const at = places();
    const vault = await open(at);
    let [first, last] = ['', ''];
    for (let round = 0; round < 420; round++) {
      const [token = ''] = await vault.make([nonce()]);
      await vault.sign(token, using(X));
      if (round === 0) first = token;
      last = token;
    }
    const [open_ = ''] = await vault.make([nonce()]);

    expect((await at.store.readAll()).length).toBeLessThan(600);
    expect((await at.guard.readAll()).length).toBeLessThan(600);
    await expect(vault.sign(last, using(Y))).rejects.toMatchObject(spentError);
    const again = await open(at);
    expect((await again.sign(last, using(X)))[0]).toBe(1);
    expect((await again.sign(first, using(X)))[0]).toBe(1);
    if (again.isSealed) expect((await again.sign(open_, using(X)))[0]).toBe(1);
    else await expect(again.sign(open_, using(X))).rejects.toMatchObject(spentError);
  });
});

describe('a vault with its secrets in memory', () => {
  it('burns what earlier processes made, and stops them', async () => {
    const store = createMemoryStore();
    const old = await openNonceVault({ store, name: 'v' });
    const [token = ''] = await old.make([nonce()]);
    const young = await openNonceVault({ store, name: 'v' });

    await expect(young.sign(token, using(X))).rejects.toMatchObject(spentError);
    await expect(old.sign(token, using(X))).rejects.toMatchObject(spentError);
    await expect(old.make([nonce()])).rejects.toMatchObject({
      ...staleError,
      details: { reason: 'another process opened the vault' },
    });
    const [next = ''] = await young.make([nonce()]);
    expect((await young.sign(next, using(X)))[0]).toBe(1);
  });

  it('can do nothing with a restored backup: it has no secrets', async () => {
    const [path, copy] = [join(folder, 'memory'), join(folder, 'memory-copy')];
    mkdirSync(path);
    const before = openPlaces(path);
    const vault = await openNonceVault({ store: before.store, name: 'v' });
    const [token = ''] = await vault.make([nonce()]);
    await closePlaces(before);
    cpSync(path, copy, { recursive: true });
    const running = openPlaces(path);
    const again = await openNonceVault({ store: running.store, name: 'v' });
    await expect(again.sign(token, using(X))).rejects.toMatchObject(spentError);
    await closePlaces(running);
    const restored = openPlaces(copy);
    const third = await openNonceVault({ store: restored.store, name: 'v' });

    await expect(third.sign(token, using(Y))).rejects.toMatchObject(spentError);
    await closePlaces(restored);
  });

  it('notices that the store below it was put back', async () => {
    const store = createMemoryStore();
    let current: EventStore = store;
    const moving = new Proxy(store, {
      get: (_, name) => {
        const method: unknown = Reflect.get(current, name);
        return typeof method === 'function' ? (method.bind(current) as unknown) : method;
      },
    });
    const vault = await openNonceVault({ store: moving, name: 'v' });
    const [token = ''] = await vault.make([nonce()]);
    current = createMemoryStore();

    await expect(vault.sign(token, using(X))).rejects.toMatchObject({
      ...staleError,
      details: { reason: 'the store went back in time' },
    });
  });

  it('signs the same session after a store that failed in the middle, and no other one', async () => {
    for (const failAt of [1, 2]) {
      const store = createMemoryStore();
      let appends = 0;
      let isBroken = false;
      const failing = new Proxy(store, {
        get: (of, name) => {
          const method: unknown = Reflect.get(of, name);
          if (name !== 'append' || typeof method !== 'function')
            return typeof method === 'function' ? (method.bind(of) as unknown) : method;
          return async (...args: readonly unknown[]): Promise<unknown> => {
            appends += isBroken ? 1 : 0;
            const result: unknown = await (method.apply(of, args) as Promise<unknown>);
            if (isBroken && appends === failAt) throw new Error('the answer is lost');
            return result;
          };
        },
      });
      const vault = await openNonceVault({ store: failing, name: 'v' });
      const [token = ''] = await vault.make([nonce()]);
      isBroken = true;

      await expect(vault.sign(token, using(X))).rejects.toThrow('the answer is lost');
      await expect(vault.sign(token, using(Y))).rejects.toMatchObject(spentError);
      expect((await vault.sign(token, using(X)))[0]).toBe(1);
    }
  });
});

describe('a sealed vault', () => {
  it('signs after its process has ended', async () => {
    const at = places();
    const [token = ''] = await (await openSealed(at)).make([nonce()]);

    expect((await (await openSealed(at)).sign(token, using(X)))[0]).toBe(1);
  });

  it('is shared by processes, of which one signs', async () => {
    const at = places();
    const [left, right] = [await openSealed(at), await openSealed(at)];
    const [token = ''] = await left.make([nonce()]);
    const [other = ''] = await right.make([nonce()]);
    const answers = await Promise.allSettled([left.sign(token, using(X)), right.sign(token, using(Y))]);

    expect(answers.filter(({ status }) => status === 'fulfilled').length).toBe(1);
    expect((await left.sign(other, using(Y)))[0]).toBe(2);
    // One goes on without the other: it is behind its guard, and reads on.
    const tokens = await left.make([nonce(), nonce(), nonce()]);
    for (const [at_, next] of tokens.entries()) await (at_ % 2 === 0 ? left : right).sign(next, using(X));
    await left.burn([]);
    const [last = ''] = await right.make([nonce()]);
    await left.burnAll();
    await expect(right.sign(last, using(X))).rejects.toMatchObject(spentError);
  });

  it('has destroyed the key of a secret before its signature is out', async () => {
    const at = places();
    const order: string[] = [];
    const keys: KeyStore = {
      ...at.keys,
      destroy: async (subject) => {
        order.push('destroyed');
        return at.keys.destroy(subject);
      },
    };
    const vault = await openSealed({ ...at, keys });
    const [token = ''] = await vault.make([nonce()]);
    await vault.sign(token, {
      session: X,
      sign: (secret) => {
        order.push('signed');
        return secret.slice(0, 32);
      },
    });

    expect(order).toEqual(['destroyed', 'signed']);
  });

  it('refuses to be opened from a backup, and gives all up when told to', async () => {
    const [path, copy] = [join(folder, 'sealed'), join(folder, 'sealed-copy')];
    mkdirSync(path);
    const before = openPlaces(path);
    const tokens = await (await openSealed(before)).make([nonce(), nonce()]);
    await closePlaces(before);
    // The backup has everything but the guard: the store, and the keys that will be destroyed.
    cpSync(path, copy, { recursive: true });
    const running = openPlaces(path);
    const [spent = '', unspent = ''] = tokens;
    await (await openSealed(running)).sign(spent, using(X));
    const restored = openPlaces(copy);
    const mixed = { store: restored.store, keys: restored.keys, guard: running.guard };

    await expect(openSealed(mixed)).rejects.toMatchObject({
      ...staleError,
      details: { reason: 'a guard knows of more than the store' },
    });
    const after = await openSealed(mixed, { whenStale: 'burn' });
    for (const token of tokens) await expect(after.sign(token, using(Y))).rejects.toMatchObject(spentError);
    const [fresh = ''] = await after.make([nonce()]);
    expect((await after.sign(fresh, using(Y)))[0]).toBe(2);
    expect((await (await openSealed(mixed)).sign(fresh, using(Y)))[0]).toBe(2);
    // The one that was left behind has lost its place.
    await expect(openSealed(running)).rejects.toMatchObject(staleError);
    await closePlaces(running);
    await closePlaces(restored);
    expect(unspent).not.toBe('');
  });

  it('refuses to sign when its disk was put back while it runs', async () => {
    const path = join(folder, 'below');
    mkdirSync(path);
    const first = openPlaces(path);
    const [token = '', second = ''] = await (await openSealed(first)).make([nonce(), nonce()]);
    await closePlaces(first);
    cpSync(path, `${path}-copy`, { recursive: true });
    const [original, copied] = [openPlaces(path), openPlaces(`${path}-copy`)];
    const mixed = { store: copied.store, keys: copied.keys, guard: original.guard };
    // Both are opened from the same state, on two disks, with one guard.
    const left = await openSealed(original);
    await expect(openSealed(mixed)).rejects.toMatchObject(staleError);
    await left.sign(token, using(X));
    await closePlaces(copied);
    const right = openPlaces(`${path}-copy`);
    await expect(openSealed({ ...mixed, store: right.store, keys: right.keys })).rejects.toMatchObject(staleError);
    expect((await left.sign(second, using(X)))[0]).toBe(1);
    await closePlaces(right);
    await closePlaces(original);
  });

  it('gives nothing up while its store is behind its guard: nobody knows what', async () => {
    const at = places();
    const vault = await openSealed(at);
    const [token = ''] = await vault.make([nonce()]);
    // Another vault of this name, on another disk, has gone on with the guard.
    await openSealed({ ...places(), guard: at.guard }, { whenStale: 'burn' });

    await expect(vault.burnAll()).rejects.toMatchObject(staleError);
    await expect(vault.burn([token])).rejects.toMatchObject(staleError);
    await expect(vault.sign(token, using(X))).rejects.toMatchObject(staleError);
    const again = await openSealed(at, { whenStale: 'burn' });
    await expect(again.sign(token, using(X))).rejects.toMatchObject(spentError);
  });

  it('burns after a burning that failed in the middle', async () => {
    const at = places();
    let isDown = false;
    const broken = new Proxy(at.store, {
      get: (of, name) => {
        const method: unknown = Reflect.get(of, name);
        if (name !== 'append' || typeof method !== 'function')
          return typeof method === 'function' ? (method.bind(of) as unknown) : method;
        return async (...args: readonly unknown[]): Promise<unknown> => {
          const result: unknown = await (method.apply(of, args) as Promise<unknown>);
          if (isDown) throw new Error('the answer is lost');
          return result;
        };
      },
    });
    const vault = await openSealed({ ...at, store: broken });
    const [token = ''] = await vault.make([nonce()]);
    isDown = true;
    await expect(vault.burnAll()).rejects.toThrow('the answer is lost');
    isDown = false;
    await vault.burnAll();

    await expect(vault.sign(token, using(X))).rejects.toMatchObject(spentError);
  });

  it('destroys the keys of what it burns', async () => {
    for (const how of ['burn', 'burnAll', 'stale'] as const) {
      const at = places();
      const destroyed: string[] = [];
      const keys: KeyStore = {
        ...at.keys,
        destroy: async (subject) => {
          destroyed.push(subject);
          return at.keys.destroy(subject);
        },
      };
      const vault = await openSealed({ ...at, keys });
      const [token = ''] = await vault.make([nonce()]);
      if (how === 'burn') await vault.burn([token]);
      else if (how === 'burnAll') await vault.burnAll();
      else {
        await openSealed({ ...places(), guard: at.guard }, { whenStale: 'burn' });
        await openSealed({ ...at, keys }, { whenStale: 'burn' });
      }

      expect(destroyed).toEqual([`nonce-vault/v/${token}`]);
    }
  });

  it('binds a nonce to nothing when its secret is gone', async () => {
    const at = places();
    const vault = await openSealed(at);
    const [token = ''] = await vault.make([nonce()]);
    await at.keys.destroy(`nonce-vault/v/${token}`);
    const before = await at.store.head();

    await expect(vault.sign(token, using(X))).rejects.toMatchObject(spentError);
    expect(await vault.holds(token)).toBe(false);
    expect(await at.store.head()).toBe(before);
  });

  it('is not opened without its keys, nor one in memory with keys', async () => {
    const at = places();
    await openSealed(at);
    await expect(openNonceVault({ store: at.store, guards: [at.guard], name: 'v' })).rejects.toMatchObject({
      details: { argument: 'options.keys' },
    });
    const other = places();
    await openNonceVault({ store: other.store, guards: [other.guard], name: 'v' });
    await expect(openSealed(other)).rejects.toMatchObject({ details: { argument: 'options.keys' } });
  });

  it('signs nothing while a guard does not answer', async () => {
    const at = places();
    const broken = new Proxy(at.guard, {
      get: (of, name) => {
        const method: unknown = Reflect.get(of, name);
        if (name === 'version' && isDown) throw new Error('no route to the guard');
        return typeof method === 'function' ? (method.bind(of) as unknown) : method;
      },
    });
    let isDown = false;
    const vault = await openSealed({ ...at, guard: broken });
    const [token = ''] = await vault.make([nonce()]);
    isDown = true;
    await expect(vault.sign(token, using(X))).rejects.toThrow('no route to the guard');
    isDown = false;

    expect((await vault.sign(token, using(X)))[0]).toBe(1);
  });

  it('does not open a sealed secret as another nonce', async () => {
    const at = places();
    const vault = await openSealed(at);
    const [first = '', second = ''] = await vault.make([nonce(), nonce()]);
    // Somebody with the store's password swaps what is sealed.
    const swapping = new Proxy(at.store, {
      get: (of, name) => {
        if (name !== 'readStream') {
          const method: unknown = Reflect.get(of, name);
          return typeof method === 'function' ? (method.bind(of) as unknown) : method;
        }
        return async (...args: Parameters<EventStore['readStream']>) => {
          const events = structuredClone(await of.readStream(...args)) as unknown as ReadonlyArray<{
            data: { token?: string; nonce?: { sealed?: unknown } };
          }>;
          const sealed = new Map(events.map(({ data }) => [data.token, data.nonce?.sealed]));
          for (const { data } of events)
            if (data.nonce !== undefined) data.nonce.sealed = sealed.get(data.token === first ? second : first);
          return events;
        };
      },
    });
    const fooled = await openSealed({ ...at, store: swapping as never });

    await expect(fooled.sign(first, using(X))).rejects.toMatchObject({ code: 'RECEIPTS_SEALED_INVALID' });
  });
});

describe('the ledger of a vault', () => {
  const events = (count: number): readonly VaultEvent[] =>
    Array.from({ length: count }, (_, n): readonly VaultEvent[] => [
      { type: 'made', token: `t${n}`, nonce: { publicNonce: '' } },
      { type: 'spent', token: `t${n}`, session: 'x' },
      { type: 'signed', token: `t${n}`, signature: '00' },
    ]).flat();

  it('forgets the oldest answers, and nothing that is open', () => {
    const ledger = ledgerOf([{ type: 'made', token: 'open', nonce: { publicNonce: '' } }, ...events(1_003)]);
    forgetAnswers(ledger);

    expect(ledger.entries.size).toBe(1_001);
    expect(['open', 't2', 't3', 't1002'].map((token) => ledger.entries.has(token))).toEqual([true, false, true, true]);
    expect(ledgerFromJson(JSON.parse(JSON.stringify(ledgerToJson(ledger))))).toEqual(ledger);
  });

  it('takes no notice of events that cannot be: what was signed stays, what is unknown is not made by being spent', () => {
    const ledger = ledgerOf([
      ...events(1),
      { type: 'spent', token: 't0', session: 'y' },
      { type: 'signed', token: 't0', signature: '11' },
      { type: 'spent', token: 'unknown', session: 'y' },
      { type: 'signed', token: 'unknown', signature: '11' },
    ]);

    expect([...ledger.entries]).toEqual([['t0', { is: 'signed', session: 'x', signature: '00' }]]);
  });

  it('is covered by each of its last marks, and by no other', () => {
    const ledger = ledgerOf(events(100));
    const marks = ledger.marks;

    expect(marks.length).toBe(64);
    for (const mark of marks) expect(covers(ledger, mark)).toBe(true);
    expect(covers(ledger, undefined)).toBe(true);
    for (const mark of [ledgerOf(events(10)).mark, ledgerOf(events(101)).mark, { ...ledger.mark, chain: 'x' }])
      expect(covers(ledger, mark)).toBe(false);
  });
});

describe('MuSig2 with a vault', () => {
  it('makes a nonce for a participant, and signs a session that verifies', async () => {
    const vault = await openSealed(places());
    const keys = aggregateMusigKeys([publicKeyOf(signer), publicKeyOf(new SecretBytes(new Uint8Array(32).fill(9)))]);
    const { token, publicNonce } = await createVaultNonce(vault, { secretKey: signer, keys, message: X, leafHash: Y });
    const session = sessionWith(publicNonce, 1);
    const signature = await signWithVault(vault, token, { secretKey: signer, session });

    expect(verifyMusigPartial(session, { signer: 0, publicNonce, signature })).toBe(true);
    expect(toHex(await signWithVault(vault, token, { secretKey: signer, session }))).toBe(toHex(signature));
    const other = signWithVault(vault, token, { secretKey: signer, session: sessionWith(publicNonce, 2) });
    await expect(other).rejects.toMatchObject(spentError);
  });

  it('does not spend a nonce on a signer who is no participant', async () => {
    const vault = await openSealed(places());
    const keys = aggregateMusigKeys([publicKeyOf(signer), publicKeyOf(new SecretBytes(new Uint8Array(32).fill(9)))]);
    const { token, publicNonce } = await createVaultNonce(vault, { secretKey: signer, keys });
    const session = sessionWith(publicNonce, 1);
    const stranger = new SecretBytes(new Uint8Array(32).fill(3));

    await expect(createVaultNonce(vault, { secretKey: stranger, keys })).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
    });
    await expect(signWithVault(vault, token, { secretKey: stranger, session })).rejects.toMatchObject({
      code: 'WALLET_KEY_UNKNOWN',
    });
    expect((await signWithVault(vault, token, { secretKey: signer, session })).length).toBe(32);
  });

  it('makes nonces that differ, even without randomness, where sessions differ', () => {
    const entropy = { bytes: () => new Uint8Array(32) };
    const publicKey = publicKeyOf(signer);
    const nonces = [X, Y].map(
      (message) => createMusigNonce({ publicKey, secretKey: signer, message, entropy }).publicNonce,
    );

    expect(toHex(nonces[0] as Uint8Array)).not.toBe(toHex(nonces[1] as Uint8Array));
  });
});
