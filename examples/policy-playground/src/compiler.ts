import type { CompiledText, PlaygroundFault } from './compile.ts';
import type { PlaygroundState } from './state.ts';

/** What a worker is asked. */
export interface CompileQuestion {
  readonly state: PlaygroundState;
  readonly seed: string;
}

/** Tells what a policy becomes, unless another question comes first. */
export type AskCompiler = (
  question: CompileQuestion,
  onAnswer: (answer: CompiledText | PlaygroundFault) => void,
) => void;

/** Compiles in a worker; a new question ends the one before, however long that would have taken. */
export function startCompiler(): AskCompiler {
  let worker: Worker | undefined;
  let isBusy = false;
  return (question, onAnswer) => {
    if (isBusy && worker !== undefined) {
      worker.onmessage = null;
      worker.terminate();
      worker = undefined;
    }
    worker ??= new Worker(new URL('./compile-worker.ts', import.meta.url), { type: 'module' });
    isBusy = true;
    worker.onmessage = ({ data }: MessageEvent<CompiledText | PlaygroundFault>) => {
      isBusy = false;
      onAnswer(data);
    };
    worker.postMessage(question);
  };
}
