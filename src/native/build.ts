//! Builds the native add-on with plain g++: `node src/native/build.ts` prints where it lies.
//! The name carries a hash of all that went in, so an up-to-date one is not built again.

import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { err, ok, type Result } from '../base/result.ts'

const SOURCES = import.meta.dirname
const ROOT = join(SOURCES, '..', '..')
const OUTPUT = join(ROOT, 'dist', 'native')
const FLAGS =
  '-std=c++17 -O2 -fPIC -shared -s -fvisibility=hidden -fno-exceptions -fno-rtti ' +
  '-Wall -Wextra -Wno-cast-function-type -DNAPI_VERSION=8'

export type BuildOptions = { readonly compiler?: string; readonly output?: string }

/** The path of the add-on, built when there is none for these sources; or why there is none. */
export async function buildNative(options: BuildOptions = {}): Promise<Result<string, string>> {
  const { compiler = 'g++', output = OUTPUT } = options
  const headers = headersDirectory()
  if (headers === undefined)
    return err(`the headers of Node are missing: run npm ci (looked for ${packageHeaders()})`)
  const target = join(output, `pbx-native-${sourcesHash(headers)}.node`)
  if (existsSync(target)) return ok(target)
  mkdirSync(output, { recursive: true })
  const fresh = `${target}.${process.pid}`
  const sources = readdirSync(SOURCES).filter((name) => name.endsWith('.cc'))
  const inputs = sources.map((name) => join(SOURCES, name))
  try {
    await promisify(execFile)(compiler, [
      ...FLAGS.split(' '),
      `-I${headers}`,
      ...inputs,
      '-o',
      fresh,
    ])
  } catch (failure) {
    // No compiler, or it complained: whoever asked goes on without the add-on and says so.
    rmSync(fresh, { force: true })
    return err(`${compiler} did not build it: ${reason(failure)}`)
  }
  for (const name of readdirSync(output))
    if (/^pbx-native-[0-9a-f]+\.node$/.test(name)) rmSync(join(output, name), { force: true })
  renameSync(fresh, target)
  return ok(target)
}

function headersDirectory(): string | undefined {
  const beside = join(dirname(process.execPath), '..', 'include', 'node')
  return [packageHeaders(), beside].find((path) => existsSync(join(path, 'node_api.h')))
}

function packageHeaders(): string {
  const name = `node-linux-${process.arch}`
  return join(ROOT, 'node_modules', name, 'include', 'node')
}

function sourcesHash(headers: string): string {
  const hash = createHash('sha256').update(FLAGS).update(process.arch)
  hash.update(readFileSync(join(headers, 'node_version.h')))
  for (const name of readdirSync(SOURCES).sort())
    if (/\.(cc|h)$/.test(name)) hash.update(readFileSync(join(SOURCES, name)))
  return hash.digest('hex').slice(0, 16)
}

function reason(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure)
  return 'code' in failure && failure.code === 'ENOENT' ? 'it is not installed' : failure.message
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const built = await buildNative()
  if (built.ok) process.stdout.write(`${built.value}\n`)
  else process.stderr.write(`${built.error}\n`)
  process.exitCode = built.ok ? 0 : 1
}
