//! The pinned toolchain on any host with Node >= 18: node_modules as package-lock.json wants it,
//! and the Node release that the product is written for. Plain JavaScript: this runs before both.

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
export const NODE = join(ROOT, 'node_modules', `node-linux-${process.arch}`, 'bin', 'node')

/** Installs what package-lock.json names unless it is there already, and says so. */
export function ensureToolchain() {
  requireNode(18)
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch))
    stop(`this is ${process.platform} on ${process.arch}; pbx runs on Linux, x64 or arm64`)
  const differing = firstDifference()
  if (differing === undefined) return
  const began = Date.now()
  console.error(`pbx: ${differing}; running npm ci (a minute or so on a first start) ...`)
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: ROOT,
    stdio: ['ignore', 2, 2],
  })
  if (npm.error !== undefined) stop(`npm could not be started: ${npm.error.message}`)
  if (npm.status !== 0) stop('npm ci failed (see above); mend that and start again')
  const still = firstDifference()
  if (still !== undefined) stop(`after npm ci, ${still}`)
  console.error(`pbx: toolchain ready in ${Math.round((Date.now() - began) / 1000)} s`)
}

export function requireNode(major) {
  if (Number(process.versions.node.split('.')[0]) >= major) return
  stop(`Node ${process.versions.node} is too old: install Node ${major} or newer`)
}

/**
 * Runs the pinned Node in our place: same terminal, same exit code, signals passed on. `within`: a
 * command that becomes the one after it, such as `unshare`.
 */
export function becomePinned(args, within = []) {
  const [command, ...rest] = [...within, NODE, ...args]
  const env = { ...process.env, PATH: systemPath(process.env['PATH'] ?? '') }
  const child = spawn(command, rest, { cwd: ROOT, stdio: 'inherit', env })
  // A terminal's Ctrl-C reaches the child by itself; here it must only not end us before it.
  process.on('SIGINT', () => {})
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => stop(`${command} could not be started: ${error.message}`))
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143)
  })
}

/** With the directories of nft(8) and ip(8), which `su` leaves out of the path. */
function systemPath(path) {
  const known = path.split(':')
  return [...known, ...['/usr/sbin', '/sbin'].filter((each) => !known.includes(each))].join(':')
}

export function stop(message) {
  console.error(`pbx: ${message}`)
  process.exit(2)
}

/** What node_modules lacks, by npm's own record of what it holds; undefined when nothing. */
function firstDifference() {
  const wanted = packagesOf(join(ROOT, 'package-lock.json'))
  const present = packagesOf(join(ROOT, 'node_modules', '.package-lock.json'))
  if (present === undefined) return 'the packages are not installed yet'
  for (const path of Object.keys(wanted)) {
    if (path === '' || !fits(wanted[path])) continue
    if (present[path] === undefined) return `${path} is missing`
    if (present[path].version !== wanted[path].version) return `${path} is not the locked version`
  }
  return existsSync(NODE) ? undefined : `${NODE} is missing`
}

function packagesOf(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).packages : undefined
}

/** False for optional packages made for another system. */
function fits(entry) {
  if (entry.optional !== true && entry.devOptional !== true) return true
  if (entry.os === undefined && entry.cpu === undefined) return entry.optional !== true
  const libc = process.report?.getReport().header.glibcVersionRuntime ? 'glibc' : 'musl'
  return (
    (entry.os === undefined || entry.os.includes(process.platform)) &&
    (entry.cpu === undefined || entry.cpu.includes(process.arch)) &&
    (entry.libc === undefined || entry.libc.includes(libc))
  )
}
