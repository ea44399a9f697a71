/** A page in a headless Chromium that a test works with as a person would: keys, clicks, looks. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { removeFolder, temporaryFolder } from './child.ts';
import { quietFlags } from './chromium.ts';
import type { Command } from './debian.ts';

/** How a page is looked at. */
export interface Viewport {
  /** CSS pixels. */
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
  /** Picture elements for each CSS pixel; 1 when absent. */
  readonly scale?: number;
}

/** An open page. */
export interface OpenPage {
  /** Loads an address and waits for its load event. */
  goto(url: string): Promise<void>;
  /** Value of an expression in the page; a promise is waited for. */
  evaluate(expression: string): Promise<unknown>;
  /** Waits until an expression is true. */
  until(expression: string, options?: { readonly timeoutMs?: number }): Promise<void>;
  /** Presses and releases the mouse in the middle of the first element of a selector. */
  click(selector: string): Promise<void>;
  /** Replaces the text of a field by typing. */
  fill(selector: string, text: string): Promise<void>;
  /** Presses a key by its name, as `Tab`, `Enter`, ` `. */
  press(key: string): Promise<void>;
  setViewport(viewport: Viewport): Promise<void>;
  /** Saves a picture of the whole page, as PNG. */
  screenshot(file: string): Promise<void>;
  /** Errors that the page did not catch, and what it wrote to the console as an error. */
  readonly errors: readonly string[];
  close(): Promise<void>;
}

interface Waiting {
  readonly done: (result: Record<string, unknown>) => void;
  readonly fail: (error: Error) => void;
}

const PATIENCE_MS = 60_000;

/** Speaks the DevTools protocol over a pipe: messages of JSON that end in a zero. */
class Pipe {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #rest = '';
  #onEvent: (method: string, params: Record<string, unknown>) => void = () => undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    (child.stdio[4] as Readable).setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk));
    child.on('exit', () => {
      for (const { fail } of this.#waiting.values()) fail(new Error('the browser ended'));
    });
  }

  onEvent(listener: (method: string, params: Record<string, unknown>) => void): void {
    this.#onEvent = listener;
  }

  send(method: string, params: Record<string, unknown> = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.#next++;
    const message = JSON.stringify({ id, method, params, ...(sessionId === undefined ? {} : { sessionId }) });
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      (this.#child.stdio[3] as Writable).write(`${message}\0`);
    });
  }

  #take(chunk: string): void {
    const parts = (this.#rest + chunk).split('\0');
    this.#rest = parts.pop() ?? '';
    for (const part of parts) {
      const { id, method, params, result, error } = JSON.parse(part) as {
        readonly id?: number;
        readonly method?: string;
        readonly params?: Record<string, unknown>;
        readonly result?: Record<string, unknown>;
        readonly error?: { readonly message: string };
      };
      if (id === undefined) {
        this.#onEvent(method ?? '', params ?? {});
        continue;
      }
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.done(result ?? {});
      else waiting?.fail(new Error(error.message));
    }
  }
}

/** Starts a headless Chromium with one empty page. */
export async function openPage(command: Command): Promise<OpenPage> {
  const profile = temporaryFolder('browser');
  const child = spawn(
    command.file,
    [...command.args, ...quietFlags, `--user-data-dir=${profile}`, '--hide-scrollbars', '--remote-debugging-pipe'],
    { env: { ...process.env, ...command.env }, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] },
  );
  const pipe = new Pipe(child);
  const { targetId } = await pipe.send('Target.createTarget', { url: 'about:blank' });
  const { sessionId } = (await pipe.send('Target.attachToTarget', { targetId, flatten: true })) as {
    readonly sessionId: string;
  };
  const send = (method: string, params?: Record<string, unknown>): Promise<Record<string, unknown>> =>
    pipe.send(method, params, sessionId);
  const errors: string[] = [];
  let onLoad: () => void = () => undefined;
  pipe.onEvent((method, params) => {
    if (method === 'Page.loadEventFired') onLoad();
    if (method === 'Runtime.exceptionThrown') errors.push(JSON.stringify(params['exceptionDetails']));
    if (method === 'Runtime.consoleAPICalled' && params['type'] === 'error')
      errors.push(JSON.stringify(params['args']));
  });
  await send('Page.enable');
  await send('Runtime.enable');

  const evaluate = async (expression: string): Promise<unknown> => {
    const answer = await send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });
    const { result, exceptionDetails } = answer as {
      readonly result: { readonly value?: unknown };
      readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } };
    };
    if (exceptionDetails !== undefined)
      throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  };
  const press = async (key: string): Promise<void> => {
    const text = key === 'Enter' ? '\r' : key.length === 1 ? key : undefined;
    const codes: Readonly<Record<string, number>> = { Tab: 9, Enter: 13, ' ': 32, Delete: 46 };
    const common = { key, windowsVirtualKeyCode: codes[key] ?? 0, ...(key.length > 1 ? { code: key } : {}) };
    await send('Input.dispatchKeyEvent', { type: 'keyDown', ...common, ...(text === undefined ? {} : { text }) });
    await send('Input.dispatchKeyEvent', { type: 'keyUp', ...common });
  };
  const until = async (expression: string, options: { readonly timeoutMs?: number } = {}): Promise<void> => {
    const { timeoutMs = PATIENCE_MS } = options;
    const end = performance.now() + timeoutMs;
    while ((await evaluate(`Boolean(${expression})`)) !== true) {
      if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${expression}\n${errors.join('\n')}`);
      await new Promise((done) => {
        setTimeout(done, 30);
      });
    }
  };
  const click = async (selector: string): Promise<void> => {
    const place = await evaluate(`(() => {
      const element = document.querySelector(${JSON.stringify(selector)});
      if (element === null) return undefined;
      element.scrollIntoView({ block: 'center', behavior: 'instant' });
      const { x, y, width, height } = element.getBoundingClientRect();
      return { x: x + width / 2, y: y + height / 2 };
    })()`);
    if (place === undefined) throw new Error(`no element ${selector}`);
    for (const type of ['mousePressed', 'mouseReleased'])
      await send('Input.dispatchMouseEvent', { type, ...place, button: 'left', clickCount: 1 });
  };

  return {
    errors,
    evaluate,
    until,
    click,
    press,
    goto: async (url) => {
      const loaded = new Promise<void>((done) => {
        onLoad = done;
      });
      // From a page to itself with another fragment nothing would be loaded.
      await send('Page.navigate', { url: 'about:blank' });
      await loaded;
      const next = new Promise<void>((done) => {
        onLoad = done;
      });
      await send('Page.navigate', { url });
      await next;
    },
    fill: async (selector, text) => {
      await click(selector);
      await evaluate(`document.querySelector(${JSON.stringify(selector)}).select()`);
      if (text === '') await press('Delete');
      else await send('Input.insertText', { text });
    },
    setViewport: async ({ width, height, scheme = 'light', scale = 1 }) => {
      await send('Emulation.setDeviceMetricsOverride', {
        width,
        height,
        deviceScaleFactor: scale,
        mobile: width < 600,
      });
      await send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: scheme }] });
    },
    screenshot: async (file) => {
      const { data } = await send('Page.captureScreenshot', { format: 'png', captureBeyondViewport: true });
      writeFileSync(file, Buffer.from(data as string, 'base64'));
    },
    close: async () => {
      const gone = new Promise((done) => {
        child.on('exit', done);
      });
      child.kill('SIGKILL');
      await gone;
      removeFolder(profile);
    },
  };
}
