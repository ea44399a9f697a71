import { instantiate } from '@bitcoin-enterprise/biscol';
import type { CheckBounds, Counterexample } from '@bitcoin-enterprise/biscol/checker';
import { check, type Checked, checkedCase } from '../../support/checked-library.ts';
import { COVENANTS, walk } from '../../support/scenarios.ts';
import { embeddedTestChain } from '../../support/test-chains.ts';
import type { Bug } from './seed.ts';

/** What came of looking for a bug. */
export interface Searched {
  readonly situations: number;
  readonly counterexample: Counterexample | undefined;
}

/** Has the model checker look for a bug, within the bounds of its case or others. */
export function search(bug: Bug, bounds: CheckBounds = {}): Searched {
  return look(bug.mutate(checkedCase(bug.of)), bug, bounds);
}

/** The same where everything but the mistake is as it is with the bug. */
export function searchControl(bug: Bug): Searched {
  const control = bug.control ?? ((checked: Checked) => checked);
  return look(control(checkedCase(bug.of)), bug, {});
}

const isLong = process.env['BE_LONG'] === '1';

function look(checked: Checked, { sides, covenants, bounds, kind }: Bug, more: CheckBounds): Searched {
  // With reorganisations there is twice as much to look at: in short runs only where they are what it takes.
  const reorgs = isLong || kind === 'reorganisation after a reveal' ? 1 : 0;
  const found = check(checked, {
    covenants,
    bounds: { situations: 8_000, ...checked.short, reorgs, ...bounds, ...more },
    ...(sides === undefined ? {} : { sides }),
  });
  return {
    situations: found.reduce((sum, { situations }) => sum + situations, 0),
    counterexample: found.find(({ counterexample }) => counterexample !== undefined)?.counterexample,
  };
}

/** Walks a way through the contract with the bug: it is a contract that works, as long as nobody meets the mistake. */
export async function walkBug({ of, mutate, covenants, walk: steps }: Bug): Promise<void> {
  const { contract, params, walk: usual, ...checked } = mutate(checkedCase(of));
  const kind = covenants ?? checked.covenants?.[0];
  const scenario = {
    title: of,
    steps: steps ?? usual,
    instance: (height: number) =>
      instantiate(contract, {
        network: 'regtest',
        params: params(height),
        ...(kind === undefined ? {} : { covenants: kind }),
      }),
  };
  const chain = embeddedTestChain({ ctv: kind?.kind === 'ctv' });
  const { measured } = await walk(chain, scenario, { covenants: kind ?? (COVENANTS[0] as never), way: 'mempool' });
  if (measured.length !== scenario.steps.length) throw new Error('it ended early');
}
