export { BiscolError, type BiscolErrors } from './errors.ts';
