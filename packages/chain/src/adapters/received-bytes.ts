/** Room that is kept while nothing waits, bytes; what a large message took is given back. */
const KEPT_ROOM = 65_536;

/** Bytes that came and are not used yet. To add some costs what they are long, on average, in however small pieces. */
export class ReceivedBytes {
  #room: Uint8Array = new Uint8Array(0);
  #start = 0;
  #end = 0;

  /** How many wait. */
  get length(): number {
    return this.#end - this.#start;
  }

  /** All that wait, oldest first: a view that holds until more are added. */
  get view(): Uint8Array {
    return this.#room.subarray(this.#start, this.#end);
  }

  /** Adds a copy of some. */
  add(bytes: Uint8Array): void {
    if (this.#end + bytes.length > this.#room.length) this.#makeRoom(this.length + bytes.length);
    this.#room.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** Lets the oldest go. */
  drop(count: number): void {
    this.#start = Math.min(this.#start + count, this.#end);
    if (this.#start < this.#end) return;
    this.#start = this.#end = 0;
    if (this.#room.length > KEPT_ROOM) this.#room = new Uint8Array(0);
  }

  /** Moves what waits into twice the room, so that the next move is as far away as this one was dear. */
  #makeRoom(needed: number): void {
    const room = new Uint8Array(needed * 2);
    room.set(this.view);
    this.#end = this.length;
    this.#start = 0;
    this.#room = room;
  }
}
