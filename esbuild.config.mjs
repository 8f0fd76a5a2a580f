//! What is bundled, and how. The program is CommonJS, the only format whose compiled code the
//! single executable can carry; worker threads are files of their own and stay ES modules.

/** Bundle name → entry point. */
export const BUNDLES = {
  'pbx.cjs': 'src/main.ts',
  'store-worker.mjs': 'src/store/replica/worker.ts',
  'image-worker.mjs': 'src/store/image/worker.ts',
  'member-worker.mjs': 'src/main/member-worker.ts',
  'media-worker.mjs': 'src/media/worker.ts',
}

/** Modules that ask where they are get told where the bundle is. */
const COMMONJS = {
  format: 'cjs',
  banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  define: { 'import.meta.url': 'bundleUrl', 'import.meta.dirname': '__dirname' },
}
const MODULE = {
  format: 'esm',
  banner: {
    js: [
      'import { createRequire } from "node:module";',
      'const require = createRequire(import.meta.url);',
      'const { dirname: __dirname, filename: __filename } = import.meta;',
    ].join(''),
  },
}

/** esbuild's options for one bundle. */
export function bundleOptions(entry, outfile) {
  return {
    entryPoints: [entry],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node26',
    // Names stay readable in stack traces; white space does not matter there.
    minifyWhitespace: true,
    legalComments: 'none',
    logLevel: 'warning',
    ...(outfile.endsWith('.cjs') ? COMMONJS : MODULE),
  }
}
