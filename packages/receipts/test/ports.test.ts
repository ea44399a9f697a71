import { describe, it } from 'vitest';
import { createMemoryKeyStore, createMemoryLogStorage, createMemoryWitnessStorage } from '@bitcoin-enterprise/receipts';
import { keyStorePromises, logStoragePromises, witnessStoragePromises } from '@bitcoin-enterprise/receipts/testing';

describe('the log storage in memory keeps the promises', () => {
  it.for(logStoragePromises)('$name', ({ run }) => run(createMemoryLogStorage));
});

describe('the witness storage in memory keeps the promises', () => {
  it.for(witnessStoragePromises)('$name', ({ run }) => run(createMemoryWitnessStorage));
});

describe('the key store in memory keeps the promises', () => {
  it.for(keyStorePromises)('$name', ({ run }) => run(() => createMemoryKeyStore()));
});
