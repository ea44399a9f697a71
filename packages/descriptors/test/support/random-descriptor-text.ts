import type { Dice } from './dice.ts';

const EXTENDED = [
  'tpubD6NzVbkrYhZ4XJDrzRvuxHEyQaPd1mwwdDofEJwekX18tAdsqeKfxss79AJzg1431FybXg5rfpTrJF4iAhyR7RubberdzEQXiRmXGADH2eA',
  'tprv8ZgxMBicQKsPdqC56nGKYsarqYsgrSm33vCswnuMLFCk3gP7DFW5nPFExzSe7FGAzkbAFrxtXoQEe8vaX471tU3dsUUC7PNpYLGuzb2agmj',
  'tpubDEnoLuPdBep9bzw5LoGYpsxUQYheRQ9gcgrJhJEcdKFB9cWQRyYmkCyRoTqeD4tJYiVVgt6A3rN6rWn9RYhR9sBsGxji29LYWHuKKbdb1ev',
  'tprv8i6mCVMP3H8UiXuHT9bxRUJMqXBiG4xn3PFXQnCKD3SnK8FdoajBZiMZdM8S8hRUAAoGz1RdotaGZiAhNYe56K94G6BiFhGqGuxFfgKQPiw',
  'tpubD8kCEZazE4vQhtmRjxmDDXFfyaL6vVX7k3pASqf3xX1J7Rzc5HLVzbtLvsgVDxERNiEJ8dibuSVCN1dxwex371qgPzhkGeMAzKe8T7ivSof',
] as const;

const SINGLE = [
  '03a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd',
  'a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd',
  '04a34b99f22c790c4e36b2b3c2c35a36db06226e41c692fc82b8b56ac1c540c5bd5b8dec5235a0fa8722476c7709c02559e3aa73aa03918ba2d492eea75abea235',
  '0260b2003c386519fc9eadf2b5cf124dd8eea4c4e68d5e154050a9346ea98ce600',
  '02f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9',
  'cQ2qrVeaHPnEhcGqK5p7Ae2WG7J41HmmzdF6VPcVH3PzpbSDcBuY',
  '9297zS4yw1dXkBiCQ8SB1NXhcbWEpeLD1NMQuCU59Ac7kwu7ss6',
  'cVgh3GvEyVCGjEj2p9J2LGu3SdSURYHJHtYAwbKDBoHaiLeVfr9p',
] as const;

const PATHS = [
  '',
  '/0',
  '/*',
  '/0/*',
  '/<0;1>/*',
  '/<1;2>',
  '/1h/*',
  "/1'",
  "/*'",
  '/2147483647/*',
  '/007',
  "/44'/0h/*",
] as const;
const ORIGINS = ['', '', '', '[deadbeef]', "[deadbeef/44'/0h]", '[DEADBEEF/0]', '[deadbee]', '[deadbeef/0/]'] as const;
const HASH = '7426ba0604c3f8682c7016b44673f85c5bd9da2fa6c1080810cf53ae320c9863';
const NOISE = "()[]{},/*'h<>;@:0123456789abcdef_ ";

/** Texts that are descriptors of regtest, or nearly: for readers, not for spenders. */
export class RandomDescriptorText {
  readonly #roll: Dice;
  readonly #hasMusig: boolean;

  /** @param options - `musig`: whether aggregates occur; older nodes do not know them. */
  constructor(roll: Dice, { musig }: { readonly musig: boolean }) {
    this.#roll = roll;
    this.#hasMusig = musig;
  }

