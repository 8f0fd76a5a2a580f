//! This host's own addresses and names.

import { isIPv6 } from 'node:net'
import { hostname } from 'node:os'
import { ownAddresses } from '../native/own-addresses.ts'
import { ConfigFault } from './data-directory.ts'

export type HostAddresses = {
  /** Where others reach us: the bound address, or the first one that is not loopback. */
  readonly main: string
  /** Where this machine itself reaches us. */
  readonly local: string
  /** Every name and address a certificate should be made out to. */
  readonly names: readonly string[]
}

/**
 * `bound`: what sockets are bound to; `0.0.0.0` and `::` are every address of that family. Throws a
 * `ConfigFault` when the kernel does not tell.
 */
export function hostAddresses(bound: string, publicAddress: string | undefined): HostAddresses {
  const every = isAny(bound)
  const family = isIPv6(bound) ? 'IPv6' : 'IPv4'
  const loopback = family === 'IPv6' ? '::1' : '127.0.0.1'
  const all = ownAddresses()
  if (!all.ok) throw new ConfigFault(`the addresses of this host are not known: ${all.error}`)
  const found = all.value
    // Link-local ones mean nothing without the name of the interface.
    .filter((each) => !each.internal && !/^fe80:/i.test(each.address))
  const own = found.filter((each) => each.family === family).map(({ address }) => address)
  const main = every ? (own[0] ?? loopback) : bound
  const fixed = publicAddress === undefined ? [] : [publicAddress]
  const reached = every ? [...own, loopback] : [bound]
  return {
    main,
    local: every ? loopback : bound,
    names: [...new Set([hostname().toLowerCase(), 'localhost', ...fixed, ...reached])],
  }
}

export function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

/** What the console is bound to, so that it is there at the `virtual` addresses, too. */
export function consoleAddress(bound: string, virtual: readonly string[]): string {
  return isAny(bound) && virtual.some(isIPv6) ? '::' : bound
}
