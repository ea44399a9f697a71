/** Compiles beside the page, which stays alive meanwhile. */
import { loadCrypto } from '@bitcoin-enterprise/core';
import { compileWritten } from './compile.ts';
import type { CompileQuestion } from './compiler.ts';
import { PlayWallet } from './wallet.ts';

const loading = loadCrypto();

self.addEventListener('message', (event: MessageEvent<CompileQuestion>) => {
  // An error that nobody caused by a policy reaches the page as one.
  answer(event.data).catch(reportError);
});

async function answer({ state, seed }: CompileQuestion): Promise<void> {
  const { engine } = await loading;
  self.postMessage(compileWritten(state, new PlayWallet(seed, engine)));
}
