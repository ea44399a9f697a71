import {
  ed25519Signer,
  type NoteVerifier,
  noteSigner,
  noteVerifier,
  openNote,
  parseCheckpoint,
  parseNote,
  parseSignerKey,
  signNote,
  verifyCheckpoint,
  formatCheckpoint,
  cosigner,
} from '@bitcoin-enterprise/receipts';
import { createManualClock } from '@bitcoin-enterprise/core/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

// The keys and notes of golang.org/x/mod/sumdb/note (note_test.go), which C2SP signed-note describes.
const peterKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const peterSecret = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz';
const enochKey = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const peterLine =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const enochLine =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n';

describe('the vectors of sumdb/note', () => {
  const peter = noteVerifier(peterKey);
  const enoch = noteVerifier(enochKey);

  it('sign to the published note', async () => {
    const { name, secretKey, keyHash } = parseSignerKey(peterSecret);
    const signer = noteSigner({ name, signer: ed25519Signer(secretKey) });

    expect([signer.keyHash, signer.verifierKey]).toEqual([keyHash, peterKey]);
    expect(await signNote(text, [signer])).toBe(`${text}\n${peterLine}`);
  });

  it('open with one key known and the other not', async () => {
    const opened = await openNote(`${text}\n${peterLine}${enochLine}`, [peter]);

    expect(opened.text).toBe(text);
    expect(opened.verified.map(({ name, keyHash }) => `${name}+${keyHash}`)).toEqual(['PeterNeumann+c74f20a3']);
    expect(opened.unknown.map(({ name, keyHash }) => `${name}+${keyHash}`)).toEqual(['EnochRoot+af0cfe78']);
  });

  it('open with both keys known, and with repeated lines counted once', async () => {
    const both = await openNote(`${text}\n${peterLine}${enochLine}`, [peter, enoch]);
    const repeated = await openNote(`${text}\n${peterLine}${peterLine}${enochLine}${enochLine}`, [peter]);

    expect([both.verified.length, both.unknown.length]).toEqual([2, 0]);
    expect([repeated.verified.length, repeated.unknown.length]).toEqual([1, 1]);
  });

  it('are refused without a trusted key, with an ambiguous one, and with a bad signature of one', async () => {
    const note = `${text}\n${peterLine}${enochLine}`;
    const bad = `${text}\n${peterLine.replace('x08go/ZJ', 'x08go/ZK')}${enochLine}`;

    await expect(openNote(note, [])).rejects.toMatchObject({
      code: 'RECEIPTS_NOTE_UNVERIFIED',
      details: { reason: 'no-trusted-key' },
    });
    await expect(openNote(note, [enoch, peter, enoch])).rejects.toThrow('RECEIPTS_INVALID_ARGUMENT');
    await expect(openNote(bad, [peter, enoch])).rejects.toMatchObject({ details: { reason: 'signature' } });
  });

  it.for([
    ['the text alone', text],
    ['no signatures', `${text}\n`],
    ['a last line without its newline', `${text}\n${peterLine.slice(0, -1)}`],
    ['a control character', `\u0001${text}\n${peterLine}`],
    ['a lone surrogate', `\ud800${text}\n${peterLine}`],
    ['a key name with a space', `${text}\n— Bad Name ${peterLine.split(' ')[2]}`],
    ['a line that is no signature', `${text}\n${peterLine}Unexpected line.\n`],
    ['too many signatures', `${text}\n${peterLine.repeat(101)}`],
    ['bits beyond the last byte', `${text}\n${peterLine.replace('nAM=', 'nAN=')}`],
    ['four bytes, which is a key id and no signature', `${text}\n— PeterNeumann x08goA==\n`],
  ] as const)('are malformed with %s', ([, note]) => {
    expect(() => parseNote(note)).toThrow('RECEIPTS_NOTE_MALFORMED');
  });

  it('have keys of which no part and no neighbour is a key', () => {
    for (let i = 0; i <= peterKey.length; i++)
      for (let j = i + 1; j <= peterKey.length; j++)
        if (i !== 0 || j !== peterKey.length)
          expect(() => noteVerifier(peterKey.slice(i, j))).toThrow('RECEIPTS_NOTE_KEY_INVALID');
    for (let i = 0; i < peterKey.length; i++) {
      const next = String.fromCharCode(peterKey.charCodeAt(i) + 1);
      const changed = `${peterKey.slice(0, i)}${next}${peterKey.slice(i + 1)}`;
      expect(() => noteVerifier(changed)).toThrow('RECEIPTS_NOTE_KEY_INVALID');
    }
    const wrongLength = 'PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==';
    const wrongAlgorithm = 'PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
    for (const key of [wrongLength, wrongAlgorithm])
      expect(() => noteVerifier(key)).toThrow('RECEIPTS_NOTE_KEY_INVALID');
  });

  it('never repeat a secret key in an error', () => {
    for (let i = 1; i < peterSecret.length; i++)
      try {
        parseSignerKey(peterSecret.slice(i));
        expect.unreachable();
      } catch (error) {
        expect(JSON.stringify(error)).not.toContain(peterSecret.slice(-20));
      }
  });
});

