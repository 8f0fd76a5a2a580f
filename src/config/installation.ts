//! Where the product's own pieces lie: beside this file in the source tree, or inside the single
//! executable, from which what must be a file is unpacked into a private cache directory.

import { execFile } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { getAsset, getAssetKeys, isSea } from 'node:sea'
import { promisify } from 'node:util'
import { err, ok, type Result } from '../base/result.ts'
import { cacheDirectory, unpack } from './unpack.ts'

export type Installation = {
  readonly version: string
  /** Programs of the worker threads; undefined when their rooms find them by themselves. */
  readonly workers: Readonly<Record<'store' | 'image' | 'member' | 'media', string | undefined>>
  /** better-sqlite3's add-on; undefined when the package finds it by itself. */
  readonly sqlite: string | undefined
  /** Our own add-on, or why there is none: everything it does has a slower substitute. */
  readonly native: Result<string, string>
  /** WAV files by name without `.wav`. */
  readonly prompts: readonly (readonly [name: string, bytes: Uint8Array])[]
}

/** The asset names that `scripts/build.ts` packs. */
export const ASSETS = {
  version: 'version',
  storeWorker: 'store-worker.mjs',
  imageWorker: 'image-worker.mjs',
  memberWorker: 'member-worker.mjs',
  mediaWorker: 'media-worker.mjs',
  sqlite: 'sqlite.node',
  native: 'native.node',
  prompts: 'prompts/',
} as const

export function productVersion(): string {
  if (isSea()) return getAsset(ASSETS.version, 'utf8')
  const about: unknown = JSON.parse(readFileSync(join(sourceRoot(), 'package.json'), 'utf8'))
  const known = typeof about === 'object' && about !== null && 'version' in about
  return known ? String(about.version) : 'unknown'
}

/** Unpacks, or in the source tree builds, what has to be a file. */
export function findInstallation(): Promise<Installation> {
  return isSea() ? Promise.resolve(unpacked()) : inSourceTree()
}

function unpacked(): Installation {
  const directory = cacheDirectory(process.env)
  const file = (name: string): string => unpack(directory, name, new Uint8Array(getAsset(name)))
  const keys = getAssetKeys()
  const prompts = keys.filter((key) => key.startsWith(ASSETS.prompts))
  return {
    version: productVersion(),
    workers: {
      store: file(ASSETS.storeWorker),
      image: file(ASSETS.imageWorker),
      member: file(ASSETS.memberWorker),
      media: file(ASSETS.mediaWorker),
    },
    sqlite: file(ASSETS.sqlite),
    native: keys.includes(ASSETS.native)
      ? ok(file(ASSETS.native))
      : err('this executable was built without it'),
    prompts: prompts.map((key) => [promptName(key), new Uint8Array(getAsset(key))]),
  }
}

async function inSourceTree(): Promise<Installation> {
  return {
    version: productVersion(),
    workers: { store: undefined, image: undefined, member: undefined, media: undefined },
    sqlite: undefined,
    native: await builtNative(),
    prompts: promptFiles().map(([key, path]) => [promptName(key), readFileSync(path)]),
  }
}

/** Run as a program of its own: a compiler has no place in the product. */
async function builtNative(): Promise<Result<string, string>> {
  const program = join(sourceRoot(), 'src', 'native', 'build.ts')
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program])
    return ok(stdout.trim())
  } catch (error) {
    // No compiler, or it complained: everything the add-on does has a slower substitute.
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : String(error)
    return err(said.trim())
  }
}

/** Asset name and path of every prompt in the source tree. */
export function promptFiles(): readonly (readonly [key: string, path: string])[] {
  const directory = join(sourceRoot(), 'config', 'prompts')
  if (!existsSync(directory)) return []
  const paths = globSync('**/*.wav', { cwd: directory }).sort()
  return paths.map((path) => [`${ASSETS.prompts}${path}`, join(directory, path)])
}

function promptName(key: string): string {
  return relative(ASSETS.prompts, key).replace(/\.wav$/, '')
}

function sourceRoot(): string {
  return join(import.meta.dirname, '..', '..')
}
