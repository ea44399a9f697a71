import {
  type ComplianceGate,
  equalBytes,
  feeRate as asFeeRate,
  type FeeRate,
  hasCode,
  type Logger,
  type NetworkName,
  silentLogger,
  toHex,
} from '@bitcoin-enterprise/core';
import { createWatcher } from '@bitcoin-enterprise/chain/watches';
import { createRunner, type EventStore, register, type Runner } from '@bitcoin-enterprise/events';
import { policyProfiles, type PolicyProfile } from '@bitcoin-enterprise/script';
import type { DigestSigner, Signer } from '@bitcoin-enterprise/wallet';
import { requireBytes, requireFunction, requireInteger, requireList, requireObject, requireText } from '../checks.ts';
import { fundingOutputs, type InstanceJson, writeInstance } from '../contract/instance.ts';
import { type AnyContract, type ContractInstance } from '../contract/model.ts';
import { covenantSteps, isCovenantSignature } from '../covenant/presign.ts';
import { BiscolError, invalidArgument } from '../errors.ts';
import { parseMessage, proceed, receiveMessage } from './exchange.ts';
import { type Execution, Executor } from './execute.ts';
import { contractMachine } from './machine.ts';
import type { ExecutionRecord, InstanceState } from './model.ts';
import { deliverNotice } from './notices.ts';
import { type ExecuteOptions, isExecutionId, planOfRecord, requireLimits } from './planning.ts';
import { performersOf } from './performers.ts';
import type { ApprovalRule, ConsentRule, EngineChain, GasLimits, PartyTransport } from './ports.ts';
import { approvalOf, approvalRequest } from './request.ts';
import type { Engine } from './settings.ts';
import { cellOfRecord, createShelf, parseOutpoint, seedOf, unknownInstance } from './shelf.ts';
import { type SignerReport, signerReport } from './signers.ts';

/** Settings of {@link createEngine}. */
export interface EngineOptions {
  /** Where everything is on record: memory, SQLite, PostgreSQL. */
  readonly store: EventStore;
  /** The chain: embedded, bitcoind, Esplora, Electrum, or several. */
  readonly chain: EngineChain;
  readonly network: NetworkName;
  /** Definitions of all contracts whose instances are in the store, of older versions too. */
  readonly contracts: readonly AnyContract[];
  /** Our keys, where one key makes a whole signature. */
  readonly keys?: DigestSigner;
  /** Our keys where several sign as one: `musigPsbtSigner` of the wallet. */
  readonly musig?: Signer;
  /** Judges before signing and before sending; everything is allowed and recorded when absent. */
  readonly gate?: ComplianceGate;
  /** Who has to approve what; nobody when absent. */
  readonly approvals?: ApprovalRule;
  /** What is done about proposals of others; they wait for `agree` when absent. */
  readonly consent?: ConsentRule;
  /** Carries messages to the other parties. */
  readonly transport?: PartyTransport;
  /** Most that an execution may weigh and cost; 400,000 weight units, 0.01 BTC, 500 sat/vB when absent. */
  readonly limits?: GasLimits;
  /** Relay rules; those of Core 31 when absent. */
  readonly profile?: PolicyProfile;
  /** sat/kvB where the chain has no estimate; 5 sat/vB when absent. */
  readonly fallbackFeeRate?: FeeRate;
  /** Names of the parties whose duties are done here; none when absent. */
  readonly dutiesOf?: readonly string[];
  /** Blocks after which nothing changes any more, 1 to 100; 6 when absent. */
  readonly confirmations?: number;
  /** Names the watcher in the store; `biscol` when absent. */
  readonly name?: string;
  /** Instances that are kept in memory, 1 to 1,000,000; 20,000 when absent. */
  readonly keepInstances?: number;
  /** Milliseconds between two looks at the chain; 1,000 when absent. */
  readonly pollMs?: number;
  /** Milliseconds after which another process takes over what one had begun and did not end, 10 or more; 60,000 when absent. */
  readonly leaseMs?: number;
  readonly logger?: Logger;
}

/** An instance as it stands. */
export interface InstanceView extends InstanceState {
  readonly id: string;
  /** Whether everything has come to its end: no output of the contract is left. */
  readonly isOver: boolean;
}

/** How an instance is opened. */
export interface OpenOptions {
  /** What the instance was made with, to tell it from others of the same parameters. */
  readonly nonce?: string;
  /** Height from which on blocks are searched for its funding; that of the best block when absent. */
  readonly since?: number;
}

