import { ensure, ensureEqual, ensureThrows, type Promised } from '@bitcoin-enterprise/core/testing';
import type { KeyStore } from '../ports/key-store.ts';

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const bound = utf8('place');
const content = { plaintext: utf8('a secret'), associatedData: bound };

/** Everything a {@link KeyStore} promises; each run gets a fresh, empty one. */
export const keyStorePromises: ReadonlyArray<Promised<KeyStore>> = [
  {
    name: 'what was sealed opens again, also when it is empty',
    async run(make) {
      const keys = await make();
      const sealed = await keys.seal('a', content);
      const empty = await keys.seal('a', { plaintext: new Uint8Array(0), associatedData: bound });

      ensureEqual(await keys.open(sealed, bound), utf8('a secret'), 'plaintext');
      ensureEqual((await keys.open(empty, bound))?.length, 0, 'length of the empty one');
    },
  },
  {
    name: 'a subject has one key, two subjects have two, and key ids do not name them',
    async run(make) {
      const keys = await make();
      const [one, again] = await Promise.all([keys.seal('subject-a', content), keys.seal('subject-a', content)]);
      const other = await keys.seal('subject-b', content);

      ensureEqual(one.keyId, again.keyId, 'key id');
      ensure(one.keyId !== other.keyId, 'two subjects have two keys');
      ensure(!one.keyId.includes('subject'), 'a key id does not name the subject');
    },
  },
  {
    name: 'the same plaintext is never sealed the same way twice',
    async run(make) {
      const keys = await make();
      const seen = new Set<string>();
      for (let i = 0; i < 50; i++) {
        const { iv, ciphertext } = await keys.seal('a', content);
        ensureEqual(iv.length, 12, 'length of the iv');
        ensureEqual(ciphertext.length, content.plaintext.length + 16, 'length of the ciphertext');
        seen.add(iv.join());
      }

      ensureEqual(seen.size, 50, 'different ivs');
    },
  },
  {
    name: 'what was altered or belongs elsewhere does not open',
    async run(make) {
      const keys = await make();
      const sealed = await keys.seal('a', content);
      const flipped = sealed.ciphertext.map((byte, i) => (i === 3 ? byte ^ 1 : byte));

      await ensureThrows(() => keys.open({ ...sealed, ciphertext: flipped }, bound), 'RECEIPTS_SEALED_INVALID');
      await ensureThrows(() => keys.open(sealed, utf8('elsewhere')), 'RECEIPTS_SEALED_INVALID');
      await ensureThrows(() => keys.open({ ...sealed, iv: new Uint8Array(12) }, bound), 'RECEIPTS_SEALED_INVALID');
    },
  },
  {
    name: 'once its key is destroyed nothing opens, and other subjects keep theirs',
    async run(make) {
      const keys = await make();
      const [gone, kept] = [await keys.seal('a', content), await keys.seal('b', content)];

      ensureEqual(await keys.destroy('a'), true, 'answer');
      ensureEqual(await keys.open(gone, bound), undefined, 'plaintext of the one destroyed');
      ensureEqual(await keys.open(kept, bound), utf8('a secret'), 'plaintext of the other');
      ensureEqual(await keys.destroy('a'), false, 'answer to the second time');
    },
  },
  {
    name: 'a subject who comes back gets a new key, which opens nothing of before',
    async run(make) {
      const keys = await make();
      const before = await keys.seal('a', content);
      await keys.destroy('a');
      const after = await keys.seal('a', content);

      ensure(before.keyId !== after.keyId, 'the key id is a new one');
      ensureEqual(await keys.open(before, bound), undefined, 'plaintext of before');
      ensureEqual(await keys.open(after, bound), utf8('a secret'), 'plaintext of after');
    },
  },
];
