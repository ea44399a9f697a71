import { type MiniscriptContext, printFragment } from '../../src/index.ts';
import type { Dice } from './dice.ts';
import { randomMiniscript } from './random-miniscript.ts';
import { publicKeyOf } from './signing.ts';

/** A descriptor whose keys can sign, and which of its scripts is meant. */
export interface SpendableDescriptor {
  readonly text: string;
  readonly scriptIndex: number;
}

/** A random descriptor of any kind. */
export function spendableDescriptor(roll: Dice): SpendableDescriptor {
  let used = 0;
  const key = (): string => publicKeyOf(used++);
  const legacyKey = (): string => (roll.oneIn(2) ? key() : publicKeyOf(used++, { compressed: false }));
  const miniscript = (context: MiniscriptContext): string => {
    const names = new Map<number, string>();
    return printFragment(randomMiniscript(roll, context), (place) => {
      const name = names.get(place) ?? (context === 'tapscript' ? key().slice(2) : key());
      names.set(place, name);
      return name;
    });
  };
  const leaf = (): string => {
    const xOnly = (): string => key().slice(2);
    return roll.oneIn(5) ? `sortedmulti_a(2,${xOnly()},${xOnly()},${xOnly()})` : miniscript('tapscript');
  };
  const tree = (depth: number): string =>
    depth === 0 || roll.oneIn(3) ? leaf() : `{${tree(depth - 1)},${tree(depth - 1)}}`;
  const kinds: readonly (() => string)[] = [
    () => `pk(${legacyKey()})`,
    () => `pkh(${legacyKey()})`,
    () => `wpkh(${key()})`,
    () => `sh(wpkh(${key()}))`,
    () => `wsh(${miniscript('wsh')})`,
    () => `sh(wsh(${miniscript('wsh')}))`,
    () => `sh(multi(2,${key()},${key()},${key()}))`,
    () => `wsh(sortedmulti(2,${key()},${key()},${key()}))`,
    () => `combo(${key()})`,
    () => `multi(1,${key()},${key()})`,
    () => `sh(pkh(${key()}))`,
    () => `tr(${key()})`,
    () => `tr(${key()},${tree(3)})`,
    () => `tr(${key()},${tree(4)})`,
  ];
  const text = (kinds[roll.below(kinds.length)] as () => string)();
  return { text, scriptIndex: text.startsWith('combo') ? roll.below(4) : 0 };
}
