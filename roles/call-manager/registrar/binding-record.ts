//! One binding, in hand: as a REGISTER makes it, or as it was when the table was asked. The table
//! keeps bytes, and makes another one of these at every asking.

import type { Brand } from '../../../src/base/brand.ts'
import { millis, wallTime, type Millis, type WallTime } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import { parseUri, sipUri, type SipUri } from '../../../src/sip/message/uri.ts'
import {
  isReliable,
  type FlowId,
  type Target,
  type TransportName,
} from '../../../src/sip/transaction/flow.ts'
import type { BindingRow } from '../../../src/store/schema/binding.ts'
import type { Binding } from '../location.ts'
import { publicGruu } from './gruu.ts'
import type { RegistrarPolicy } from './policy.ts'

/** Everything of a binding but its lifetime. */
export type Bound = {
  readonly tenant: TenantId
  readonly user: string
  readonly domain: string
  readonly aor: string
  readonly contact: string
  readonly q: number
  readonly instance: string | undefined
  readonly regId: number | undefined
  readonly flow: FlowId | undefined
  readonly target: Target
  readonly path: readonly string[]
  readonly behindNat: boolean
  readonly userAgent: string
  readonly callId: string
  readonly cseq: number
  /** `NO_GRUU` without an instance. */
  readonly gruuId: number
  readonly registeredAt: Millis
}

/** Where in the table a binding is kept. */
export type Slot = Brand<number, 'Slot'>

export class BindingRecord implements Binding {
  /** The table's own; undefined until it is in one. */
  slot: Slot | undefined = undefined

  readonly tenant: TenantId
  readonly user: string
  readonly domain: string
  readonly aor: string
  readonly contact: string
  readonly q: number
  readonly instance: string | undefined
  readonly regId: number | undefined
  flow: FlowId | undefined
  target: Target
  readonly path: readonly string[]
  readonly behindNat: boolean
  readonly userAgent: string
  callId: string
  cseq: number
  readonly gruuId: number
  readonly registeredAt: Millis
  /** When it was last heard of: what decides who goes first, and who is newest. */
  refreshedAt: Millis
  expiresAt: Millis
  /** As the store has it, or will once it has done what it was told. */
  savedUntil: Millis

  constructor(bound: Bound, refreshedAt: Millis, expiresAt: Millis) {
    this.tenant = bound.tenant
    this.user = bound.user
    this.domain = bound.domain
    this.aor = bound.aor
    this.contact = bound.contact
    this.q = bound.q
    this.instance = bound.instance
    this.regId = bound.regId
    this.flow = bound.flow
    this.target = bound.target
    this.path = bound.path
    this.behindNat = bound.behindNat
    this.userAgent = bound.userAgent
    this.callId = bound.callId
    this.cseq = bound.cseq
    this.gruuId = bound.gruuId
    this.registeredAt = whole(bound.registeredAt)
    this.refreshedAt = whole(refreshedAt)
    this.expiresAt = whole(expiresAt)
    this.savedUntil = generousExpiry(this)
  }

  get key(): string {
    return keyOf(this.contact, this.instance, this.regId)
  }

  get transport(): TransportName {
    return this.target.transport
  }

  get uri(): SipUri {
    return parseUri(this.contact) ?? sipUri({ user: this.user, host: this.target.host })
  }

  get reachable(): boolean {
    if (this.flow !== undefined) return true
    return this.#isSip() && isConnectable(this.target.transport, this.behindNat)
  }

  #isSip(): boolean {
    return /^sips?:/i.test(this.contact)
  }

  get pubGruu(): string | undefined {
    if (this.instance === undefined) return undefined
    return publicGruu(this.user, this.domain, this.instance)
  }
}

export type Lifetime = { readonly refreshedAt: Millis; readonly expiresAt: Millis }

/** Of its lifetime. */
const GRACE = 0.1

/**
 * What a binding is stored with while the registrar runs, see `refresh-batch.ts`: later than it
 * really is, so that the next refreshes need not be written.
 */
export function generousExpiry({ refreshedAt, expiresAt }: Lifetime): Millis {
  return whole(millis(expiresAt + (expiresAt - refreshedAt) * GRACE))
}

/** The longest that one is stored for. */
export function longestStored({ expiryMax }: RegistrarPolicy): Millis {
  return generousExpiry({ refreshedAt: millis(0), expiresAt: expiryMax })
}

/** Rounded up: nobody expires early, and a deadline that is met is not a fraction away. */
export function whole(time: Millis): Millis {
  return millis(Math.ceil(time))
}

/** Whether a device without a flow can be reached from here: no browser, nothing behind a NAT. */
function isConnectable(transport: TransportName, behindNat: boolean): boolean {
  if (transport === 'ws' || transport === 'wss') return false
  // A UDP mapping may have outlived our restart; it is worth a try.
  return !isReliable(transport) || !behindNat
}

/** What the wall clock says minus what the monotonic one says. */
export type ClockOffset = number

export function rowOf(record: BindingRecord, offset: ClockOffset): BindingRow {
  const { target, savedUntil, registeredAt } = record
  return {
    aor: record.aor,
    key: record.key,
    tenant: record.tenant,
    user: record.user,
    contact: record.contact,
    q: record.q,
    instance: record.instance,
    regId: record.regId,
    transport: target.transport,
    host: target.host,
    port: target.port,
    path: record.path,
    behindNat: record.behindNat,
    userAgent: record.userAgent,
    callId: record.callId,
    cseq: record.cseq,
    gruuId: record.gruuId,
    registeredAt: atWall(registeredAt, offset),
    expiresAt: atWall(savedUntil, offset),
  }
}

/** How it was left in the store, and how it is found: it may end at another time than it says. */
export type Found = {
  readonly domain: string
  readonly offset: ClockOffset
  /** Stands in for when it was last heard of, which is not kept. */
  readonly now: Millis
  readonly expiresAt: Millis
}

export function recordOf(
  row: BindingRow,
  { domain, offset, now, expiresAt }: Found,
): BindingRecord {
  const { transport, host, port } = row
  const target: Target = { transport: transportOf(transport), host, port }
  const registeredAt = millis(row.registeredAt - offset)
  const bound: Bound = { ...row, domain, flow: undefined, target, registeredAt }
  const record = new BindingRecord(bound, now, expiresAt)
  record.savedUntil = whole(millis(row.expiresAt - offset))
  return record
}

export function atWall(at: Millis, offset: ClockOffset): WallTime {
  return wallTime(Math.round(at + offset))
}

function transportOf(text: string): TransportName {
  return text === 'tcp' || text === 'tls' || text === 'ws' || text === 'wss' ? text : 'udp'
}

/** Names the binding within its AOR: instance and reg-id (RFC 5626 §6), else the contact. */
function keyOf(contact: string, instance: string | undefined, regId: number | undefined): string {
  if (instance === undefined) return contact
  // Deviation from RFC 5627 §5.1: an instance without a reg-id keeps one binding as well, so that
  // a phone that comes back from another port does not ring at its old one too.
  return `${instance};${regId ?? 0}`
}
