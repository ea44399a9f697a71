import type { ScenarioFile } from '../../support/scenarios.ts';
import { bondScenarios } from './bond.ts';
import { penaltyScenarios, unidirectionalScenarios } from './channels.ts';
import { crowdfundingScenarios } from './crowdfunding.ts';
import { dlcScenarios } from './dlc.ts';
import { escrowScenarios } from './escrow.ts';
import { htlcScenarios } from './htlc.ts';
import { inheritanceScenarios } from './inheritance.ts';
import { lotteryScenarios } from './lottery.ts';
import { rotatingScenarios } from './rotating-multisig.ts';
import { streamScenarios, subscriptionScenarios } from './subscriptions.ts';
import { vaultScenarios } from './vault.ts';

/** The ways through every contract of the library. */
export const allScenarios = (): readonly ScenarioFile[] => [
  vaultScenarios,
  escrowScenarios,
  htlcScenarios,
  unidirectionalScenarios,
  penaltyScenarios,
  inheritanceScenarios,
  subscriptionScenarios,
  streamScenarios,
  crowdfundingScenarios,
  bondScenarios,
  ...lotteryScenarios(),
  rotatingScenarios,
  dlcScenarios,
];
