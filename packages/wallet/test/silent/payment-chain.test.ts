import { concatBytes, currentCrypto, encodeWif, loadCrypto } from '@bitcoin-enterprise/core';
import { parseDescriptor } from '@bitcoin-enterprise/descriptors';
import { transactionId } from '@bitcoin-enterprise/script';
import { beforeAll, expect, it } from 'vitest';
import { Random } from '../../../../scripts/testing/random.ts';
import { SecretBytes } from '../../src/keys/secret-bytes.ts';
import { createPsbt, describeInput, extractTransaction, finalizePsbt, type NewInput } from '../../src/psbt/index.ts';
import { createKeyRing, memorySigner } from '../../src/signers/index.ts';
import {
  addSilentShares,
  addSilentSpend,
  computeSilentOutputs,
  decodeSilentAddress,
  silentAddressOf,
  SilentScanner,
} from '../../src/silent/index.ts';
import { makeReceiver } from './support/world.ts';

const origin = { fingerprint: new Uint8Array(4), path: [] };

beforeAll(async () => {
  await loadCrypto();
});

it('is paid from PSBTs, found in the transaction, and spent to the next receiver, three times', async () => {
  const random = new Random(376);
  const secrets = [random.bytes(32), random.bytes(32)] as const;
  const [legacy, taproot] = [
    parseDescriptor(`wpkh(${encodeWif(secrets[0], { network: 'main' })})`).derive(0),
    parseDescriptor(`tr(${encodeWif(secrets[1], { network: 'main' })})`).derive(0),
  ];
  const coins: readonly NewInput[] = [legacy, taproot].map((output, index) => ({
    previousTxid: random.bytes(32),
    previousIndex: index,
    witnessUtxo: { value: 10_000n, scriptPubKey: output.scriptPubKey },
    ...describeInput(output),
  }));
  let inputs = coins;
  let keys: readonly Uint8Array[] = secrets;
  let spend: { readonly tweak: Uint8Array; readonly spendPublicKey: Uint8Array } | undefined;
  for (let payment = 0; payment < 3; payment++) {
    const receiver = makeReceiver(random);
    const address = decodeSilentAddress(silentAddressOf(receiver, { network: 'main', label: payment + 1 }));
    const silentAddress = concatBytes(address.scanPublicKey, address.spendPublicKey);
    const value = 9_000n - 1_000n * BigInt(payment);
    const created = createPsbt({ inputs, outputs: [{ value, silentAddress }] });
    const psbt = spend === undefined ? created : addSilentSpend(created, 0, { ...spend, origin });

    const ready = computeSilentOutputs(
      addSilentShares(
        psbt,
        keys.map((key) => new SecretBytes(key)),
      ),
    );
    const signed = await memorySigner(createKeyRing({ secretKeys: keys })).sign(ready);
    // Runs every script through the interpreter.
    const tx = extractTransaction(finalizePsbt(signed));

    const spentOutputs = inputs.map(({ witnessUtxo }) => witnessUtxo as NonNullable<NewInput['witnessUtxo']>);
    const found = new SilentScanner(receiver, { labels: [1, 2, 3] }).scanTransaction(tx, spentOutputs);
    expect(found).toMatchObject([{ output: 0, label: payment + 1 }]);
    const [output] = tx.outputs;
    inputs = [
      {
        previousTxid: transactionId(tx),
        previousIndex: 0,
        witnessUtxo: { value, scriptPubKey: output?.scriptPubKey as Uint8Array },
      },
    ];
    keys = [receiver.spendKey.use((secret) => new Uint8Array(secret))];
    spend = { tweak: found[0]?.tweak as Uint8Array, spendPublicKey: receiver.spendPublicKey };
    expect(currentCrypto().publicKey(keys[0] as Uint8Array)).toStrictEqual(receiver.spendPublicKey);
  }
});
