import type { ScenarioFile } from '../../support/scenarios.ts';
import { vaultScenarios } from './vault.ts';

/** The ways through every contract of the library. */
export const allScenarios = (): readonly ScenarioFile[] => [vaultScenarios];
