// Layer rules over the real import graph, types included. scripts/layers/canary.txt must fail under it.
import { layers, nodeOnlyFolders } from './scripts/layers/layers.ts';

const inside = (name) => `(^|/)packages/${name}/src/`;
// A workspace package resolves to its source through the link in node_modules.
const anywhereIn = (name) => `(^|/)(packages|node_modules/@bitcoin-enterprise)/${name}/`;

export default {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'browser-safe',
      comment: "A package's root uses no Node built-in.",
      severity: 'error',
      from: { path: '(^|/)packages/[^/]+/src/', pathNot: nodeOnlyFolders },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      from: { path: '(^|/)packages/[^/]+/src/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-import-of-an-app',
      severity: 'error',
      from: { path: '(^|/)packages/[^/]+/src/' },
      to: { path: '^(\\.\\./)*(examples|apps|scripts|bench)/' },
    },
    ...layers.map(({ name, mayImport }) => ({
      name: `layer-${name}`,
      severity: 'error',
      from: { path: inside(name) },
      to: {
        path: layers
          .filter((other) => other.name !== name && !mayImport.includes(other.name))
          .map((other) => anywhereIn(other.name)),
      },
    })),
  ],
  options: {
    // Without this, an import that is only a type is not seen at all.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: new URL('./tsconfig.check.json', import.meta.url).pathname },
    doNotFollow: { path: 'node_modules/(?!@bitcoin-enterprise)' },
    exclude: { path: '/(dist|test)/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@bitcoin-enterprise/source', 'types', 'import', 'node', 'default'],
      extensions: ['.ts', '.js', '.mjs', '.json', '.d.ts'],
    },
  },
};
