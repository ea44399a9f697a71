import type { PlaygroundFault } from '../compile.ts';
import { byId, make } from './element.ts';

/** Marks the fault of a policy where it was written, and tells it. */
export function showFault(fault: PlaygroundFault | undefined): void {
  const field = byId('policy', HTMLTextAreaElement);
  const box = byId('fault', HTMLElement);
  const backdrop = byId('backdrop', HTMLElement);
  field.setAttribute('aria-invalid', String(fault !== undefined));
  box.hidden = fault === undefined;
  if (fault === undefined) {
    backdrop.replaceChildren();
    return;
  }
  const { position, length, message, hint } = fault;
  const { value } = field;
  // A fault of no length lies between two characters, or behind the last.
  const marked = value.slice(position, position + Math.max(1, length)) || ' ';
  backdrop.replaceChildren(
    value.slice(0, position),
    make('mark', {}, marked),
    value.slice(position + marked.length),
    // The last line of a text area may be empty, which that of a block is not.
    '\n',
  );
  const go = make('button', { type: 'button', id: 'go' }, `Go to ${placeOf(value, position)}`);
  go.addEventListener('click', () => {
    field.focus();
    field.setSelectionRange(position, position + length);
  });
  box.replaceChildren(make('p', {}, `${sentence(message)}${hint === undefined ? '' : ` ${hint}`}`), go);
  syncScroll();
}

/** Keeps the marks under what is written. */
export function syncScroll(): void {
  byId('backdrop', HTMLElement).scrollTop = byId('policy', HTMLTextAreaElement).scrollTop;
}

function placeOf(text: string, position: number): string {
  const before = text.slice(0, position).split('\n');
  return `line ${before.length}, character ${(before.at(-1) ?? '').length + 1}`;
}

function sentence(message: string): string {
  const text = `${message.slice(0, 1).toUpperCase()}${message.slice(1)}`;
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
