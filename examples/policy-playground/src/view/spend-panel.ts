import { toHex } from '@bitcoin-enterprise/core';
import type { DerivedKey, SpendBlocked, SpendPlan } from '@bitcoin-enterprise/descriptors';
import type { PlaygroundOutput } from '../compile.ts';
import { situationOf, waited } from '../situation.ts';
import { preimageOf, type SpendResult, type Tools } from '../spend.ts';
import { FIRST_FUNDING, HIGHEST, type PlaygroundState } from '../state.ts';
import { byId, make } from './element.ts';
import { grouped, utc } from './numbers.ts';

/** What a panel does when somebody works with it. */
export interface SpendPanelEvents {
  readonly onChange: (change: Partial<PlaygroundState>) => void;
  /** A text that somebody typed for the preimage of a hash. */
  readonly onPreimage: (hash: Uint8Array, text: string) => void;
}

/** Shows who can sign, which secrets are known, and when. */
export function showSpendPanel(
  result: PlaygroundOutput,
  facts: { readonly state: PlaygroundState; readonly tools: Tools; readonly events: SpendPanelEvents },
): void {
  const { state, events } = facts;
  const { names, foreignKeys, hasTimeLock } = result;
  const absent = new Set(state.absent);
  keepFocus(byId('signers', HTMLElement), [
    ...names.map((name) =>
      tick(name, !absent.has(name), (signs) => {
        const others = state.absent.filter((one) => one !== name && names.includes(one));
        events.onChange({ absent: signs ? others : [...others, name] });
      }),
    ),
    ...foreignKeys.map((key) => {
      const label = make(
        'label',
        { title: 'This page has no secret of it' },
        make('input', { type: 'checkbox', disabled: '' }),
      );
      label.append(`${key.slice(0, 10)}…`);
      return label;
    }),
  ]);
  showSecrets(result, facts);
  const { confirmations, height } = state;
  const confirmationsField = byId('confirmations', HTMLInputElement);
  confirmationsField.value = String(confirmations);
  confirmationsField.max = String(HIGHEST - FIRST_FUNDING + 1);
  byId('height', HTMLInputElement).value = String(height);
  byId('clock-field', HTMLElement).hidden = !hasTimeLock;
  const { medianTime } = situationOf(state);
  byId('clock', HTMLInputElement).value = new Date(medianTime * 1_000).toISOString().slice(0, 19);
}

function showSecrets(
  { hashes }: PlaygroundOutput,
  { state, tools, events }: Parameters<typeof showSpendPanel>[1],
): void {
  const place = byId('secrets', HTMLElement);
  place.hidden = hashes.length === 0;
  const rows = hashes.map(({ hashFunction, hash }) => {
    const hex = toHex(hash);
    const preimage = preimageOf(hashFunction, hash, tools);
    const shown = `${hashFunction} ${hex.slice(0, 12)}…`;
    const known = preimage !== undefined && !state.hidden.includes(hex);
    const box = tick(`reveal the secret of ${shown}`, known, (reveals) => {
      const others = state.hidden.filter((one) => one !== hex);
      events.onChange({ hidden: reveals ? others : [...others, hex] });
    });
    if (preimage === undefined) box.querySelector('input')?.setAttribute('disabled', '');
    const field = make('input', {
      type: 'text',
      'aria-label': `Secret of ${shown}, 32 bytes in hexadecimal`,
      placeholder: '32 bytes in hexadecimal',
      value: preimage === undefined ? '' : toHex(preimage),
      spellcheck: 'false',
      id: `secret-${hex}`,
    });
    field.addEventListener('change', () => events.onPreimage(hash, field.value));
    return make('div', { class: 'secret' }, make('div', { class: 'chips' }, box), field);
  });
  keepFocus(place, [make('h3', {}, 'Which secrets are known'), ...rows]);
}

function tick(name: string, checked: boolean, onTick: (checked: boolean) => void): HTMLLabelElement {
  const box = make('input', { type: 'checkbox', id: `tick-${name}` });
  box.checked = checked;
  box.addEventListener('change', () => onTick(box.checked));
  return make('label', {}, box, name);
}

/** Replaces what a place shows; whoever works there with the keyboard stays where they are. */
function keepFocus(place: HTMLElement, children: readonly Node[]): void {
  const focused = place.contains(document.activeElement) ? document.activeElement?.id : undefined;
  place.replaceChildren(...children);
  if (focused !== undefined && focused !== '') document.getElementById(focused)?.focus();
}