  /** A descriptor; it may break rules of contexts, keys, types or sanity. */
  text(): string {
    return this.#one([
      () => this.#inner(),
      () => `sh(${this.#inner()})`,
      () => `wsh(${this.#roll.oneIn(3) ? this.#inner() : this.#miniscript(this.#roll.below(3), false)})`,
      () => `sh(wsh(${this.#roll.oneIn(2) ? this.#inner() : this.#miniscript(this.#roll.below(3), false)}))`,
      () => `tr(${this.#key(true)})`,
      () => `tr(${this.#key(true)},${this.#tree(2)})`,
      () => `rawtr(${this.#key(true)})`,
      () => `raw(${this.#one(['00', 'deadbeef', '', '0', 'xx'])})`,
    ])();
  }

  /** A text with one character, or a few, changed. */
  spoilt(text: string): string {
    const at = this.#roll.below(text.length + 1);
    const letter = this.#one([...NOISE]);
    return this.#one([
      `${text.slice(0, at)}${letter}${text.slice(at)}`,
      `${text.slice(0, at)}${text.slice(at + 1 + this.#roll.below(3))}`,
      `${text.slice(0, at)}${letter}${text.slice(at + 1)}`,
      text.slice(0, at),
    ]);
  }

  #one<Item>(items: readonly Item[]): Item {
    return items[this.#roll.below(items.length)] as Item;
  }

  #extended(): string {
    return `${this.#one(ORIGINS)}${this.#one(EXTENDED)}${this.#one(this.#roll.oneIn(2) ? PATHS : PATHS.slice(0, 6))}`;
  }

  #key(isTaproot = false): string {
    if (this.#hasMusig && this.#roll.oneIn(isTaproot ? 4 : 40)) {
      const isBare = this.#roll.oneIn(2);
      const keys = Array.from({ length: 1 + this.#roll.below(3) }, () =>
        isBare ? this.#one(EXTENDED) : this.#plain(),
      );
      return `musig(${keys.join(',')})${isBare || this.#roll.oneIn(6) ? this.#one(PATHS) : ''}`;
    }
    return this.#plain();
  }

  #plain(): string {
    return this.#roll.oneIn(3) ? `${this.#one(ORIGINS)}${this.#one(SINGLE)}` : this.#extended();
  }

  #inner(): string {
    const key = (): string => this.#key();
    return this.#one([
      () => `pk(${key()})`,
      () => `pkh(${key()})`,
      () => `wpkh(${key()})`,
      () => `combo(${key()})`,
      () => `multi(${this.#roll.below(4)},${key()},${key()})`,
      () => `sortedmulti(${1 + this.#roll.below(2)},${key()},${key()},${key()})`,
      () => this.#miniscript(1, false),
    ])();
  }

  #tree(depth: number): string {
    const key = (): string => this.#key(true);
    if (depth > 0 && this.#roll.oneIn(2)) return `{${this.#tree(depth - 1)},${this.#tree(depth - 1)}}`;
    return this.#one([
      () => `pk(${key()})`,
      () => this.#miniscript(this.#roll.below(2), true),
      () => `multi_a(${this.#roll.below(3)},${key()},${key()})`,
      () => `sortedmulti_a(${1 + this.#roll.below(2)},${key()},${key()},${key()})`,
    ])();
  }

  #miniscript(depth: number, isTaproot: boolean): string {
    const key = (): string => this.#key(isTaproot);
    const sub = (): string => this.#miniscript(depth - 1, isTaproot);
    if (depth <= 0)
      return this.#one([
        () => `pk(${key()})`,
        () => `pkh(${key()})`,
        () => `older(${this.#one([1, 10, 4_194_305, 65_535, 2_147_483_647, 0])})`,
        () => `after(${this.#one([1, 500_000_001, 1_000])})`,
        () => `sha256(${HASH})`,
        () => `hash160(${HASH.slice(24)})`,
        () => '0',
        () => `multi${isTaproot ? '_a' : ''}(1,${key()},${key()})`,
      ])();
    const wide = (): string => `${this.#one(['a:', 'sln:', 's:'])}${this.#miniscript(0, isTaproot)}`;
    return this.#one([
      () => `and_v(v:${sub()},${sub()})`,
      () => `or_d(${sub()},${sub()})`,
      () => `andor(pk(${key()}),${sub()},${sub()})`,
      () => `or_i(${sub()},${sub()})`,
      () => `and_b(pk(${key()}),a:${sub()})`,
      () => `or_b(pk(${key()}),s:pk(${key()}))`,
      () => `and_n(pk(${key()}),${sub()})`,
      () => `thresh(${1 + this.#roll.below(3)},pk(${key()}),s:pk(${key()}),${wide()})`,
      () => `${this.#one([...'tlunjdcavs'])}:${sub()}`,
    ])();
  }
}