/** Runs contracts: everything that happens is on record first, and resumed by whoever comes after a crash. */
export interface ContractEngine {
  /**
   * Puts an instance on record and watches for its funding. Again with the same one, nothing happens.
   *
   * @returns Its id.
   */
  open(instance: ContractInstance, options?: OpenOptions): Promise<string>;
  /**
   * Tells of the outputs that begin the contract, so that they can be spent at once, or before the chain has them.
   *
   * @param outpoints - `txid:index` of each, in the order of the contract's funding.
   * @throws BiscolError `BISCOL_FUNDING_MISMATCH` when the chain has it and it pays something else.
   */
  fund(id: string, outpoints: readonly string[]): Promise<void>;
  /**
   * Executes a transition: plan, gate, approvals, signatures, check, record, broadcast.
   *
   * @param args - Arguments of the transition, as JSON or values.
   * @throws BiscolError coded by what was wrong; nothing is on record then.
   */
  execute(
    id: string,
    transition: string,
    args?: Readonly<Record<string, unknown>>,
    options?: ExecuteOptions,
  ): Promise<Execution>;
  /** Records somebody's approval; who they are, the app knows. */
  approve(id: string, execution: string, options: { readonly by: string }): Promise<void>;
  /** Agrees to what another party proposed: it is signed. */
  agree(id: string, execution: string): Promise<void>;
  /** Sends what was kept back. */
  release(id: string, execution: string): Promise<void>;
  /** Gives up what was not sent. */
  abandon(id: string, execution: string, options?: { readonly reason?: string }): Promise<void>;
  /** Makes a secret of a hash lock known. */
  learn(id: string, secret: Uint8Array): Promise<void>;
  /** Takes a message of another party. Throws a coded error for what makes no sense, and changes nothing. */
  receive(message: unknown): Promise<void>;
  /** Records signatures of covenants, 64 bytes by `outpoint/transition`; each is verified. */
  recordCovenants(id: string, signatures: ReadonlyMap<string, Uint8Array>): Promise<void>;
  /** Who has signed an execution, and who is late. */
  signers(id: string, execution: string): Promise<readonly SignerReport[]>;
  /** An instance as it stands. */
  state(id: string): Promise<InstanceView>;
  /** Waits until an instance is as wanted; somebody has to `work` meanwhile. */
  waitFor(
    id: string,
    isWanted: (view: InstanceView) => boolean,
    options?: { readonly signal?: AbortSignal },
  ): Promise<InstanceView>;
  /** Works until the signal comes: follows the chain, sends, bumps, does duties. */
  work(options: { readonly signal: AbortSignal }): Promise<void>;
}

/** Longest wait before an instance is looked at again. */
const WAIT_MS = 1_000;
const DEFAULT_LIMITS: Required<GasLimits> = { maxWeight: 400_000, maxFee: 1_000_000n, maxFeeRate: 500_000n };

