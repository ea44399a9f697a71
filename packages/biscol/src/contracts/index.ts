export type * from './kinds.ts';
export * from './vault.ts';
