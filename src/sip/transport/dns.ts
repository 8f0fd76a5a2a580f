//! Questions to the domain name system and their answers, as far as RFC 3263 needs them.

import type { Millis } from '../../base/time.ts'

export type Question = { readonly type: 'NAPTR' | 'SRV' | 'A' | 'AAAA'; readonly name: string }

/** No records: the name has none of that type, or nobody answered. */
export type Answer = {
  readonly records: readonly DnsRecord[]
  /** How long it holds, where the answer says so. */
  readonly lifetime?: Millis
  /** Nobody answered: worth asking again soon. */
  readonly failed?: true
}

export type DnsRecord = NaptrRecord | SrvRecord | AddressRecord

export type NaptrRecord = {
  readonly type: 'NAPTR'
  readonly order: number
  readonly preference: number
  readonly flags: string
  readonly service: string
  readonly replacement: string
}
export type SrvRecord = {
  readonly type: 'SRV'
  readonly priority: number
  readonly weight: number
  readonly port: number
  readonly name: string
}
type AddressRecord = { readonly type: 'A' | 'AAAA'; readonly address: string }
