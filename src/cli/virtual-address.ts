//! What `--vip` may be: of the LAN, in the subnet of its interface, and nobody's.

import { isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import { firstNameOf } from '../cluster/vip/interfaces.ts'
import { holdersOf } from '../cluster/vip/holders.ts'
import { isWithin, reservedFor } from '../cluster/vip/subnet.ts'
import type { VipSettings, VirtualAddress } from '../cluster/settings.ts'
import { CliFailure } from './errors.ts'

export type Given = {
  /** As it was typed. */
  readonly vip: string
  readonly interface: string
  /** By name: whoever does that knows why none of its own addresses is in that subnet. */
  readonly isNamed: boolean
}

/** No host of a LAN is reached by these (RFC 6890, RFC 4291). */
const UNFIT: readonly (readonly [address: string, prefix: number, what: string])[] = [
  ['0.0.0.0', 8, 'no address of any host'],
  ['127.0.0.0', 8, 'a loopback address'],
  ['169.254.0.0', 16, 'a link-local address'],
  ['224.0.0.0', 4, 'a multicast address'],
  ['240.0.0.0', 4, 'a reserved address'],
  ['::', 128, 'no address of any host'],
  ['::1', 128, 'a loopback address'],
  ['::ffff:0:0', 96, 'an IPv4 address in disguise'],
  ['fe80::', 10, 'a link-local address'],
  ['ff00::', 8, 'a multicast address'],
]
/** No LAN is larger: a typing error would be a route to half of the world. */
const SHORTEST = { 4: 8, 6: 32 } as const

/** Throws a `CliFailure`. */
export function virtualAddresses(given: Given, all = networkInterfaces()): VipSettings {
  const { vip, interface: name } = given
  const addresses = vip.split(',').map(parsed)
  if (new Set(addresses.map(({ address }) => isIP(address))).size < addresses.length)
    throw refused(vip, 'must be one IPv4 address, one IPv6 address, or both')
  for (const each of addresses) {
    const why = whyNot(each, given, all)
    if (why !== undefined) throw refused(`${each.address}/${each.prefix}`, why)
  }
  return { addresses, interface: name }
}

/** Throws a `CliFailure` when somebody has one of them; what could not be looked at otherwise. */
export async function mustBeFree(
  vip: VipSettings | undefined,
  native: string | undefined,
): Promise<readonly string[]> {
  const { addresses = [], interface: name = '' } = vip ?? {}
  const found = addresses.map(async ({ address }) => {
    const holders = await holdersOf(native, firstNameOf(name), address)
    if (typeof holders === 'string') return [`Whether ${address} is free is not known: ${holders}.`]
    if (holders.length === 0) return []
    const who = holders.join(' and ')
    throw new CliFailure(`--vip ${address} is taken, by ${who} on ${name}: take one that is free`)
  })
  return (await Promise.all(found)).flat()
}

function refused(vip: string, why: string): CliFailure {
  return new CliFailure(`--vip "${vip}" ${why}`, 2)
}

function parsed(given: string): VirtualAddress {
  const [address = '', length = ''] = given.trim().split('/')
  const [family, prefix] = [isIP(address), Number(length)]
  if (family === 0 || !/^\d+$/.test(length) || prefix < 1 || prefix > (family === 4 ? 32 : 128))
    throw refused(given, 'must be an IP address and its length: 192.0.2.10/24, or 2001:db8::10/64')
  // As the kernel writes it (RFC 5952), so that it is found again.
  const plain = family === 6 ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address
  return { address: plain, prefix }
}

function whyNot(
  vip: VirtualAddress,
  { interface: name, isNamed }: Given,
  all: NodeJS.Dict<Interfaces>,
): string | undefined {
  const { address, prefix } = vip
  const unfit = UNFIT.find(([at, length]) => isWithin(address, { address: at, prefix: length }))
  if (unfit !== undefined) return `is ${unfit[2]}: take a free one of the LAN`
  if (Object.values(all).some((own) => own?.some((each) => each.address === address)))
    return 'is an address of this host: take one that is free'
  const subnets = subnetsOf(all[name] ?? [], isIP(address))
  const own = subnets.find((each) => isWithin(address, each))
  const reserved = reservedFor(address, own ?? vip)
  if (reserved !== undefined) return `is the address of ${reserved}: take that of a host`
  if (own !== undefined && prefix < own.prefix)
    return `is larger than the subnet of ${name}: give ${address}/${own.prefix}`
  if (own !== undefined) return undefined
  const shortest = SHORTEST[isIP(address) === 4 ? 4 : 6]
  if (prefix < shortest) return `is no subnet of a LAN: give a length of ${shortest} or more`
  if (isNamed || subnets.length === 0) return undefined
  const known = subnets.map((each) => `${each.address}/${each.prefix}`).join(', ')
  return (
    `is in no subnet of ${name}, which has ${known}: take a free address of that one, or name ` +
    `the interface where it is to be with --interface, ${name} if you mean it`
  )
}

type Interfaces = NonNullable<ReturnType<typeof networkInterfaces>[string]>

/** Those that a host is reached by: one of the link alone is no reason against another subnet. */
function subnetsOf(own: Interfaces, family: number): readonly VirtualAddress[] {
  return own.flatMap(({ cidr }) => {
    const [address = '', prefix] = cidr?.split('/') ?? []
    if (isIP(address) !== family || isWithin(address, { address: 'fe80::', prefix: 10 })) return []
    return [{ address, prefix: Number(prefix) }]
  })
}
