//! Which host names and addresses mean this machine: loopback, what its interfaces have now, and
//! what the configuration adds (public address, virtual IP).

import { networkInterfaces } from 'node:os'
import type { Host } from '../../../src/base/host.ts'
import { after, millis, seconds } from '../../../src/base/time.ts'

/** Interfaces are looked at again after this long: addresses come and go. */
const FRESH = seconds(5)

/** For `openDirectory`: whether a host, in lower case and without brackets, is this machine. */
export function ownHosts(host: Host, configured: readonly string[]): (name: string) => boolean {
  const always = new Set(['localhost', ...configured.map((name) => name.toLowerCase())])
  let addresses = new Set<string>()
  let until = millis(Number.NEGATIVE_INFINITY)
  return (name) => {
    if (always.has(name)) return true
    if (!mayBeAddress(name)) return false
    const now = host.now()
    if (now >= until) {
      addresses = interfaceAddresses()
      until = after(now, FRESH)
    }
    return addresses.has(name)
  }
}

function mayBeAddress(name: string): boolean {
  const last = name.charCodeAt(name.length - 1)
  return name.includes(':') || (last >= 0x30 && last <= 0x39)
}

function interfaceAddresses(): Set<string> {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? [])
  return new Set(all.map(({ address }) => address.toLowerCase()))
}
