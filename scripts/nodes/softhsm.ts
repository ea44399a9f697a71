/** A real PKCS#11 token for tests: SoftHSM2 found or installed, with tokens in a folder of its own, gone afterwards. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { removeFolder, temporaryFolder } from './child.ts';
import { unpackDebianPackages } from './debian.ts';
import { type AbsentProgram, type FoundProgram, findProgram } from './find.ts';
import { linkLibraries } from './libraries.ts';
import { run } from './run.ts';

/** Settings of {@link startSoftHsm}. */
export interface StartSoftHsmOptions {
  /** Label of its token. */
  readonly token?: string;
  /** Lines of softhsm2.conf beside the default ones, for example `{ 'slots.mechanisms': '-CKM_ECDSA' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A token of SoftHSM2. */
export interface SoftHsm {
  /** The PKCS#11 module, to be loaded with {@link SoftHsm.environment}. */
  readonly module: string;
  /** Variables that the process which loads the module needs. */
  readonly environment: Readonly<Record<string, string>>;
  /** Label of its token. */
  readonly token: string;
  readonly pin: string;
  readonly securityOfficerPin: string;
  /** Folder in which the tokens lie. */
  readonly tokenFolder: string;
  /** `2.6.1`. */
  readonly version: string;
  /** Where the program came from. */
  readonly source: string;
  /** Makes another token beside the first one. */
  addToken(label: string): Promise<void>;
  /** Removes its folder. */
  stop(): Promise<void>;
}

const modules = ['usr/lib/softhsm/libsofthsm2.so', 'lib/softhsm/libsofthsm2.so', 'lib64/pkcs11/libsofthsm2.so'];
let found: Promise<FoundProgram | AbsentProgram> | undefined;

/** Finds `softhsm2-util`: `BE_SOFTHSM`, then PATH, then Debian's `softhsm2` in the cache. */
export function findSoftHsm(): Promise<FoundProgram | AbsentProgram> {
  found ??= findProgram({ binary: 'softhsm2-util', variable: 'BE_SOFTHSM', install: installSoftHsm });
  return found;
}

async function installSoftHsm(): Promise<FoundProgram | AbsentProgram> {
  const unpacked = await unpackDebianPackages({ name: 'softhsm', packages: ['softhsm2'] });
  if (!unpacked.ok) return unpacked;
  // The module is loaded by Node, so that it cannot run under another loader than the host's.
  const libraries = linkLibraries(unpacked.root);
  return {
    ok: true,
    command: {
      file: join(unpacked.root, 'usr/bin/softhsm2-util'),
      args: [],
      env: { LD_LIBRARY_PATH: libraries },
    },
    source: `Debian softhsm2 ${unpacked.versions['softhsm2'] ?? ''}`.trimEnd(),
  };
}

/** The module beside the program: below the same root, in one of the places of distributions. */
function moduleOf(program: string): string | undefined {
  const places = [join(dirname(program), '../..'), join(dirname(program), '..'), '/'];
  return places.flatMap((root) => modules.map((name) => join(root, name))).find((file) => existsSync(file));
}

/**
 * Makes a token of its own: an empty folder, initialised with label and PINs.
 *
 * @throws Error when SoftHSM2 is not found or does not make a token; the text carries what it printed.
 */
export async function startSoftHsm(options: StartSoftHsmOptions = {}): Promise<SoftHsm> {
  const { token = 'be-test', settings = {} } = options;
  const program = await findSoftHsm();
  if (!program.ok) throw new Error(`SoftHSM2 is absent: ${program.reason}`);
  const { command, source } = program;
  const module = moduleOf(command.file);
  if (module === undefined) throw new Error(`${command.file} has no libsofthsm2.so beside it`);
  const folder = temporaryFolder('softhsm');
  const tokenFolder = join(folder, 'tokens');
  const config = join(folder, 'softhsm2.conf');
  mkdirSync(tokenFolder);
  const all = {
    'directories.tokendir': tokenFolder,
    'objectstore.backend': 'file',
    'log.level': 'ERROR',
    ...settings,
  };
  writeFileSync(
    config,
    Object.entries(all)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(''),
  );
  const environment = { ...command.env, SOFTHSM2_CONF: config };
  const pin = '648219';
  const securityOfficerPin = '90817263';
  const addToken = async (label: string): Promise<void> => {
    const pins = ['--pin', pin, '--so-pin', securityOfficerPin];
    const args = ['--init-token', '--free', '--label', label, ...pins, '--module', module];
    const ended = await run(command.file, [...command.args, ...args], { env: environment, timeoutMs: 30_000 });
    if (ended.code !== 0) throw new Error(`SoftHSM2 made no token:\n${ended.stdout}${ended.stderr}`);
  };
  await addToken(token);
  const told = await run(command.file, [...command.args, '--version'], { env: environment });
  return {
    module,
    environment,
    token,
    pin,
    securityOfficerPin,
    tokenFolder,
    version: told.stdout.trim(),
    source,
    addToken,
    stop: async () => removeFolder(folder),
  };
}
