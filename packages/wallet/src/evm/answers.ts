/** What a node means by refusing a transaction; each says it in words of its own. */
export type Refusal = 'known' | 'nonce-too-low' | 'underpriced' | 'funds' | 'refused' | 'lost';

const WORDS: readonly (readonly [Refusal, RegExp])[] = [
  // geth, Erigon, Nethermind, Besu, OpenEthereum, anvil, Hardhat.
  ['known', /already ?known|already imported|known transaction|already exists|same hash was already/i],
  ['nonce-too-low', /nonce too low|nonce is too low|old ?nonce|nonce has already been used|invalid nonce.*too low/i],
  ['underpriced', /underpriced|replacement.*(fee|price).*too low|fee too low to replace|replacement_underpriced/i],
  ['funds', /insufficient funds|insufficient balance|upfront cost exceeds|not enough funds/i],
];

/** Reads an error of ethers: what the node said, or that nothing came back. */
export function refusalOf(error: unknown): { readonly refusal: Refusal; readonly text: string } {
  const text = textOf(error);
  const found = WORDS.find(([, words]) => words.test(text));
  if (found !== undefined) return { refusal: found[0], text };
  return { refusal: saysNode(error) ? 'refused' : 'lost', text };
}

/** The words of the node, as deep as ethers has wrapped them. */
function textOf(error: unknown): string {
  const parts = [
    fieldOf(fieldOf(fieldOf(error, 'info'), 'error'), 'message'),
    fieldOf(fieldOf(error, 'error'), 'message'),
  ];
  const found = parts.find((part) => typeof part === 'string') ?? fieldOf(error, 'message');
  return typeof found === 'string' ? found.slice(0, 300) : 'no words';
}

/** Whether there is an answer of JSON-RPC in the error, and not just a connection that failed. */
function saysNode(error: unknown): boolean {
  const answers = [fieldOf(fieldOf(error, 'info'), 'error'), fieldOf(error, 'error')];
  return answers.some((answer) => typeof fieldOf(answer, 'code') === 'number');
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}
