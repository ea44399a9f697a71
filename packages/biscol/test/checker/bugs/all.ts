import { manyPartyBugs } from './many-parties.ts';
import type { Bug } from './seed.ts';
import { twoPartyBugs } from './two-parties.ts';
import { vaultBugs } from './vault.ts';

/** All mistakes. */
export const allBugs: readonly Bug[] = [...vaultBugs, ...twoPartyBugs, ...manyPartyBugs];