/**
 * Makes an engine.
 *
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function createEngine(options: EngineOptions): ContractEngine {
  const engine = engineOf(options);
  const { runner, watcher, shelf, executor } = engine;

  async function loaded(id: string): Promise<{ readonly state: InstanceState; readonly instance: ContractInstance }> {
    const { state } = await runner.state(contractMachine, requireText('id', id));
    return { state, instance: shelf.instanceOf(id, state) };
  }

  async function executionOf(id: string, execution: string): Promise<ExecutionRecord> {
    const { state } = await loaded(id);
    requireText('execution', execution);
    const found = Object.hasOwn(state.executions, execution) ? state.executions[execution] : undefined;
    if (found === undefined) throw wrongState(execution, 'an execution that is on record', 'none');
    return found;
  }

  async function viewOf(id: string): Promise<InstanceView> {
    const { state } = await runner.state(contractMachine, requireText('id', id));
    if (state.instance === undefined) throw unknownInstance(id);
    const cells = Object.values(state.cells);
    const isOver = cells.length > 0 && cells.every(({ spent }) => spent?.placed === 'final');
    return { ...state, id, isOver };
  }

  async function tell(id: string, execution: string, event: Parameters<typeof contractMachine.step>[1]): Promise<void> {
    const sent = await runner.send(contractMachine, id, event);
    if (!sent.accepted) throw wrongState(execution, `one that can be ${event.type}`, sent.reason);
  }

  return {
    async open(instance, call = {}) {
      const { nonce, since } = requireObject<OpenOptions>('options', call);
      const { id } = requireObject<ContractInstance>('instance', instance);
      const json: InstanceJson = writeInstance(instance, nonce);
      if (instance.network !== engine.network)
        throw invalidArgument('instance.network', engine.network, instance.network);
      const known = engine.contracts.find(
        (one) => one.name === instance.contract.name && one.version === instance.contract.version,
      );
      if (known === undefined)
        throw invalidArgument('instance.contract', 'one that the engine was made with', instance);
      const height =
        since === undefined
          ? (await engine.chain.tip()).height
          : requireInteger('options.since', since, 0, 0x7fff_ffff);
      await runner.send(contractMachine, requireText('instance.id', id), { type: 'opened', instance: json, height });
      return id as string;
    },
    async fund(id, outpoints) {
      const { instance } = await loaded(id);
      const outputs = fundingOutputs(instance);
      const listed = requireList('outpoints', outpoints);
      if (listed.length !== outputs.length)
        throw invalidArgument('outpoints', `${outputs.length} outpoints`, outpoints);
      for (const [place, wanted] of outputs.entries()) {
        const outpoint = listed[place] as string;
        const found = await engine.chain.unspentOutput(parseOutpoint(outpoint));
        if (found !== undefined) requireFunding(outpoint, { found, wanted });
        const cell = seedOf(instance, outpoint, wanted);
        const height = found?.height;
        await runner.send(
          contractMachine,
          id,
          height === undefined
            ? { type: 'funded', begins: place, cell, placed: 'expected' }
            : { type: 'funded', begins: place, cell, placed: 'confirmed', height },
        );
      }
    },
    async execute(id, transition, args = {}, call = {}) {
      requireObject('args', args);
      requireObject('options', call);
      if (call.key !== undefined && !isExecutionId(call.key))
        throw invalidArgument('options.key', '1 to 100 letters, digits, _, ~, . and -, no name of Object', call.key);
      return executor.execute({
        instance: requireText('id', id),
        transition: requireText('transition', transition),
        args,
        options: call,
      });
    },
    async approve(id, execution, call) {
      const { by } = requireObject<{ readonly by: string }>('options', call);
      const name = requireText('options.by', by);
      const record = await executionOf(id, execution);
      const { state, instance } = await loaded(id);
      const plan = planOfRecord(engine, instance, { state, record });
      const rule = approvalOf(engine, approvalRequest(instance, plan, execution));
      if (rule === undefined || !rule.of.includes(name))
        throw invalidArgument('options.by', `one of ${rule?.of.join(', ') ?? 'nobody'}`, name);
      const count = new Set([...record.approvals, name].filter((one) => rule.of.includes(one))).size;
      const ready = count >= rule.count && !record.verdicts.some(({ decision }) => decision === 'review');
      await tell(id, execution, { type: 'approved', id: execution, by: name, ready });
      if (ready) await proceed(engine, executor, { id, execution });
    },
    async agree(id, execution) {
      const record = await executionOf(id, execution);
      if (record.status !== 'proposed' && record.status !== 'waiting' && record.status !== 'signing')
        throw wrongState(execution, 'one that waits for us', record.status);
      await proceed(engine, executor, { id, execution });
    },
    async release(id, execution) {
      await executionOf(id, execution);
      await tell(id, execution, { type: 'released', id: execution });
    },
    async abandon(id, execution, call = {}) {
      const { reason = 'given up' } = requireObject<{ readonly reason: string }>('options', call);
      await executionOf(id, execution);
      await tell(id, execution, { type: 'abandoned', id: execution, reason: requireText('options.reason', reason) });
    },
    async learn(id, secret) {
      await loaded(id);
      const bytes = requireBytes('secret', secret, 32);
      await runner.send(contractMachine, id, { type: 'learned', secrets: [toHex(bytes)] });
    },
    async receive(message) {
      await receiveMessage(engine, executor, parseMessage(message));
    },
    async recordCovenants(id, signatures) {
      const { state, instance } = await loaded(id);
      const cells = Object.entries(state.cells).map(([outpoint, cell]) => cellOfRecord(instance, outpoint, cell));
      const checked: Record<string, string> = {};
      for (const { outpoint, plan } of covenantSteps(instance, cells)) {
        const name = `${outpoint}/${plan.transition}`;
        const signature = signatures.get(name);
        if (signature === undefined) continue;
        if (!isCovenantSignature(instance, plan, signature))
          throw new BiscolError(
            'BISCOL_SIGNATURE_INVALID',
            `expected the signature of ${name} to verify, got another`,
            {
              details: { input: 0, key: name },
            },
          );
        checked[name] = toHex(signature);
      }
      await runner.send(contractMachine, id, { type: 'presigned', signatures: checked });
    },
    async signers(id, execution) {
      const record = await executionOf(id, execution);
      const { state, instance } = await loaded(id);
      const plan = planOfRecord(engine, instance, { state, record });
      const { height } = await engine.chain.tip();
      return signerReport({ instance, plan, record, height });
    },
    state: viewOf,
    async waitFor(id, isWanted, { signal } = {}) {
      requireFunction('isWanted', isWanted);
      for (;;) {
        const after = await engine.store.head();
        const view = await viewOf(id);
        if (isWanted(view)) return view;
        if (signal?.aborted === true) throw aborted('waitFor');
        await engine.store
          .waitForEvents({ after, timeoutMs: WAIT_MS, ...(signal === undefined ? {} : { signal }) })
          .catch((error: unknown) => {
            if (hasCode(error, 'EVENTS_ABORTED')) throw aborted('waitFor');
            throw error;
          });
      }
    },
    async work(call) {
      const { signal } = requireObject<{ readonly signal: AbortSignal }>('options', call);
      if (!(signal instanceof AbortSignal)) throw invalidArgument('options.signal', 'an AbortSignal', signal);
      await Promise.all([
        runner.work({ signal }),
        watcher.run({ signal, leaseMs: engine.leaseMs, deliver: async (notice) => deliverNotice(engine, notice) }),
      ]);
    },
  };
}

/** Throws unless an output is what begins the contract. */
function requireFunding(
  outpoint: string,
  of: {
    readonly found: { readonly value: bigint; readonly scriptPubKey: Uint8Array };
    readonly wanted: ReturnType<typeof fundingOutputs>[number];
  },
): void {
  const { found, wanted } = of;
  if (found.value === wanted.value && equalBytes(found.scriptPubKey, wanted.output.scriptPubKey)) return;
  throw new BiscolError(
    'BISCOL_FUNDING_MISMATCH',
    `expected ${outpoint} to pay ${wanted.value} sat to the state ${wanted.state}, got something else`,
    { details: { outpoint, state: wanted.state, value: String(wanted.value) } },
  );
}

