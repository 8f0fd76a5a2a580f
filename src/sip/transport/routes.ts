//! Which address of ours another host sees: the one the system would send from, or the public one
//! for everybody outside of private networks.

import type { NetworkInterfaceInfo } from 'node:os'
import type { Host } from '../../base/host.ts'
import { Lru } from '../../base/lru.ts'
import { seconds, type Millis } from '../../base/time.ts'
import type { Native } from '../../native/load.ts'
import { ownAddresses } from '../../native/own-addresses.ts'
import { addressBytes, familyOf, isPrivate } from '../../base/address.ts'

/** Routes change when cables are pulled and virtual addresses move. */
const LIFETIME = seconds(10)
const REMEMBERED = 4096

export type RoutesOptions = {
  readonly host: Pick<Host, 'now' | 'log'>
  readonly native: Native | undefined
  /** What peers outside of private networks are told, of either family. */
  readonly publicAddress: string | undefined
}

export class Routes {
  readonly #options: RoutesOptions
  #own: readonly NetworkInterfaceInfo[] = []
  #isSaid = false
  readonly #known = new Lru<string, { readonly local: string; readonly until: Millis }>(REMEMBERED)

  constructor(options: RoutesOptions) {
    this.#options = options
  }

  /** The local address that reaches `host`. */
  readonly local = (host: string): string => {
    const now = this.#options.host.now()
    const known = this.#known.get(host)
    if (known !== undefined && known.until > now) return known.local
    const told = this.#options.native?.udpRoute(host) ?? ''
    const local = told === '' ? guessed(host, this.#addresses()) : told
    this.#known.set(host, { local, until: (now + LIFETIME) as Millis })
    return local
  }

  /** As last told: whoever sent something is answered all the same. */
  #addresses(): readonly NetworkInterfaceInfo[] {
    const own = ownAddresses()
    if (own.ok) return (this.#own = own.value)
    if (!this.#isSaid) this.#options.host.log('warn', 'sip.addresses-unknown', { why: own.error })
    this.#isSaid = true
    return this.#own
  }

  /** What `host` is told to reach us by, where `local` is the address it does talk to. */
  advertised(local: string, host: string): string {
    const { publicAddress } = this.#options
    if (publicAddress === undefined || isPrivate(host) || !isPrivate(local)) return local
    return familyOf(publicAddress) === familyOf(host) ? publicAddress : local
  }
}

/** Without the system's word: the interface of the same network, else the first to the outside. */
function guessed(host: string, all: readonly NetworkInterfaceInfo[]): string {
  const wanted = addressBytes(host)
  const family = familyOf(host)
  const loopback = family === 4 ? '127.0.0.1' : '::1'
  if (wanted === undefined) return loopback
  const own = all.filter((each) => each.family === `IPv${family}`)
  let best: { readonly address: string; readonly bits: number } | undefined
  for (const { address, cidr } of own) {
    const bits = Number(cidr?.split('/')[1] ?? 0)
    const bytes = addressBytes(address)
    if (bytes === undefined || !sameNetwork(bytes, wanted, bits)) continue
    if (best === undefined || bits > best.bits) best = { address, bits }
  }
  return best?.address ?? own.find((each) => !each.internal)?.address ?? loopback
}

function sameNetwork(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit++) {
    const mask = 0x80 >> (bit % 8)
    if (((a[bit >> 3] ?? 0) & mask) !== ((b[bit >> 3] ?? 0) & mask)) return false
  }
  return true
}
