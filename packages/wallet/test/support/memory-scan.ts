/**
 * A child that keeps a secret, seals it, opens it, wipes it, and looks for copies in all of its own memory. Prints how
 * many it found after each step.
 */
import { randomFillSync } from 'node:crypto';
import { loadCrypto } from '@bitcoin-enterprise/core';
import { openKeystore, sealKeystore, SecretBytes } from '../../src/keys/index.ts';
import { copiesInMemory, masked, ownBytes } from './memory.ts';

await loadCrypto();
const given = ownBytes(Number(process.argv[2]));
randomFillSync(given);
const wanted = masked(given);
const found: Record<string, number> = {};

found['alive'] = copiesInMemory('self', wanted);
const secret = new SecretBytes(given);
given.fill(0);
const kdf = { name: 'scrypt', n: 2 ** 14, r: 1, p: 1 } as const;
const text = await sealKeystore([{ id: 'a', kind: 'seed', secret }], { password: 'x', kdf });
secret.wipe();
found['sealed'] = copiesInMemory('self', wanted);
const opened = await openKeystore(text, { password: 'x' });
found['opened'] = copiesInMemory('self', wanted);
for (const { secret: one } of opened) one.wipe();
found['wiped'] = copiesInMemory('self', wanted);
process.stdout.write(JSON.stringify(found));