function aborted(call: string): BiscolError {
  return new BiscolError('BISCOL_ABORTED', `expected ${call} to go on, got an aborted signal`, { details: { call } });
}

function wrongState(execution: string, expected: string, got: string): BiscolError {
  return new BiscolError('BISCOL_EXECUTION_STATE', `expected ${expected}, got ${got}`, {
    details: { execution: execution.slice(0, 100), expected, got },
  });
}

/** The settings, checked; runner and flows know each other through it. */
function engineOf(options: EngineOptions): Engine & { readonly executor: Executor } {
  const given = requireObject<EngineOptions>('options', options);
  const { store, chain, network, contracts, keys, musig, gate, transport, logger = silentLogger } = given;
  requireFunction('options.store.append', requireObject<EventStore>('options.store', store).append);
  requireFunction('options.chain.tip', requireObject<EngineChain>('options.chain', chain).tip);
  requireFunction('options.chain.broadcast', (chain as EngineChain).broadcast);
  const known = requireList('options.contracts', contracts) as readonly AnyContract[];
  const keepInstances = requireInteger('options.keepInstances', given.keepInstances ?? 20_000, 1, 1_000_000);
  const pollMs = requireInteger('options.pollMs', given.pollMs ?? 1_000, 1, 3_600_000);
  const leaseMs = requireInteger('options.leaseMs', given.leaseMs ?? 60_000, 10, 86_300_000);
  const performers: Record<string, (...parameters: never[]) => unknown> = {};
  const watcher = createWatcher({
    chain: chain as EngineChain,
    store: store as EventStore,
    name: given.name ?? 'biscol',
    pollMs,
  });
  const runner: Runner = createRunner({
    store: store as EventStore,
    machines: [register(contractMachine, performers as unknown as ReturnType<typeof performersOf>)],
    height: async ({ signal }) => (await (chain as EngineChain).tip(signal === undefined ? {} : { signal })).height,
    keepInstances,
    idleMs: pollMs,
    leaseMs,
    logger,
  });
  const engine: Engine = {
    store: store as EventStore,
    runner,
    watcher,
    chain: chain as EngineChain,
    network: requireText('options.network', network) as NetworkName,
    contracts: known,
    shelf: createShelf(known, keepInstances),
    keys,
    musig,
    gate,
    approvals: given.approvals,
    consent: given.consent ?? (() => 'ask'),
    transport,
    limits: { ...DEFAULT_LIMITS, ...requireLimits(given.limits ?? {}) },
    profile: given.profile ?? policyProfiles['core-31'],
    fallbackFeeRate: given.fallbackFeeRate ?? asFeeRate(5_000n),
    dutiesOf: new Set(given.dutiesOf ?? []),
    confirmations: requireInteger('options.confirmations', given.confirmations ?? 6, 1, 100),
    leaseMs,
    logger,
  };
  const executor = new Executor(engine);
  // The runner needs performers before there is an engine to perform with.
  Object.assign(performers, performersOf(engine, executor));
  return { ...engine, executor };
}
