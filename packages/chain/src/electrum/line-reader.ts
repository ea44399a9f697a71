import { ReceivedBytes } from '../adapters/received-bytes.ts';

const LINE_FEED = 0x0a;

/** Cuts a stream of bytes into lines of text. */
export class LineReader {
  readonly #maxLength: number;
  readonly #rest = new ReceivedBytes();
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  /** @param maxLength - Longest line that is read, in bytes. */
  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /**
   * Takes bytes and gives the lines that are complete.
   *
   * @returns `undefined` where a line is too long: the other side is to be left.
   */
  push(bytes: Uint8Array): readonly string[] | undefined {
    const lines: string[] = [];
    let from = 0;
    for (let end = bytes.indexOf(LINE_FEED); end >= 0; end = bytes.indexOf(LINE_FEED, from)) {
      if (this.#rest.length + end - from > this.#maxLength) return undefined;
      this.#rest.add(bytes.subarray(from, end));
      lines.push(this.#decoder.decode(this.#rest.view));
      this.#rest.drop(this.#rest.length);
      from = end + 1;
    }
    if (this.#rest.length + bytes.length - from > this.#maxLength) return undefined;
    this.#rest.add(bytes.subarray(from));
    return lines;
  }
}