/** Says how the output can be spent now, or why not. */
export function showPlan(
  plan: SpendPlan | SpendBlocked,
  facts: {
    readonly result: PlaygroundOutput;
    readonly state: PlaygroundState;
    readonly tools: Tools;
    readonly events: SpendPanelEvents;
  },
): void {
  const { result, state, tools, events } = facts;
  const place = byId('plan', HTMLElement);
  byId('spend', HTMLButtonElement).disabled = !plan.ok;
  place.className = plan.ok ? 'plan good' : 'plan bad';
  const nameOf = (key: DerivedKey): string => keyName(key, tools);
  if (plan.ok) {
    const { weight, witnessSize, signers } = plan;
    place.replaceChildren(
      title(`Can be spent now by ${wayText(plan)}`),
      make('p', {}, make('code', {}, scriptText(plan, result))),
      make(
        'p',
        {},
        `The input will have ${weightText(weight)}, of which the witness is ${rangeText(witnessSize)}. Signed by ${listed(inOrder(signers.map(nameOf), result.names))}.${lockText(plan)}`,
      ),
    );
    return;
  }
  const { keys, preimages, spendableFrom } = plan;
  // Of an aggregate only those are missed who do not sign.
  const signs = (key: DerivedKey): boolean => {
    const name = tools.wallet.nameOf(key);
    return name !== undefined && !state.absent.includes(name);
  };
  const absent = keys.flatMap((key) =>
    key.participants.length === 0 ? [key] : key.participants.filter((one) => !signs(one)),
  );
  const missing = [
    ...absent.map((key) => `a signature of ${nameOf(key)}`),
    ...preimages.map(({ hashFunction, hash }) => `the secret of ${hashFunction} ${toHex(hash).slice(0, 12)}…`),
  ];
  const lines: Node[] = [
    title(spendableFrom === undefined ? 'Cannot be spent with what is ticked' : 'Cannot be spent yet'),
  ];
  if (spendableFrom !== undefined) {
    const { height = state.height, blocks, seconds, medianTime } = spendableFrom;
    const when = [
      ...(blocks > 0 ? [`height ${grouped(height)} (in ${grouped(blocks)} blocks)`] : []),
      ...(seconds > 0 ? [medianTime === undefined ? `${grouped(seconds)} seconds from now` : utc(medianTime)] : []),
    ];
    lines.push(make('p', {}, `With what is ticked it is spendable from ${when.join(' and ')} on.`));
    const then = waited(state, spendableFrom);
    if (then.height <= HIGHEST) {
      const button = make('button', { type: 'button', id: 'wait' }, 'Wait until then');
      button.addEventListener('click', () => events.onChange(then));
      lines.push(button);
    } else lines.push(make('p', { class: 'quiet' }, `This page mines ${grouped(HIGHEST)} blocks at most.`));
  }
  if (missing.length > 0)
    lines.push(make('p', {}, `${spendableFrom === undefined ? 'It takes' : 'Sooner it takes'} ${listed(missing)}.`));
  place.replaceChildren(...lines);
}

function title(text: string): HTMLElement {
  return make('p', { class: 'title' }, text);
}

function keyName(key: DerivedKey, tools: Tools): string {
  if (key.participants.length > 0) return listed(key.participants.map((one) => keyName(one, tools)));
  return tools.wallet.nameOf(key) ?? `${toHex(key.bytes).slice(0, 10)}…`;
}

function wayText({ path }: SpendPlan): string {
  if (path.kind === 'leaf') return `leaf ${path.index + 1}`;
  return path.kind === 'key' ? 'the key path' : 'the script';
}

/** The key or the miniscript of the way that a plan goes. */
function scriptText({ path }: SpendPlan, { compiled: { paths } }: PlaygroundOutput): string {
  const way = path.kind === 'leaf' ? paths.filter(({ kind }) => kind === 'leaf')[path.index] : paths[0];
  return way?.text ?? '';
}

function weightText(weight: SpendPlan['weight']): string {
  return `${rangeText(weight)} WU`;
}

function rangeText({ minimum, maximum }: { readonly minimum: number; readonly maximum: number }): string {
  return minimum === maximum ? grouped(maximum) : `${grouped(minimum)} to ${grouped(maximum)}`;
}

const FINAL_OR_REPLACEABLE = 0xffff_fffd;

function lockText({ lockTime, sequence }: SpendPlan): string {
  const parts = [
    ...(lockTime > 0 ? [`lock time ${grouped(lockTime)}`] : []),
    ...(sequence < FINAL_OR_REPLACEABLE ? [`sequence ${grouped(sequence)}`] : []),
  ];
  return parts.length === 0 ? '' : ` It carries ${listed(parts)}.`;
}

/** Names in the order in which the policy has them; a plan has them in that of the stack. */
function inOrder(found: readonly string[], names: readonly string[]): readonly string[] {
  return [...found].sort((left, right) => names.indexOf(left) - names.indexOf(right));
}

function listed(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? 'nobody') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1) ?? ''}`;
}

/** Tells what became of a spend. */
export function showOutcome(spent: SpendResult, result: PlaygroundOutput): void {
  const { accepted, reason, plan, actualWeight, minedHeight, fee, txid, fundingTxid, fundingHeight, tx } = spent;
  const { minimum, maximum } = plan.weight;
  const holds = actualWeight >= minimum && actualWeight <= maximum;
  const verdict =
    minimum === maximum && holds ? 'equal to the prediction' : holds ? 'within the prediction' : 'NOT as predicted';
  const facts: readonly (readonly [string, readonly (Node | string)[]])[] = [
    ['Way', [wayText(plan), ', ', make('code', {}, scriptText(plan, result))]],
    ['Predicted weight', [make('span', { id: 'predicted' }, weightText(plan.weight))]],
    [
      'Actual weight',
      [make('span', { id: 'actual' }, `${grouped(actualWeight)} WU`), ', ', make('span', { class: 'equal' }, verdict)],
    ],
    ['Fee', [`${grouped(fee)} sat, chosen before anything was signed`]],
    ['Funded by', [make('code', {}, fundingTxid), ` in block ${grouped(fundingHeight)}`]],
    ['Spent by', [make('code', {}, txid)]],
  ];
  const list = make('dl', { class: 'facts' });
  for (const [name, value] of facts) list.append(make('dt', {}, name), make('dd', {}, ...value));
  byId('outcome', HTMLElement).replaceChildren(
    make(
      'div',
      { class: `outcome ${accepted && holds ? 'good' : 'bad'}` },
      title(accepted ? `Accepted, and mined in block ${grouped(minedHeight ?? 0)}` : `Refused: ${reason ?? ''}`),
      list,
      make(
        'details',
        {},
        make('summary', {}, 'Transaction in hexadecimal'),
        make('code', { class: 'long' }, toHex(tx)),
      ),
    ),
  );
}
