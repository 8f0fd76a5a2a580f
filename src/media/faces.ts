//! Which of our addresses a leg is told (`c=`), and which one its sockets are bound to. Pure.

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
  const near = own.find((each) => toward !== undefined && sharesNetwork(each, toward))
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

function sharesNetwork(own: Interface, toward: string): boolean {
  if (own.family !== familyOf(toward)) return false
  const one = addressBits(own.address)
  const other = addressBits(toward)
  if (one === undefined || other === undefined) return false
  const shift = BigInt((own.family === 'IP4' ? 32 : 128) - own.prefix)
  return one >> shift === other >> shift
}

/** Loopback, RFC 1918, link-local, RFC 6598, unique local: nobody there needs a public address. */
export function isPrivate(address: string): boolean {
  const bits = addressBits(address)
  if (bits === undefined) return false
  const networks = familyOf(address) === 'IP4' ? PRIVATE_FOUR : PRIVATE_SIX
  const length = familyOf(address) === 'IP4' ? 32 : 128
  return networks.some(([network, prefix]) => {
    const shift = BigInt(length - prefix)
    return bits >> shift === (addressBits(network) ?? 0n) >> shift
  })
}

const PRIVATE_FOUR: readonly (readonly [network: string, prefix: number])[] = [
  ['10.0.0.0', 8],
  ['127.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['100.64.0.0', 10],
]
const PRIVATE_SIX: readonly (readonly [network: string, prefix: number])[] = [
  ['::1', 128],
  ['fc00::', 7],
  ['fe80::', 10],
]

/** A numeric address as a number; undefined when it is none. */
function addressBits(address: string): bigint | undefined {
  if (!address.includes(':')) return octetBits(address)
  const plain = address.split('%')[0] ?? ''
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain)
  const low = dotted?.[2] === undefined ? undefined : octetBits(dotted[2])
  const text =
    low === undefined
      ? plain
      : `${dotted?.[1]}${(low >> 16n).toString(16)}:${(low & 0xffffn).toString(16)}`
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const missing = 8 - left.length - right.length
  if (missing < 0 || (tail === undefined && missing !== 0)) return undefined
  const groups = [...left, ...Array.from({ length: missing }, () => '0'), ...right]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return groups.reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n)
}

function octetBits(address: string): bigint | undefined {
  const octets = address.split('.').map(Number)
  if (octets.length !== 4 || !octets.every((each) => each >= 0 && each <= 255)) return undefined
  return octets.reduce((bits, octet) => (bits << 8n) | BigInt(octet), 0n)
}
