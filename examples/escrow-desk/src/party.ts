/** One party, in a process of its own: its engine, its nonces and its record in one SQLite file. Killed, it goes on. */
import { join } from 'node:path';
import { createEngine, type ContractEngine, instantiate } from '@bitcoin-enterprise/biscol';
import { escrow } from '@bitcoin-enterprise/biscol/contracts';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { feeRate, hasCode, loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { createKeyRing, memoryDigestSigner } from '@bitcoin-enterprise/wallet';
import { musigPsbtSigner, openNonceVault } from '@bitcoin-enterprise/wallet/multiparty';
import type { FromParty, Start, ToParty } from './messages.ts';

await loadCrypto();
const say = (message: FromParty): void => {
  if (process.connected) process.send?.(message);
};
let engine: ContractEngine | undefined;
let agreed: ReadonlySet<string> = new Set();

async function begin({ name, folder, secretKey, node }: Start): Promise<void> {
  const store = openSqliteStore({ path: join(folder, `${name}.db`) });
  const ring = createKeyRing({ secretKeys: [parseHex(secretKey)] });
  const { url, user, password } = node;
  engine = createEngine({
    store,
    chain: new BitcoindChain({ url, auth: { user, password }, pollMs: 20 }),
    network: 'regtest',
    contracts: [escrow],
    keys: memoryDigestSigner(ring),
    musig: musigPsbtSigner({ ring, vault: await openNonceVault({ store, name }) }),
    dutiesOf: [name],
    consent: ({ transition }) => (agreed.has(transition) ? 'sign' : 'ask'),
    transport: { send: async (message) => say({ say: 'message', message }) },
    fallbackFeeRate: feeRate(3_000n),
    confirmations: 3,
    pollMs: 20,
    leaseMs: 3_000,
  });
  void engine.work({ signal: new AbortController().signal });
  say({ say: 'ready', key: toHex(ring.publicKeys[0] ?? new Uint8Array()) });
}

async function hear(heard: ToParty): Promise<void> {
  if (heard.say === 'start') return begin(heard.start);
  if (engine === undefined) return;
  if (heard.say === 'open') {
    const instance = instantiate(escrow, {
      network: 'regtest',
      params: heard.params as never,
      nonce: heard.nonce,
    });
    const id = await engine.open(instance, { nonce: heard.nonce });
    await engine.fund(id, [heard.outpoint]);
    return say({ say: 'opened', id });
  }
  if (heard.say === 'do') {
    const { id, transition, args, signers } = heard;
    await engine.execute(id, transition, args as never, signers === undefined ? {} : { signers });
    return;
  }
  if (heard.say === 'agree') {
    agreed = new Set(heard.transitions);
    return;
  }
  if (heard.say === 'message') return engine.receive(heard.message);
  const { cells, isOver } = await engine.state(heard.id);
  const end = Object.values(cells).find(({ spent }) => spent !== undefined)?.spent?.transition;
  return say({ say: 'seen', question: heard.question, end, isOver });
}

process.on('message', (heard: ToParty) => {
  void hear(heard).catch((error: unknown) => {
    // What is not there yet will be asked for again.
    if (hasCode(error, 'BISCOL_INSTANCE_UNKNOWN')) return;
    const { code = 'UNKNOWN', message = '' } = error as { readonly code?: string; readonly message?: string };
    say({ say: 'failed', code, text: message });
  });
});
// A party without its desk has nobody to talk to.
process.on('disconnect', () => process.exit(0));
