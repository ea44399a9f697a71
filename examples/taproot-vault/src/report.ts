import { encodeAddress, toHex } from '@bitcoin-enterprise/core';
import { type TraceStep, disassemble } from '@bitcoin-enterprise/script';
import type { Replay } from './replay.ts';
import type { Attempt, Story } from './story.ts';

const style = `
:root { color-scheme: light dark; --line: #8885; --good: #1a7f37; --bad: #cf222e; --soft: #8881; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
code, td.code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: 14px; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.good { color: var(--good); font-weight: 600; } .bad { color: var(--bad); font-weight: 600; }
tr.failed td { background: #cf222e22; } .idle { opacity: .45; }
details { margin: .6rem 0; } summary { cursor: pointer; }
svg { width: 100%; height: auto; } svg text { font: 14px system-ui, sans-serif; fill: currentColor; }
svg rect { fill: var(--soft); stroke: currentColor; } svg path { stroke: currentColor; fill: none; }
`;

/** Writes a story, and what a real node said about it, as one HTML page that loads nothing. */
export function renderReport(story: Story, replay: Replay | undefined, engine: string): string {
  const { vault, attempts, chain } = story;
  const address = encodeAddress(vault.output.scriptPubKey, 'regtest');
  return `<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>A Taproot vault, spent both ways</title><style>${style}</style>
<h1>A Taproot vault, spent both ways</h1>
<p>The hot key spends after ${vault.terms.delayBlocks} blocks; any two of three recovery keys spend at once. Funded twice at
<code>${address}</code>, on an embedded chain of ${chain.height} blocks, with the ${escape(engine)} engine.</p>
<h2>Verdicts</h2>${verdicts(attempts, replay)}
<h2>The tree</h2>${tree(story)}
<h2>What each step did</h2>${attempts.map(trace).join('\n')}
</html>
`;
}

function verdicts(attempts: readonly Attempt[], replay: Replay | undefined): string {
  const node = replay === undefined ? 'No real node was asked.' : nodeLine(replay);
  const rows = attempts.map((attempt, index) => {
    const asked = replay === undefined ? '' : `<td>${verdict(replay.reasons[index])}</td>`;
    return `<tr><td class="number">${attempt.height + 1}</td><td>${escape(attempt.title)}</td><td>${attempt.path}</td>
<td>${verdict(attempt.reason)}</td>${asked}<td class="number">${attempt.inputWeight}</td>
<td class="number">${attempt.weight}</td><td class="number">${attempt.virtualSize}</td></tr>`;
  });
  return `<p>${node}</p><div class="scroll"><table><tr><th>block</th><th>attempt</th><th>leaf</th><th>embedded chain</th>
${replay === undefined ? '' : '<th>real node</th>'}<th>input WU</th><th>weight WU</th><th>size vB</th></tr>
${rows.join('\n')}</table></div>`;
}

function nodeLine(replay: Replay): string {
  const tip = replay.sameTip ? '<span class="good">same tip</span>' : '<span class="bad">another tip</span>';
  const same = replay.sameVerdicts
    ? '<span class="good">same verdicts</span>'
    : '<span class="bad">other verdicts</span>';
  return `<code>${escape(replay.node)}</code> took the same ${replay.blocks} blocks: ${tip}, ${same}.`;
}

function verdict(reason: string | undefined): string {
  return reason === undefined ? '<span class="good">accepted</span>' : `<span class="bad">${escape(reason)}</span>`;
}

function tree({ vault, coins }: Story): string {
  const { output, leaves } = vault;
  const value = coins.reduce((sum, coin) => sum + coin.value, 0n);
  const box = (x: number, y: number, width: number, lines: readonly string[]): string =>
    `<rect x="${x}" y="${y}" width="${width}" height="${20 + lines.length * 20}" rx="6"/>${lines
      .map((line, row) => `<text x="${x + 12}" y="${y + 26 + row * 20}">${escape(line)}</text>`)
      .join('')}`;
  const picture = `<svg viewBox="0 0 900 260" role="img" aria-label="The output key commits to two leaves">
<path d="M450 70V105H220V140M450 105H680V140"/>
${box(250, 10, 400, [`output key ${short(output.outputKey)}`, `${value} sat in all; by script path only`])}
${box(20, 140, 400, ['delayed', `hot key, and ${vault.terms.delayBlocks} blocks old`, `leaf ${short(leaves.delayed.leafHash)}`, `script ${leaves.delayed.script.length} B, control block ${leaves.delayed.controlBlock.length} B`])}
${box(480, 140, 400, ['recovery', 'two of three recovery keys', `leaf ${short(leaves.recovery.leafHash)}`, `script ${leaves.recovery.script.length} B, control block ${leaves.recovery.controlBlock.length} B`])}
</svg>`;
  const scripts = Object.entries(leaves).map(
    ([name, leaf]) => `<tr><td>${name}</td><td class="code">${escape(disassemble(leaf.script))}</td></tr>`,
  );
  return `${picture}<div class="scroll"><table><tr><th>leaf</th><th>script</th></tr>${scripts.join('\n')}</table></div>`;
}

function trace(attempt: Attempt): string {
  const { steps } = attempt.trace;
  const failed = !attempt.trace.verdict.ok;
  const rows = steps.map((step, index) => traceRow(step, failed && index === steps.length - 1));
  const outcome = attempt.trace.verdict.ok ? 'script satisfied' : `script failed: ${attempt.trace.verdict.error}`;
  return `<details${attempt.accepted ? '' : ' open'}><summary>Block ${attempt.height + 1}: ${escape(attempt.title)} —
${verdict(attempt.reason)} (${outcome})</summary><p><code>${attempt.txid}</code></p>
<div class="scroll"><table><tr><th>script</th><th>byte</th><th>opcode</th><th>pushes</th><th>stack before, top last</th><th>budget WU</th></tr>
${rows.join('\n')}</table></div></details>`;
}

function traceRow(step: TraceStep, failed: boolean): string {
  const stack = step.stack.map((item) => (item.length === 0 ? '∅' : short(item))).join(' ');
  return `<tr class="${failed ? 'failed' : step.executed ? '' : 'idle'}"><td>${step.phase}</td><td class="number">${step.offset}</td>
<td class="code">${step.name}</td><td class="code">${step.data === undefined ? '' : short(step.data)}</td>
<td class="code">${stack}</td><td class="number">${step.validationWeightLeft ?? ''}</td></tr>`;
}

function short(bytes: Uint8Array): string {
  const hex = toHex(bytes);
  return hex.length <= 20 ? hex : `${hex.slice(0, 10)}…${hex.slice(-6)}`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
