import type { BlockNode } from '../model/block-node.ts';

/** BIP9's version bits with no deployment signalled. */
const TOP_BITS = 0x2000_0000;
/** The deployment that every regtest chain has, which changes no rule. */
const TEST_DUMMY_BIT = 28;
const PERIOD = 144;
const THRESHOLD = 108;

type DeploymentStatus = 'defined' | 'started' | 'locked_in' | 'active';

/** How far the deployment of tests is on a chain. */
export interface TestDummy {
  readonly status: DeploymentStatus;
  /** Height of the first block with that status. */
  readonly since: number;
}

/** How far the deployment of tests is for a block on a parent (BIP9). */
export function testDummyOn(parent: BlockNode): TestDummy {
  const periods = Math.floor((parent.height + 1) / PERIOD);
  let status: DeploymentStatus = 'defined';
  let since = 0;
  for (let period = 1; period <= periods && status !== 'active'; period++) {
    const first = period * PERIOD;
    const next = after(status, () => signalsIn(parent, first));
    if (next !== status) since = first;
    status = next;
  }
  return { status, since };
}

/** What follows at the end of a period, in which so many blocks signalled. */
function after(status: DeploymentStatus, signalled: () => number): DeploymentStatus {
  if (status === 'defined') return 'started';
  return status !== 'started' ? 'active' : signalled() >= THRESHOLD ? 'locked_in' : 'started';
}

/** Blocks that signal in the period that ends before a height. */
function signalsIn(tip: BlockNode, end: number): number {
  let count = 0;
  let node: BlockNode | undefined = tip.ancestor(end - 1);
  for (let i = 0; i < PERIOD && node !== undefined; i++, node = node.parent) if (signals(node)) count++;
  return count;
}

function signals(node: BlockNode): boolean {
  const { version } = node.header;
  return version >>> 29 === 1 && ((version >>> TEST_DUMMY_BIT) & 1) === 1;
}

/** Version of a new block on a parent: while the deployment of tests is open, it is signalled. */
export function blockVersionOn(parent: BlockNode): number {
  const { status } = testDummyOn(parent);
  return status === 'started' || status === 'locked_in' ? TOP_BITS + 2 ** TEST_DUMMY_BIT : TOP_BITS;
}

/** The deployment of tests as `getdeploymentinfo` shows it after a block. */
export function testDummyJson(tip: BlockNode, timeout: unknown): object {
  const parent = tip.parent;
  const now: TestDummy = parent === undefined ? { status: 'defined', since: 0 } : testDummyOn(parent);
  const next = testDummyOn(tip);
  const counts = now.status === 'started' || now.status === 'locked_in';
  return {
    type: 'bip9',
    active: next.status === 'active',
    ...(next.status === 'active' ? { height: next.since } : {}),
    bip9: {
      ...(counts ? { bit: TEST_DUMMY_BIT } : {}),
      start_time: 0,
      timeout,
      min_activation_height: 0,
      status: now.status,
      since: now.since,
      status_next: next.status,
      ...(counts ? signalling(tip, now.status) : {}),
    },
  };
}

/** Who signals in the period of a block, up to it. */
function signalling(tip: BlockNode, status: DeploymentStatus): object {
  const elapsed = (tip.height % PERIOD) + 1;
  const marks: boolean[] = [];
  let node: BlockNode | undefined = tip;
  for (let i = 0; i < elapsed && node !== undefined; i++, node = node.parent) marks.unshift(signals(node));
  const count = marks.filter(Boolean).length;
  const counted = { period: PERIOD, elapsed, count };
  return {
    statistics:
      status === 'started'
        ? { ...counted, threshold: THRESHOLD, possible: PERIOD - elapsed >= THRESHOLD - count }
        : counted,
    signalling: marks.map((mark) => (mark ? '#' : '-')).join(''),
  };
}