describe('cosignatures', () => {
  // A key of a real witness, as transparency-dev/formats (note_cosigv1_test.go) has it, and the time of a signature there.
  it('have the published key id of type 4', () => {
    const remora = noteVerifier('remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2');

    expect([remora.kind, remora.keyHash]).toEqual(['cosignature', 'da77ade7']);
    expect(noteVerifier('TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6').kind).toBe('note');
  });

  it('parse as in the example of C2SP tlog-cosignature', () => {
    const note = `example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
`;
    const { text, signatures } = parseNote(note);
    const stamp = signatures[1]?.signature as Uint8Array;

    expect(parseCheckpoint(text)).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20_852_163 });
    expect(signatures.map(({ signature }) => signature.length)).toEqual([64, 72]);
    // The time that the specification's own message for this cosignature names.
    expect(new DataView(stamp.buffer, stamp.byteOffset).getBigUint64(0)).toBe(1_679_315_147n);
  });

  it('bind the time and every line of the checkpoint', async () => {
    const clock = createManualClock();
    const signer = cosigner({ name: 'w1', signer: ed25519Signer(new Uint8Array(32).fill(3)), clock });
    const verifier = noteVerifier(signer.verifierKey);
    const checkpoint = { origin: 'o', size: 1, root: new Uint8Array(32), extensions: ['extra'] };
    const signature = await signer.sign(formatCheckpoint(checkpoint));
    const earlier = signature.map((byte, i) => (i === 7 ? byte ^ 1 : byte));
    const other = formatCheckpoint({ ...checkpoint, extensions: ['other'] });

    expect(await verifier.verify(formatCheckpoint(checkpoint), signature)).toEqual({
      valid: true,
      timestamp: clock.now(),
    });
    expect(await verifier.verify(formatCheckpoint(checkpoint), earlier)).toEqual({ valid: false });
    expect(await verifier.verify(other, signature)).toEqual({ valid: false });
    expect(await verifier.verify(formatCheckpoint(checkpoint), signature.slice(1))).toEqual({ valid: false });
  });

  it('are no ordinary signatures, and ordinary ones are none of them', async () => {
    const key = ed25519Signer(new Uint8Array(32).fill(3));
    const [log, witness] = [noteSigner({ name: 'n', signer: key }), cosigner({ name: 'n', signer: key })];

    expect(log.keyHash).not.toBe(witness.keyHash);
    expect((await noteVerifier(log.verifierKey).verify(text, await witness.sign(text))).valid).toBe(false);
    expect((await noteVerifier(witness.verifierKey).verify(text, await log.sign(text))).valid).toBe(false);
  });
});

describe('checkpoints', () => {
  const signed = async (
    origin: string,
    size: number,
  ): Promise<{ readonly note: string; readonly key: NoteVerifier }> => {
    const signer = noteSigner({ name: origin, signer: ed25519Signer(new Uint8Array(32).fill(8)) });
    const root = new Uint8Array(32).fill(1);
    return {
      note: await signNote(formatCheckpoint({ origin, size, root }), [signer]),
      key: noteVerifier(signer.verifierKey),
    };
  };

  it.for([
    ['an empty origin', '\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'],
    ['a leading zero', 'o\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'],
    ['a negative size', 'o\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'],
    ['a size beyond exact numbers', 'o\n9007199254740992\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n'],
    ['a short root', 'o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jx\n'],
    ['an empty extension line', 'o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\nx\n'],
    ['no last newline', 'o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I='],
  ] as const)('are malformed with %s', ([, body]) => {
    expect(() => parseCheckpoint(body)).toThrow('RECEIPTS_CHECKPOINT_MALFORMED');
  });

  it('of another log, or signed by a stranger, are refused', async () => {
    const { note, key } = await signed('example.com/a', 3);
    const stranger = noteVerifier(peterKey);

    await expect(verifyCheckpoint(note, { origin: 'example.com/b', logKeys: [key] })).rejects.toThrow(
      'RECEIPTS_CHECKPOINT_WRONG_ORIGIN',
    );
    await expect(verifyCheckpoint(note, { origin: 'example.com/a', logKeys: [stranger] })).rejects.toThrow(
      'RECEIPTS_NOTE_UNVERIFIED',
    );
    expect((await verifyCheckpoint(note, { origin: 'example.com/a', logKeys: [key] })).size).toBe(3);
  });

  it('are not believed on the word of a witness alone', async () => {
    const witness = cosigner({ name: 'w', signer: ed25519Signer(new Uint8Array(32).fill(5)) });
    const body = formatCheckpoint({ origin: 'o', size: 1, root: new Uint8Array(32) });
    const note = await signNote(body, [witness]);
    const { key } = await signed('o', 1);
    const policy = { origin: 'o', logKeys: [key], witnesses: [noteVerifier(witness.verifierKey)] };

    await expect(verifyCheckpoint(note, policy)).rejects.toMatchObject({ details: { reason: 'no-trusted-key' } });
  });

  it('count a witness once, whatever names its key has', async () => {
    const key = ed25519Signer(new Uint8Array(32).fill(5));
    const witnesses = ['w1', 'w2'].map((name) => noteVerifier(cosigner({ name, signer: key }).verifierKey));
    const { note, key: logKey } = await signed('o', 1);

    await expect(verifyCheckpoint(note, { origin: 'o', logKeys: [logKey], witnesses })).rejects.toThrow(
      'RECEIPTS_INVALID_ARGUMENT',
    );
  });

  it('and notes answer any text with a code', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.anything()), (input) => {
        expect(() => parseNote(input as string)).toThrow(/^RECEIPTS_/);
        expect(() => parseCheckpoint(input as string)).toThrow(/^RECEIPTS_/);
        expect(() => noteVerifier(input as string)).toThrow(/^RECEIPTS_/);
      }),
      { numRuns: 1_000 },
    );
  });
});
