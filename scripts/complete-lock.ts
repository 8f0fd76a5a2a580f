//! `node scripts/complete-lock.ts`: npm leaves packages for other systems out of package-lock.json
//! when the registry it was made from does not carry them, and then `npm ci` refuses that file
//! everywhere. This puts them back, by what the packages that want them say. `--check` only looks.

import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

type Entry = {
  readonly version?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}
type Lock = { packages: Record<string, Entry> }

const FILE = join(import.meta.dirname, '..', 'package-lock.json')
const SYSTEMS = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'netbsd',
  'openbsd',
  'openharmony',
  'win32',
]
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64']

const lock = JSON.parse(readFileSync(FILE, 'utf8')) as Lock
const lacking = missing(lock)
for (const [name] of lacking) console.log(`missing: ${name}`)
if (process.argv.includes('--check')) process.exitCode = lacking.length === 0 ? 0 : 1
else {
  for (const [name, entry] of lacking) lock.packages[`node_modules/${name}`] = entry
  const sorted = Object.entries(lock.packages).sort(([a], [b]) => (a < b ? -1 : 1))
  lock.packages = Object.fromEntries(sorted)
  writeFileSync(FILE, `${JSON.stringify(lock, undefined, 2)}\n`)
}

function missing({ packages }: Lock): readonly (readonly [name: string, entry: Entry])[] {
  const found: [string, Entry][] = []
  for (const [path, { optionalDependencies = {}, dev }] of Object.entries(packages))
    for (const [name, version] of Object.entries(optionalDependencies)) {
      const nested = path === '' ? '' : `${path}/`
      const there = [`${nested}node_modules/${name}`, `node_modules/${name}`]
      if (there.some((each) => packages[each] !== undefined)) continue
      found.push([name, { version, ...(dev === true && { dev }), optional: true, ...fit(name) }])
    }
  return found
}

/** What system a package is for, which by custom its name says. */
function fit(name: string): object {
  const words = (name.split('/').pop() ?? '').split('-')
  const os = SYSTEMS.find((each) => words.includes(each))
  const cpu = PROCESSORS.find((each) => words.includes(each))
  const libc = words.some((each) => each.startsWith('musl')) ? 'musl' : 'glibc'
  return {
    ...(os === undefined ? {} : { os: [os] }),
    ...(cpu === undefined ? {} : { cpu: [cpu] }),
    ...(os === 'linux' ? { libc: [libc] } : {}),
  }
}
