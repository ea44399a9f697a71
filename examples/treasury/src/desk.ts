/** The desk: builds transactions, asks the parties, and holds no key. */
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { once } from 'node:events';
import { webEntropy } from '@bitcoin-enterprise/core';
import { parsePsbt, type Psbt, psbtToBase64 } from '@bitcoin-enterprise/wallet';
import { generateMnemonic, sealKeystore } from '@bitcoin-enterprise/wallet/keys';
import type { Answer, Question } from './messages.ts';
import type { PartyName } from './treasury.ts';

/** A refusal of a party. */
export class Refused extends Error {
  override readonly name = 'Refused';
  readonly code: string;

  constructor(party: string, { code, message }: { readonly code: string; readonly message: string }) {
    super(`${party}: ${message}`);
    this.code = code;
  }
}

/** A party as the desk sees it: a process that can be killed and started again. */
export class Party {
  readonly name: PartyName;
  readonly #folder: string;
  readonly #password: string;
  #child: ChildProcess | undefined;
  #asked = 0;

  private constructor(name: PartyName, folder: string, password: string) {
    this.name = name;
    this.#folder = folder;
    this.#password = password;
  }

  /** Makes a party with a seed of its own, sealed with its password, and starts it. */
  static async make(name: PartyName, folder: string): Promise<Party> {
    const own = join(folder, name);
    mkdirSync(join(own, 'receipts'), { recursive: true });
    const mnemonic = await generateMnemonic();
    const password = Buffer.from(webEntropy().bytes(16)).toString('hex');
    const secret = await mnemonic.seed();
    writeFileSync(
      join(own, 'keystore.json'),
      await sealKeystore([{ id: 'seed', kind: 'seed', secret }], { password }),
      { mode: 0o600 },
    );
    secret.wipe();
    const party = new Party(name, own, password);
    await party.start();
    return party;
  }

  async start(): Promise<void> {
    const file = join(import.meta.dirname, 'party.ts');
    this.#child = fork(file, [this.name, this.#folder], {
      execArgv: ['--conditions=@bitcoin-enterprise/source', '--disable-warning=ExperimentalWarning'],
    });
    this.#child.send({ password: this.#password });
    await once(this.#child, 'message');
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** @throws Refused when the party refuses. */
  async ask<Reply extends Answer>(question: Question): Promise<Reply> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) throw new Error(`${this.name} is not there`);
    const id = ++this.#asked;
    const reply = new Promise<Answer>((resolve, reject) => {
      const listen = (message: { readonly id: number; readonly answer: Answer }): void => {
        if (message.id !== id) return;
        child.off('message', listen);
        child.off('exit', leave);
        resolve(message.answer);
      };
      const leave = (): void => reject(new Error(`${this.name} has died`));
      child.on('message', listen);
      child.once('exit', leave);
    });
    child.send({ id, question });
    const answer = await reply;
    if ('error' in answer) throw new Refused(this.name, answer.error);
    return answer as Reply;
  }

  async sign(psbt: Psbt): Promise<Psbt> {
    const { psbt: signed } = await this.ask<{ psbt: string }>({ ask: 'sign', psbt: psbtToBase64(psbt) });
    return parsePsbt(signed);
  }
}

/** Two rounds of MuSig2: nonces, then partial signatures; the last to sign makes the signature. */
export async function signTogether(psbt: Psbt, parties: readonly Party[]): Promise<Psbt> {
  let signed = psbt;
  for (const party of [...parties, ...parties]) signed = await party.sign(signed);
  return signed;
}
