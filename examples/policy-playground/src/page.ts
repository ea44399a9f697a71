/** The page: what is written becomes a state, the state becomes what is shown. */
import { loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { outputOf, type PlaygroundOutput } from './compile.ts';
import { startCompiler } from './compiler.ts';
import { examplesOf } from './examples.ts';
import { planPlayground, runSpend, type Tools } from './spend.ts';
import { type PlaygroundState, readLink, stateOf, withinChain, writeLink } from './state.ts';
import { showFault, syncScroll } from './view/editor.ts';
import { byId, make } from './view/element.ts';
import { grouped } from './view/numbers.ts';
import { showResults, showTree, showWay } from './view/results.ts';
import { showOutcome, showPlan, showSpendPanel, type SpendPanelEvents } from './view/spend-panel.ts';
import { PlayWallet } from './wallet.ts';

const SEED = 'policy playground';
/** Typing has come to a rest. */
const REST_MS = 120;
/** How long a compiler may take until the page says so. */
const PATIENCE_MS = 250;

const { engine: crypto, notice } = await loadCrypto();
const examples = examplesOf(crypto);
const typedPreimages = new Map<string, Uint8Array>();
let tools: Tools = { crypto, typedPreimages, wallet: new PlayWallet(SEED, crypto) };
let state: PlaygroundState = readLink(location.hash) ?? examples[1]?.state ?? stateOf('pk(alice)');
let shown: PlaygroundOutput | undefined;
const askCompiler = startCompiler();
let rest: ReturnType<typeof setTimeout> | undefined;
let working: ReturnType<typeof setTimeout> | undefined;
/** Which of the texts and options were compiled last. */
let compiledFrom = '';
/** Counts what is shown: a spend that ends after another state was shown is not told. */
let turn = 0;

const policyField = byId('policy', HTMLTextAreaElement);
const exampleField = byId('example', HTMLSelectElement);
const main = byId('main', HTMLElement);
const results = byId('results', HTMLElement);
const seed = byId('seed', HTMLInputElement);
seed.value = SEED;

const events: SpendPanelEvents = {
  onChange: change,
  onPreimage: (hash, text) => {
    const bytes = /^[\da-f]{64}$/i.test(text.trim()) ? parseHex(text.trim().toLowerCase()) : undefined;
    const hex = toHex(hash);
    const hashFunction = shown?.hashes.find((one) => toHex(one.hash) === hex)?.hashFunction;
    if (bytes !== undefined && hashFunction !== undefined && toHex(crypto[hashFunction](bytes)) === hex)
      typedPreimages.set(hex, bytes);
    else typedPreimages.delete(hex);
    showSpend();
  },
};

function change(part: Partial<PlaygroundState>): void {
  // What was typed last may still be waiting.
  const typed = rest === undefined ? {} : { policy: policyField.value };
  clearTimeout(rest);
  rest = undefined;
  state = withinChain({ ...state, ...typed, ...part });
  // An address without the state is that of a page which was just opened.
  history.replaceState(undefined, '', `#${writeLink(state)}`);
  render();
}

/** Says that a policy takes long, and that what is shown is of an older one. */
function showWorking(): void {
  byId('working', HTMLElement).hidden = false;
  showFault(undefined);
  setStale(true);
}

function setStale(isStale: boolean): void {
  for (const part of [results, byId('english', HTMLElement)]) part.classList.toggle('stale', isStale);
  results.inert = isStale;
}

/** Shows a state; what it becomes follows when it is compiled. */
function render(): void {
  showForm();
  const from = JSON.stringify([state.policy, state.context, state.musig, state.ifFree, seed.value]);
  if (from === compiledFrom) {
    showSpend();
    return;
  }
  compiledFrom = from;
  shown = undefined;
  showSpend();
  main.ariaBusy = 'true';
  clearTimeout(working);
  working = setTimeout(showWorking, PATIENCE_MS);
  const asked = state;
  askCompiler({ state: asked, seed: seed.value }, (answer) => {
    clearTimeout(working);
    byId('working', HTMLElement).hidden = true;
    showFault(answer.ok ? undefined : answer);
    setStale(!answer.ok);
    if (answer.ok) {
      shown = outputOf(answer, asked, tools.wallet);
      for (const part of [results, byId('english-section', HTMLElement)]) part.hidden = false;
      showResults(shown);
    }
    showSpend();
    main.ariaBusy = 'false';
  });
}

function showForm(): void {
  if (policyField.value !== state.policy) policyField.value = state.policy;
  exampleField.value = examples.find((example) => example.state.policy === state.policy)?.title ?? '';
  for (const radio of document.querySelectorAll<HTMLInputElement>('input[name=context]'))
    radio.checked = radio.value === state.context;
  for (const radio of document.querySelectorAll<HTMLInputElement>('input[name=musig]'))
    radio.checked = radio.value === state.musig;
  byId('musig', HTMLFieldSetElement).disabled = state.context !== 'tr';
  byId('if-free', HTMLInputElement).checked = state.ifFree;
}

function showSpend(): void {
  turn += 1;
  byId('outcome', HTMLElement).replaceChildren();
  byId('progress', HTMLElement).textContent = '';
  if (shown === undefined) {
    byId('spend', HTMLButtonElement).disabled = true;
    return;
  }
  showSpendPanel(shown, { state, tools, events });
  const plan = planPlayground(shown.output, state, tools);
  showWay(plan, shown);
  showPlan(plan, { result: shown, state, tools, events });
}

async function spend(): Promise<void> {
  const result = shown;
  if (result === undefined) return;
  const plan = planPlayground(result.output, state, tools);
  if (!plan.ok) return;
  const button = byId('spend', HTMLButtonElement);
  const progress = byId('progress', HTMLElement);
  const mine = turn;
  button.disabled = true;
  try {
    const spent = await runSpend(plan, state, {
      ...tools,
      onProgress: (height) => {
        if (turn === mine) progress.textContent = `Block ${grouped(height)} of ${grouped(state.height)}…`;
      },
    });
    if (turn === mine) showOutcome(spent, result);
  } finally {
    if (turn === mine) {
      progress.textContent = '';
      button.disabled = false;
      button.focus();
    }
  }
}

async function copy(button: HTMLElement, text: string): Promise<void> {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Not allowed here';
  }
  setTimeout(() => {
    button.textContent = before;
  }, 1_500);
}

