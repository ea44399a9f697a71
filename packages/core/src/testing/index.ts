export { BrokenPromise, ensure, ensureEqual, ensureThrows, type Promised } from './promised.ts';
