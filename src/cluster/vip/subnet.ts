//! What subnets are made of (RFC 4632, RFC 4291). Pure.

import { addressNumber, familyOf, sharePrefix } from '../../base/address.ts'
import { assert } from '../../base/assert.ts'
import type { VirtualAddress } from '../settings.ts'

/** The first address of the subnet that this IPv4 address is in. */
export function networkOf({ address, prefix }: VirtualAddress): string {
  const hosts = 2n ** BigInt(32 - prefix)
  const first = (numberOf(address) / hosts) * hosts
  return [24n, 16n, 8n, 0n].map((bits) => (first >> bits) % 256n).join('.')
}

export function isWithin(address: string, subnet: VirtualAddress): boolean {
  return sharePrefix(address, subnet.address, subnet.prefix)
}

/**
 * Why no host of the subnet may have the address; undefined when one may. Of two addresses or one
 * both may (RFC 3021, RFC 6164).
 */
export function reservedFor(address: string, subnet: VirtualAddress): string | undefined {
  const bits = hostBits(subnet)
  if (bits < 2n || !isWithin(address, subnet)) return undefined
  const host = numberOf(address) % 2n ** bits
  if (host === 0n)
    return familyOf(address) === 4 ? 'the subnet itself' : 'all routers of the subnet'
  return familyOf(address) === 4 && host === 2n ** bits - 1n ? 'all hosts of the subnet' : undefined
}

function hostBits({ address, prefix }: VirtualAddress): bigint {
  return BigInt((familyOf(address) === 4 ? 32 : 128) - prefix)
}

function numberOf(address: string): bigint {
  const number = addressNumber(address)
  assert(number !== undefined, `${address} is numeric where it was given`)
  return number
}
