/** A weather station, in a process of its own. It knows of no contract: it says what it measured, once. */
import { join } from 'node:path';
import { createOracle, encodeAnnouncement, encodeAttestation } from '@bitcoin-enterprise/biscol/dlc';
import { loadCrypto, parseHex, toHex } from '@bitcoin-enterprise/core';
import { openSqliteStore } from '@bitcoin-enterprise/events/sqlite';
import { SecretBytes } from '@bitcoin-enterprise/wallet/keys';
import type { Answerer, OracleTalk } from './messages.ts';
import { runPeer } from './peer.ts';
import { TEMPERATURE, toOutcome } from './terms.ts';

await loadCrypto();
runPeer(async ({ name, folder, secretKey }) => {
  const oracle = createOracle({
    secretKey: new SecretBytes(parseHex(secretKey)),
    store: openSqliteStore({ path: join(folder, `${name}.db`) }),
    name,
  });
  const answers: Answerer<OracleTalk> = {
    announce: async ({ eventId, maturity }) =>
      toHex(encodeAnnouncement(await oracle.announce({ eventId, maturity, descriptor: TEMPERATURE }))),
    attest: async ({ eventId, celsius }) => toHex(encodeAttestation(await oracle.attest(eventId, toOutcome(celsius)))),
  };
  return { answers };
});
