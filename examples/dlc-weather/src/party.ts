/** Farmer or insurer, in a process of its own: engine, nonces and record in one SQLite file. Killed, it goes on. */
import { join } from 'node:path';
import { createEngine, withSignatures } from '@bitcoin-enterprise/biscol';
import { completeDlcEnd, dlc, joinDlcEnds, makeDlcNonces, presignDlcEnds } from '@bitcoin-enterprise/biscol/contracts';
import { attestationSecret, checkAttestation, decodeAttestation, findOutcomes } from '@bitcoin-enterprise/biscol/dlc';
import { BitcoindChain } from '@bitcoin-enterprise/chain/bitcoind';
import { displayHash, feeRate, loadCrypto, parseHex, toHex, webEntropy } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { createKeyRing, memoryDigestSigner, memorySigner, psbtToBase64 } from '@bitcoin-enterprise/wallet';
import { openNonceVault, SecretBytes } from '@bitcoin-enterprise/wallet/multiparty';
import { endsOf, type Ends } from './ends.ts';
import type { Answerer, OfBothHex, PartyTalk } from './messages.ts';
import { Refusal, runPeer, say } from './peer.ts';
import { read, write } from './record.ts';
import { fundingOf, PARTIES, type PartyName } from './terms.ts';

const REFUND = 'refund';

