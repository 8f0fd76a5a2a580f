//! Makes dist/pbx: the bundled program, its worker threads, add-ons and prompts in one executable
//! with the pinned Node.

import { build } from 'esbuild'
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { BUNDLES, bundleOptions } from '../esbuild.config.mjs'
import { ASSETS, productVersion, promptFiles } from '../src/config/installation.ts'
import { buildNative } from '../src/native/build.ts'

const ROOT = join(import.meta.dirname, '..')
const WORK = join(ROOT, 'dist', 'build')
const OUTPUT = join(ROOT, 'dist', 'pbx')

process.chdir(ROOT)
rmSync(WORK, { recursive: true, force: true })
mkdirSync(WORK, { recursive: true })

for (const [name, entry] of Object.entries(BUNDLES))
  await build(bundleOptions(join(ROOT, entry), join(WORK, name)))

const native = await buildNative()
if (!native.ok) console.error(`build: without the native add-on: ${native.error}`)

const assets: Record<string, string> = {
  [ASSETS.version]: written(ASSETS.version, productVersion()),
  [ASSETS.storeWorker]: join(WORK, ASSETS.storeWorker),
  [ASSETS.imageWorker]: join(WORK, ASSETS.imageWorker),
  [ASSETS.memberWorker]: join(WORK, ASSETS.memberWorker),
  [ASSETS.mediaWorker]: join(WORK, ASSETS.mediaWorker),
  [ASSETS.sqlite]: sqliteAddon(),
  ...Object.fromEntries(promptFiles()),
  ...(native.ok ? { [ASSETS.native]: native.value } : {}),
}
const settings = {
  main: join(WORK, 'pbx.cjs'),
  mainFormat: 'commonjs',
  executable: strippedNode(),
  output: OUTPUT,
  disableExperimentalSEAWarning: true,
  useCodeCache: true,
  // Options of Node are not options of pbx: none from the environment, none from the command line.
  execArgvExtension: 'none',
  assets,
}
const config = written('sea.json', JSON.stringify(settings))
execFileSync(process.execPath, ['--build-sea', config], { stdio: ['ignore', 'ignore', 'inherit'] })
chmodSync(OUTPUT, 0o755)
rmSync(WORK, { recursive: true })

const said = execFileSync(OUTPUT, ['--version'], { encoding: 'utf8' }).trim()
if (said !== productVersion()) throw new Error(`dist/pbx --version says ${JSON.stringify(said)}`)
const mebibytes = (statSync(OUTPUT).size / 1024 / 1024).toFixed(1)
const parts = `${Object.keys(assets).length} assets, ${native.ok ? 'native add-on' : 'no add-on'}`
console.log(`dist/pbx ${said}: ${mebibytes} MiB, ${parts}`)

function written(name: string, text: string): string {
  const path = join(WORK, name)
  writeFileSync(path, text)
  return path
}

/** Symbols go before the program comes in: stripping afterwards would cut it off. */
function strippedNode(): string {
  const path = join(WORK, 'node')
  copyFileSync(process.execPath, path)
  chmodSync(path, 0o755)
  try {
    execFileSync('strip', [path])
  } catch {
    console.error('build: no strip (binutils): the executable will be some 25 MiB larger')
  }
  return path
}

function sqliteAddon(): string {
  const require = createRequire(import.meta.url)
  const directory = dirname(require.resolve('better-sqlite3/package.json'))
  return join(directory, 'prebuilds', `linux-${process.arch}.node`)
}
