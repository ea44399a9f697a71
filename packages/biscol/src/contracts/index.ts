export { vault } from './vault.ts';
