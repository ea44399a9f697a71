export * from './errors.ts';
export type * from './ports/crypto.ts';
