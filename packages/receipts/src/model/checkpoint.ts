import { ReceiptsError } from '../errors.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { requireBytes, requireCount, requireList, requireObject, requireText } from './checks.ts';
import { HASH_LENGTH } from './merkle.ts';

/** What a log says about itself at one size. */
export interface Checkpoint {
  /** Which log. */
  readonly origin: string;
  /** Number of entries, 0 to 2^53 - 1. */
  readonly size: number;
  /** Root of the tree of them, 32 bytes. */
  readonly root: Uint8Array;
  /** Further lines, of no meaning here. */
  readonly extensions?: readonly string[];
}

/**
 * The text of a checkpoint, ready to be signed as a note (C2SP tlog-checkpoint).
 *
 * @throws {@link ReceiptsError} `RECEIPTS_CHECKPOINT_MALFORMED`, `RECEIPTS_INVALID_ARGUMENT`.
 *
 * @example
 * ```ts
 * import { formatCheckpoint, parseCheckpoint } from '@bitcoin-enterprise/receipts';
 *
 * const text = formatCheckpoint({ origin: 'example.com/log', size: 3, root: new Uint8Array(32) });
 * text.split('\n')[1]; // => '3'
 * parseCheckpoint(text).size; // => 3
 * ```
 */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  requireObject('checkpoint', checkpoint);
  const { origin, size, root, extensions = [] } = checkpoint;
  requireText('origin', origin);
  requireCount('size', size);
  requireBytes('root', root, HASH_LENGTH);
  requireList('extensions', extensions);
  const text = `${[origin, size, encodeBase64(root), ...extensions].join('\n')}\n`;
  parseCheckpoint(text);
  return text;
}

/**
 * Parses the text of a checkpoint: the signed part of its note.
 *
 * @throws {@link ReceiptsError} `RECEIPTS_CHECKPOINT_MALFORMED`.
 */
export function parseCheckpoint(text: string): Checkpoint {
  requireText('text', text);
  const [origin = '', decimal = '', base64 = '', ...rest] = text.split('\n');
  const extensions = rest.slice(0, -1);
  if (origin === '') throw malformed('origin');
  if (!/^(?:0|[1-9]\d{0,15})$/.test(decimal) || !Number.isSafeInteger(Number(decimal))) throw malformed('size');
  const root = decodeBase64(base64);
  if (root === undefined || root.length !== HASH_LENGTH) throw malformed('root');
  if (rest.at(-1) !== '' || extensions.includes('')) throw malformed('extension');
  const checkpoint = { origin, size: Number(decimal), root };
  return extensions.length === 0 ? checkpoint : { ...checkpoint, extensions };
}

function malformed(reason: 'origin' | 'size' | 'root' | 'extension'): ReceiptsError<'RECEIPTS_CHECKPOINT_MALFORMED'> {
  return new ReceiptsError('RECEIPTS_CHECKPOINT_MALFORMED', `expected a checkpoint, got a wrong ${reason}`, {
    details: { reason },
    hint: 'see c2sp.org/tlog-checkpoint',
  });
}
