export { readJsonVectors, readTextVectors } from '../../../../../scripts/testing/vectors.ts';