exampleField.append(
  make('option', { value: '', disabled: '', hidden: '' }, 'Your own'),
  ...examples.map(({ title }) => make('option', { value: title }, title)),
);
exampleField.addEventListener('change', () => {
  const example = examples.find(({ title }) => title === exampleField.value);
  const { context, musig, ifFree } = state;
  if (example !== undefined) change({ ...example.state, context, musig, ifFree });
});

policyField.addEventListener('input', () => {
  clearTimeout(rest);
  // Marks of an older text would be at other places.
  byId('backdrop', HTMLElement).replaceChildren();
  rest = setTimeout(() => change({ policy: policyField.value }), REST_MS);
});
policyField.addEventListener('scroll', syncScroll);

for (const radio of document.querySelectorAll<HTMLInputElement>('input[name=context]'))
  radio.addEventListener('change', () => change({ context: radio.value === 'wsh' ? 'wsh' : 'tr' }));
for (const radio of document.querySelectorAll<HTMLInputElement>('input[name=musig]'))
  radio.addEventListener('change', () => {
    const { value } = radio;
    change({ musig: value === 'none' || value === 'everywhere' ? value : 'internal' });
  });
const ifFree = byId('if-free', HTMLInputElement);
ifFree.addEventListener('change', () => change({ ifFree: ifFree.checked }));

byId('all-sign', HTMLElement).addEventListener('click', () => change({ absent: [] }));
byId('none-sign', HTMLElement).addEventListener('click', () => change({ absent: shown?.names ?? [] }));
const confirmations = byId('confirmations', HTMLInputElement);
confirmations.addEventListener('change', () => change({ confirmations: confirmations.valueAsNumber }));
const height = byId('height', HTMLInputElement);
height.addEventListener('change', () => change({ height: height.valueAsNumber }));
const clock = byId('clock', HTMLInputElement);
clock.addEventListener('change', () => {
  const seconds = Math.floor(Date.parse(`${clock.value}Z`) / 1_000);
  // The median has passed it then, and is what the field shows.
  change({ clock: Number.isNaN(seconds) || seconds < 1 ? undefined : Math.min(seconds - 1, 0xfffe_ffff) });
});
seed.addEventListener('change', () => {
  tools = { ...tools, wallet: new PlayWallet(seed.value, crypto) };
  render();
});
byId('spend', HTMLElement).addEventListener('click', () => void spend());
const share = byId('share', HTMLElement);
share.addEventListener('click', () => void copy(share, `${location.href.split('#')[0] ?? ''}#${writeLink(state)}`));
for (const button of document.querySelectorAll<HTMLElement>('[data-copy]'))
  button.addEventListener('click', () => {
    void copy(button, byId(button.dataset['copy'] ?? '', HTMLElement).textContent ?? '');
  });
window.addEventListener('hashchange', () => {
  const linked = readLink(location.hash);
  if (linked === undefined) return;
  state = linked;
  render();
});
window.addEventListener('resize', () => {
  if (shown !== undefined) showTree(shown);
});

byId('engine', HTMLElement).textContent = crypto.name;
byId('notice', HTMLElement).textContent = notice ?? '';
render();
