import { requireBytes } from './errors.ts';
import { readUint32, slice } from './codec/scanner.ts';
import { Opcode } from './opcodes.ts';

/** Walks over a script opcode by opcode, without making an object for any of them. */
export class ScriptReader {
  readonly script: Uint8Array;
  /** Offset behind the opcode and push read last. */
  position = 0;
  /** The opcode read last. */
  opcode = 0;
  /** Where the data of the push read last starts; its end is {@link position}. */
  dataStart = 0;

  constructor(script: Uint8Array, position = 0) {
    this.script = requireBytes(script, 'script');
    this.position = position;
  }

  /** Reads one opcode with its push; `false` at the end or inside a broken push ({@link position} then tells which). */
  next(): boolean {
    const { script } = this;
    if (this.position >= script.length) return false;
    const opcode = script[this.position++] as number;
    this.opcode = opcode;
    this.dataStart = this.position;
    if (opcode > Opcode.OP_PUSHDATA4) return true;
    const available = script.length - this.position;
    let size = opcode;
    if (opcode >= Opcode.OP_PUSHDATA1) {
      const width = opcode === Opcode.OP_PUSHDATA1 ? 1 : opcode === Opcode.OP_PUSHDATA2 ? 2 : 4;
      if (available < width) return false;
      const at = this.position;
      size =
        width === 1
          ? (script[at] as number)
          : width === 2
            ? (script[at] as number) | ((script[at + 1] as number) << 8)
            : readUint32(script, at);
      this.position += width;
      this.dataStart = this.position;
    }
    if (script.length - this.position < size) return false;
    this.position += size;
    return true;
  }

  /** Bytes pushed by the opcode read last. */
  data(): Uint8Array {
    return slice(this.script, this.dataStart, this.position);
  }

  /** Number of bytes pushed by the opcode read last. */
  get dataSize(): number {
    return this.position - this.dataStart;
  }
}
