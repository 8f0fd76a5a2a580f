//! Real phones, load generators and networks for the tests, from the system's own packages.

import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Program → Debian package. */
const WANTED: Readonly<Record<string, string>> = {
  baresip: 'baresip-core',
  curl: 'curl',
  ip: 'iproute2',
  nft: 'nftables',
  sipp: 'sip-tester',
}

/** Installs what is missing when we may; otherwise says what to install and returns false. */
export function ensureSystemPackages(): boolean {
  let missing = lacking()
  if (missing.length === 0) return true
  const install = ['install', '-y', '--no-install-recommends', ...missing]
  if (process.getuid?.() === 0 && onPath('apt-get')) {
    console.error(`pbx: installing ${missing.join(', ')} for the tests ...`)
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
    const apt = (args: readonly string[]): boolean =>
      spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0
    if (!apt(install) && apt(['update'])) apt(install)
    missing = lacking()
  }
  if (missing.length === 0) return true
  console.error(`pbx: the tests with real phones need: apt-get ${install.join(' ')}`)
  return false
}

function lacking(): readonly string[] {
  return Object.entries(WANTED).flatMap(([program, name]) => (onPath(program) ? [] : [name]))
}

function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, program), constants.X_OK)
      return true
    } catch {
      return false // absent there, or not ours to run: the next directory may have it
    }
  })
}
