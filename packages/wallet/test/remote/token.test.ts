import { createEmbeddedChain } from '@bitcoin-enterprise/chain';
import { concatBytes, currentCrypto, loadCrypto, satoshis, toHex } from '@bitcoin-enterprise/core';
import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { serializeTransaction } from '@bitcoin-enterprise/script';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { orSkip } from '../../../../scripts/nodes/find.ts';
import { findSoftHsm, type SoftHsm, startSoftHsm } from '../../../../scripts/nodes/softhsm.ts';
import { SecretBytes } from '../../src/keys/index.ts';
import { createPkcs11Signer, type Pkcs11Signer } from '../../src/pkcs11/index.ts';
import { createPsbt, describePsbtInput, extractTransaction, finalizePsbt } from '../../src/psbt/index.ts';
import { createRemoteSigner, createRemoteSignerServer } from '../../src/remote/index.ts';
import { psbtSigner } from '../../src/signers/index.ts';
import { makeCertificate } from '../support/certificates.ts';

const found = orSkip('SoftHSM2', await findSoftHsm());

describe.skipIf(found === undefined)('a token behind a remote signer', () => {
  let hsm: SoftHsm;
  let token: Pkcs11Signer;
  beforeAll(async () => {
    await loadCrypto();
    hsm = await startSoftHsm();
    const pin = new SecretBytes(new TextEncoder().encode(hsm.pin));
    const { module, environment } = hsm;
    token = await createPkcs11Signer({ module, environment, token: hsm.token, pin });
  });
  afterAll(async () => {
    await token.close();
    await hsm.stop();
  });

  it('spends on the embedded chain: P2WPKH and multisig of its own keys, Taproot of a sealed one', async () => {
    const keys = [await token.generateKey({ label: 'one' }), await token.generateKey({ label: 'two' })];
    await token.makeWrappingKey({ label: 'wrap' });
    const sealed = await token.sealKey({ kind: 'key', wrappingKey: 'wrap' });
    const [first = '', second = ''] = keys.map(({ publicKey }) => toHex(publicKey));
    const outputs = [
      `wpkh(${first})`,
      `wsh(multi(2,${first},${second}))`,
      `pkh(${second})`,
      `tr(${toHex(sealed.publicKey.slice(1))})`,
      `tr(${first.slice(2)},pk(${toHex(sealed.publicKey.slice(1))}))`,
    ].map((text) => parseDescriptor(text).derive());
    const chain = createEmbeddedChain();
    const coins = outputs.map(({ scriptPubKey }) => chain.fund(scriptPubKey, satoshis(50_000n)));
    let psbt = createPsbt({
      inputs: coins.map(({ txid, index }, place) => ({
        previousTxid: txid,
        previousIndex: index,
        ...(outputs[place]?.scriptPubKey.length === 25
          ? { nonWitnessUtxo: chain.transaction(txid)?.bytes as Uint8Array }
          : { witnessUtxo: { value: 50_000n, scriptPubKey: outputs[place]?.scriptPubKey as Uint8Array } }),
      })),
      outputs: [
        { value: 200_000n, scriptPubKey: concatBytes(Uint8Array.of(0, 20), currentCrypto().hash160(new Uint8Array())) },
      ],
    });
    outputs.forEach((output, place) => {
      psbt = describePsbtInput(psbt, place, output);
    });
    const authority = makeCertificate({ commonName: 'authority' });
    const tlsOf = (commonName: string) => {
      const { certificate, key } = makeCertificate({ commonName, issuer: authority });
      return { certificate, key, authorities: authority.certificate };
    };
    const server = createRemoteSignerServer({
      signer: psbtSigner(token),
      tls: tlsOf('signer'),
      authorise: () => ({ allowed: true }),
    });
    const { port } = await server.listen();
    const remote = createRemoteSigner({ url: `https://127.0.0.1:${port}`, tls: tlsOf('wallet') });

    const signed = await remote.sign(psbt);
    await remote.close();
    await server.close();

    chain.broadcast(serializeTransaction(extractTransaction(finalizePsbt(signed))));
    chain.mine(1);
    expect(outputs.map(({ scriptPubKey }) => chain.balance(scriptPubKey))).toEqual([0n, 0n, 0n, 0n, 0n]);
  });
});
