import { ConfigError } from '../errors.ts';
import { copyTree, isTree, type Tree } from '../model/tree.ts';
import { parseJsonText } from './json-text.ts';

/** A file of settings, as read by whoever can. */
export interface SettingsFile {
  /** Its name: the extension says the format, and errors call it by it. */
  readonly name: string;
  /** What is in it. */
  readonly text: string;
}

/**
 * The formats by extension. YAML is none of them: its readers differ (`no`, `0777`, `1e3`, anchors that grow), and a
 * setting that two programs read differently is worse than a comma too many.
 */
const formats: Readonly<Record<string, (text: string, source: string) => unknown>> = { '.json': parseJsonText };

/**
 * Reads the settings of a file.
 *
 * @throws {@link ConfigError} `CONFIG_FORMAT_UNKNOWN`, `CONFIG_TOO_LARGE`, `CONFIG_TEXT_MALFORMED`,
 * `CONFIG_TEXT_AMBIGUOUS`, `CONFIG_NAME_FORBIDDEN`, `CONFIG_FIELD_INVALID`
 */
export function parseSettingsFile({ name, text }: SettingsFile): Tree {
  const extension = /\.[^./\\]+$/.exec(name)?.[0]?.toLowerCase() ?? '';
  const parse = Object.hasOwn(formats, extension) ? formats[extension] : undefined;
  if (parse === undefined) {
    const supported = Object.keys(formats);
    throw new ConfigError('CONFIG_FORMAT_UNKNOWN', `expected a file of ${supported.join(', ')}, got ${name}`, {
      details: { file: name, supported },
    });
  }
  const settings = parse(text, name);
  if (!isTree(settings))
    throw new ConfigError('CONFIG_FIELD_INVALID', `expected an object of settings in ${name}, got something else`, {
      details: { problems: [{ path: '', expected: 'an object', source: name }] },
    });
  return copyTree(settings, name);
}
