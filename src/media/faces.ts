//! Which of our addresses a leg is told (`c=`), and which one its sockets are bound to. Pure.

import { isPrivate, sharePrefix } from '../base/address.ts'
import type { Connection, Family } from '../sdp/address.ts'

export type Addresses = {
  /** Numeric; `0.0.0.0` is every IPv4 address of the host, `::` every address of it. */
  readonly bind: string
  /** One more, of the other family; `bind` is one address then. */
  readonly also?: string | undefined
  /** What the world sees this host under, when it is behind a 1:1 NAT. */
  readonly publicAddress: string | undefined
}
/** One address of a network interface. */
export type Interface = {
  readonly address: string
  readonly family: Family
  readonly internal: boolean
  /** Length of the network prefix, in bits. */
  readonly prefix: number
}
export type Face = { readonly bind: string; readonly told: Connection }

/**
 * The face for a leg whose signalling goes `toward` an address, in that address's family, or in
 * `family`; undefined when this server has no address of the family.
 */
export function faceToward(
  addresses: Addresses,
  interfaces: readonly Interface[],
  toward: string | undefined,
  family?: Family,
): Face | undefined {
  const wanted = family ?? (toward === undefined ? undefined : familyOf(toward))
  const own = ownAddresses(addresses, interfaces).filter(
    (each) => wanted === undefined || each.family === wanted,
  )
  const near = own.find(
    (each) => toward !== undefined && sharePrefix(each.address, toward, each.prefix),
  )
  const chosen = near ?? own.find((each) => !each.internal) ?? own[0]
  if (chosen === undefined) return undefined
  const bind = isWildcard(addresses.bind) ? wildcardOf(chosen.family) : chosen.address
  const { publicAddress } = addresses
  const outside = toward !== undefined && near === undefined && !isPrivate(toward)
  const named = outside && publicAddress !== undefined && familyOf(publicAddress) === chosen.family
  const host = named ? publicAddress : chosen.address
  return { bind, told: { family: chosen.family, host } }
}

/** The addresses media sockets are bound to: one for each family served. */
export function boundAddresses({ bind, also }: Addresses): readonly string[] {
  if (bind === '::') return ['0.0.0.0', '::']
  return also === undefined ? [bind] : [bind, also]
}

function ownAddresses(
  addresses: Addresses,
  interfaces: readonly Interface[],
): readonly Interface[] {
  const { bind } = addresses
  if (bind === '::') return interfaces
  if (bind === '0.0.0.0') return interfaces.filter(({ family }) => family === 'IP4')
  return boundAddresses(addresses).map((address) => {
    const family = familyOf(address)
    const prefix = family === 'IP4' ? 32 : 128
    const known = interfaces.find((each) => each.address === address)
    return known ?? { address, family, internal: false, prefix }
  })
}

export function familyOf(address: string): Family {
  return address.includes(':') ? 'IP6' : 'IP4'
}

export function isWildcard(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}

function wildcardOf(family: Family): string {
  return family === 'IP4' ? '0.0.0.0' : '::'
}