await loadCrypto();
runPeer(async ({ name, folder, secretKey, oracles, node }) => {
  const place = PARTIES.indexOf(name as PartyName);
  const store = openSqliteStore({ path: join(folder, `${name}.db`) });
  const ring = createKeyRing({ secretKeys: [parseHex(secretKey)] });
  const [publicKey = new Uint8Array()] = ring.publicKeys;
  const secret = new SecretBytes(parseHex(secretKey));
  const vault = await openNonceVault({ store, name });
  const { url, user, password } = node;
  const engine = createEngine({
    store,
    chain: new BitcoindChain({ url, auth: { user, password }, pollMs: 20 }),
    network: 'regtest',
    contracts: [dlc],
    // Without keys for MuSig2 nobody can talk the engine into another end than those that are presigned.
    keys: memoryDigestSigner(ring),
    consent: ({ transition }) => (transition === REFUND ? 'sign' : 'ask'),
    transport: { send: async (message) => say({ say: 'message', message }) },
    confirmations: 3,
    pollMs: 20,
    leaseMs: 1_500,
  });
  void engine.work({ signal: new AbortController().signal });

  const worked = new Map<string, Ends>();
  /** A contract that is on record, with all its ends: they follow from the deal, so that nobody has to keep them. */
  const contractOf = async (id: string): Promise<Ends & { readonly known: Awaited<ReturnType<typeof read>> }> => {
    const known = await read(store, id);
    if (known.deal === undefined) throw new Refusal('WEATHER_UNKNOWN', 'no such contract');
    const ends = worked.get(id) ?? endsOf(known.deal);
    worked.set(id, ends);
    return { ...ends, known };
  };
  /** Of both; our own as we know them, whatever the desk says. */
  const both = (given: OfBothHex, own?: readonly string[]): readonly [readonly Uint8Array[], readonly Uint8Array[]] =>
    given.map((list, at) => (at === place ? (own ?? list) : list).map(parseHex)) as never;

  /** Whether both have signed it, and it only waits for its height. */
  const hasRefund = async (id: string): Promise<boolean> =>
    Object.values((await engine.state(id)).executions).some(
      ({ transition, tx }) => transition === REFUND && tx !== undefined,
    );

  const answers: Answerer<PartyTalk> = {
    async agree({ deal }) {
      if (deal.keys[name as PartyName] !== toHex(publicKey)) throw new Refusal('WEATHER_NOT_OURS', 'another key');
      const ends = endsOf(deal);
      if (!ends.terms.oracles.every(({ oraclePublicKey }) => oracles.includes(toHex(oraclePublicKey))))
        throw new Refusal('WEATHER_ORACLE_UNKNOWN', 'an oracle that we do not believe');
      const { id } = ends.instance;
      await write(store, id, { type: 'agreed', data: { deal } });
      await engine.open(ends.instance, { nonce: deal.nonce });
      await engine.fund(id, [ends.outpoint]);
      return { id, ends: ends.ends.length };
    },
    async nonces({ id }) {
      const { ends } = await contractOf(id);
      const { tokens, publicNonces } = await makeDlcNonces(ends, { vault, secretKey: secret, publicKey });
      const own = publicNonces.map(toHex);
      await write(store, id, { type: 'nonces', data: { tokens, own } });
      return own;
    },
    async presign({ id, nonces }) {
      const { ends, known } = await contractOf(id);
      if (known.nonces === undefined) throw new Refusal('WEATHER_NO_NONCES', 'nonces come first');
      const { tokens, own } = known.nonces;
      const facts = { vault, secretKey: secret, tokens, nonces: both(nonces, own) };
      return (await presignDlcEnds(ends, facts)).map(toHex);
    },
    async join({ id, nonces, partials }) {
      const { ends } = await contractOf(id);
      const presignatures = joinDlcEnds(ends, { nonces: both(nonces), partials: both(partials) }).map(toHex);
      await write(store, id, { type: 'presigned', data: { presignatures } });
      return presignatures.length;
    },
    async refund({ id }) {
      await engine.execute(id, REFUND, {}, { key: `${REFUND}-${name}`, feeRate: feeRate(0n) });
      return true;
    },
    async pay({ id }) {
      const { known } = await contractOf(id);
      const { deal, presignatures } = known;
      // Whoever pays before all of that is on record may never see the coin again.
      if (deal === undefined || presignatures === undefined)
        throw new Refusal('WEATHER_NOT_PRESIGNED', 'not before every end is presigned');
      if (!(await hasRefund(id))) throw new Refusal('WEATHER_NO_REFUND', 'not before the refund is signed by both');
      return psbtToBase64(await memorySigner(ring).sign(fundingOf(deal).psbt));
    },
    async hear({ id, attestation }) {
      const { terms } = await contractOf(id);
      const heard = decodeAttestation(parseHex(attestation));
      const announcement = terms.oracles.find(
        ({ oraclePublicKey }) => toHex(oraclePublicKey) === toHex(heard.oraclePublicKey),
      );
      if (announcement === undefined) throw new Refusal('WEATHER_ORACLE_UNKNOWN', 'not one of the deal');
      checkAttestation(announcement, heard);
      await write(store, id, { type: 'heard', data: { attestation } });
      return true;
    },
    async complete({ id }) {
      const { terms, outcomes, ends, outpoint, known } = await contractOf(id);
      const attestations = known.attestations.map((attestation) => decodeAttestation(parseHex(attestation)));
      // Where attestations allow several ends, each party takes the one that it gains from.
      const gain = (at: number): bigint => outcomes[at]?.payouts[place === 0 ? 'offer' : 'accept'] ?? 0n;
      const found = findOutcomes(terms, { outcomes, attestations });
      const [best] = found.toSorted((one, other) => (gain(one) < gain(other) ? 1 : -1));
      const [end, outcome] = best === undefined ? [] : [ends[best], outcomes[best]];
      if (best === undefined || end === undefined || outcome === undefined)
        throw new Refusal('WEATHER_UNDECIDED', 'no two oracles agree yet');
      const toFarmer = String(outcome.payouts.offer);
      const signatures = completeDlcEnd(end, {
        presignature: parseHex(known.presignatures?.[best] ?? ''),
        secret: attestationSecret(terms, { outcome, attestations }),
      });
      const execution = known.execution ?? `end-${toHex(webEntropy().bytes(16))}`;
      if (known.execution === undefined) await write(store, id, { type: 'completing', data: { execution } });
      // The engine takes it as it takes the signatures of anybody: verified, metered, on record, sent, and watched.
      await engine.receive({
        type: 'biscol/execution',
        version: 1,
        instance: id,
        execution,
        transition: end.plan.transition,
        cells: [outpoint],
        args: { toOfferer: toFarmer },
        feeRate: '0',
        attempt: 0,
        psbt: psbtToBase64(withSignatures(end.plan, signatures)),
      });
      const { executions } = await engine.state(id);
      if (executions[execution]?.status === 'proposed') await engine.agree(id, execution);
      return { txid: displayHash(end.plan.txid), toFarmer };
    },
    async look({ id }) {
      const { ends, outcomes } = await contractOf(id);
      const { cells, isOver } = await engine.state(id);
      const txid = Object.values(cells).find(({ spent }) => spent !== undefined)?.spent?.txid;
      const facts = { hasRefund: await hasRefund(id), isOver };
      if (txid === undefined) return facts;
      // Others may have sent it: it is one of the ends, or the refund.
      const at = ends.findIndex(({ plan }) => displayHash(plan.txid) === txid);
      const toFarmer = outcomes[at]?.payouts.offer;
      return { ...facts, spent: { txid, ...(toFarmer === undefined ? {} : { toFarmer: String(toFarmer) }) } };
    },
  };
  return { answers, receive: async (message) => engine.receive(message) };
});
