//! What one REGISTER changes: RFC 3261 §10.3 from step 6 on, RFC 5626 §6, RFC 3327 §5.3. Pure: the
//! bindings of the AOR as they are, and the request, in; the changes, or a refusal, out.

import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { SipRequest } from '../../../src/sip/message/message.ts'
import { sameUri } from '../../../src/sip/message/uri.ts'
import { isProxied, paths, required } from '../../../src/sip/message/views.ts'
import { isReliable, type Source } from '../../../src/sip/transaction/flow.ts'
import type { Extension } from '../directory.ts'
import { BindingRecord, generousExpiry, whole } from './binding-record.ts'
import { asked, type Wish } from './contacts.ts'
import { NO_GRUU } from './gruu.ts'
import type { RegistrarPolicy } from './policy.ts'
import { reachOf, type Reach } from './reach.ts'

export type Registration = {
  readonly request: SipRequest
  readonly source: Source
  readonly extension: Extension
  /** Of the request: `Call-ID` and the number of `CSeq`. */
  readonly callId: string
  readonly cseq: number
}

export type Refusal = {
  readonly status: number
  readonly reason?: string
  readonly headers?: readonly (readonly [string, string])[]
}

export type Refresh = {
  readonly record: BindingRecord
  readonly reach: Reach
  readonly expiresAt: Millis
}

/** Either refreshes alone, or what has to be committed first. */
export type Changes = {
  readonly put: readonly BindingRecord[]
  readonly refresh: readonly Refresh[]
  readonly remove: readonly BindingRecord[]
}

export type Decision =
  | { readonly kind: 'refuse'; readonly refusal: Refusal }
  | { readonly kind: 'change'; readonly changes: Changes }

export type Situation = {
  readonly current: readonly BindingRecord[]
  readonly policy: RegistrarPolicy
  readonly now: Millis
  /** A number for temporary GRUUs that no live binding has. */
  readonly newGruuId: () => number
}

const KNOWN_OPTIONS = new Set(['path', 'outbound', 'gruu'])

export function decide(registration: Registration, situation: Situation): Decision {
  const { request } = registration
  const unknown = required(request).filter((tag) => !KNOWN_OPTIONS.has(tag))
  if (unknown.length > 0)
    return refuse({ status: 420, headers: [['unsupported', unknown.join(', ')]] })
  const wanted = asked(request, situation.policy)
  switch (wanted.kind) {
    case 'bad':
      return refuse({ status: 400, reason: wanted.reason })
    case 'too-brief': {
      const seconds = String(situation.policy.expiryMin / 1000)
      return refuse({ status: 423, headers: [['min-expires', seconds]] })
    }
    case 'fetch':
      return { kind: 'change', changes: { put: [], refresh: [], remove: [] } }
    case 'remove-all': {
      const isLate = situation.current.some((record) => isOutOfOrder(record, registration))
      if (isLate) return refuse(OUT_OF_ORDER)
      return { kind: 'change', changes: { put: [], refresh: [], remove: situation.current } }
    }
    case 'wishes':
      return fulfil(registration, situation, wanted.wishes)
  }
}

const OUT_OF_ORDER: Refusal = { status: 500, reason: 'CSeq Out of Order' }

function refuse(refusal: Refusal): Decision {
  return { kind: 'refuse', refusal }
}

/** All wishes or none (§10.3 step 7). */
function fulfil(
  registration: Registration,
  situation: Situation,
  wishes: readonly Wish[],
): Decision {
  const { request } = registration
  const path = pathOf(request)
  if (path === undefined) return refuse({ status: 400, reason: 'Malformed Path' })
  const excess = tooLong(registration.callId, path)
  if (excess !== undefined) return refuse({ status: 400, reason: excess })
  const hasRegId = wishes.some(({ regId }) => regId !== undefined)
  if (hasRegId && lacksOutbound(request)) return refuse({ status: 439 })
  const kept: Kept[] = []
  const remove: BindingRecord[] = []
  for (const wish of wishes) {
    const { current } = situation
    const same = current.find((record) => isOf(record, wish))
    const isLast = (record: BindingRecord): boolean =>
      isReconnected(record, wish, registration) && !isAsked(record, wishes, kept)
    if (same !== undefined && isOutOfOrder(same, registration)) return refuse(OUT_OF_ORDER)
    const existing = same ?? (wish.expiry > 0 ? current.find(isLast) : undefined)
    if (wish.expiry > 0) {
      const reach = reachOf(request, registration.source, wish.uri, path)
      const expiresAt = after(situation.now, lifetime(wish, reach, situation.policy))
      kept.push({ wish, existing, reach, expiresAt })
    } else if (existing !== undefined) remove.push(existing)
  }
  const context = { registration, situation, path }
  const refresh = remove.length > 0 ? undefined : refreshesOnly(kept, context)
  if (refresh !== undefined) return { kind: 'change', changes: { put: [], refresh, remove: [] } }
  const put = kept.map((each) => newRecord(context, each))
  for (const [index, { existing }] of kept.entries()) {
    // Equal URIs may be written differently, and a device may have begun to name itself.
    if (existing !== undefined && existing.key !== put[index]?.key) remove.push(existing)
  }
  remove.push(...pushedOut(situation, put, remove))
  return { kind: 'change', changes: { put, refresh: [], remove } }
}

/** A wish that is to be, and the binding it is about, when there is one. */
type Kept = {
  readonly wish: Wish
  readonly existing: BindingRecord | undefined
  readonly reach: Reach
  readonly expiresAt: Millis
}

/** Undefined when one is more than that: then all of them wait for the disk, as one. */
function refreshesOnly(
  kept: readonly Kept[],
  { registration, situation, path }: Context,
): readonly Refresh[] | undefined {
  const refreshes: Refresh[] = []
  for (const { wish, existing, reach, expiresAt } of kept) {
    if (existing === undefined) return undefined
    if (!isPureRefresh(existing, wish, reach, registration, path)) return undefined
    if (isShortened(existing, expiresAt, situation.now)) return undefined
    refreshes.push({ record: existing, reach, expiresAt })
  }
  return refreshes
}

/** In order; undefined when one cannot be read. */
function pathOf(request: SipRequest): readonly string[] | undefined {
  if (!request.headers.has('path')) return NO_PATH
  if (paths(request) === undefined) return undefined
  return request.headers.list('path')
}

const NO_PATH: readonly string[] = []

/** In bytes; of a Path all hops together. What a phone may have kept for as long as it likes. */
const PATH_MAX = 2_048
const CALL_ID_MAX = 256

function tooLong(callId: string, path: readonly string[]): string | undefined {
  if (callId.length > CALL_ID_MAX) return `Call-ID Longer Than ${CALL_ID_MAX} Bytes`
  const length = path.reduce((sum, hop) => sum + hop.length, 0)
  return length > PATH_MAX ? `Path Longer Than ${PATH_MAX} Bytes` : undefined
}

/** RFC 5626 §6: a first hop that is no edge proxy cannot keep the flow. */
function lacksOutbound(request: SipRequest): boolean {
  if (!isProxied(request)) return false
  // The edge proxy was the first to add a Path, so its one is the last.
  const edge = paths(request)?.at(-1)
  return edge === undefined || !edge.uri.params.has('ob')
}

function isOf(record: BindingRecord, wish: Wish): boolean {
  if (wish.instance !== undefined && record.instance !== undefined)
    return record.instance === wish.instance && record.regId === wish.regId
  return record.contact === wish.contact || sameUri(record.uri, wish.uri)
}

/** Of a client that is here by another connection, and the one before is no more, or will be. */
function isReconnected(record: BindingRecord, wish: Wish, registration: Registration): boolean {
  const { callId, source } = registration
  const { transport, uri, flow } = record
  if (wish.instance !== undefined || record.instance !== undefined) return false
  if (record.callId !== callId || transport !== source.transport || !isReliable(transport))
    return false
  const { scheme, user, host, port } = wish.uri
  const isClient = uri.scheme === scheme && uri.user === user && uri.host === host
  // Whose Contact names another port listens there, and may do so at more than one.
  if (!isClient || (port !== source.port && record.reachable)) return false
  // One by the connection before may be read late; whoever is here anew may count anew.
  return flow === undefined || (flow !== source.flow && !isOutOfOrder(record, registration))
}

/** The same REGISTER names it, or what takes its place. */
function isAsked(record: BindingRecord, wishes: readonly Wish[], kept: readonly Kept[]): boolean {
  return wishes.some((wish) => isOf(record, wish)) || kept.some((each) => each.existing === record)
}

/** A CSeq at or below the one that made the binding, of the same Call-ID (§10.3 step 7). */
function isOutOfOrder(record: BindingRecord, { callId, cseq }: Registration): boolean {
  return record.callId === callId && cseq <= record.cseq
}

function lifetime(wish: Wish, { target, behindNat }: Reach, policy: RegistrarPolicy): Millis {
  if (!behindNat || isReliable(target.transport)) return wish.expiry
  return millis(Math.min(wish.expiry, policy.expiryMaxBehindNat))
}

/** Nothing changes that a successor would have to know: not worth waiting for the disk. */
function isPureRefresh(
  record: BindingRecord,
  wish: Wish,
  reach: Reach,
  { request, callId }: Registration,
  path: readonly string[],
): boolean {
  const { target } = record
  // The far port of a connection is new every time and of no use to anybody else.
  const isSamePort = target.port === reach.target.port || isReliable(target.transport)
  const isSamePlace = target.transport === reach.target.transport && isSamePort
  return (
    isSamePlace &&
    target.host === reach.target.host &&
    record.behindNat === reach.behindNat &&
    record.contact === wish.contact &&
    record.q === wish.q &&
    record.instance === wish.instance &&
    (record.gruuId === NO_GRUU || record.callId === callId) &&
    record.userAgent === userAgentOf(request) &&
    record.path.length === path.length &&
    record.path.every((hop, index) => hop === path[index])
  )
}

/** What is stored would outlive the new promise by more than what is granted to each. */
function isShortened({ savedUntil }: BindingRecord, expiresAt: Millis, now: Millis): boolean {
  const lifetime = { refreshedAt: whole(now), expiresAt: whole(expiresAt) }
  return savedUntil > generousExpiry(lifetime)
}

type Context = {
  readonly registration: Registration
  readonly situation: Situation
  readonly path: readonly string[]
}

function newRecord(
  { registration, situation, path }: Context,
  { wish, existing, reach, expiresAt }: Kept,
): BindingRecord {
  const { request, extension, callId, cseq } = registration
  const { tenant, user, domain, aor } = extension
  const { instance, regId, q } = wish
  const { flow, target, behindNat } = reach
  const bound = {
    tenant,
    user,
    domain,
    aor,
    contact: wish.contact,
    q,
    instance,
    regId,
    flow,
    target,
    path,
    behindNat,
    userAgent: userAgentOf(request),
    callId,
    cseq,
    gruuId: gruuIdOf(existing, instance, callId, situation),
    registeredAt: existing?.registeredAt ?? situation.now,
  }
  return new BindingRecord(bound, situation.now, expiresAt)
}

/** RFC 5627 §5.4: temporary GRUUs live until the instance registers with another Call-ID. */
function gruuIdOf(
  existing: BindingRecord | undefined,
  instance: string | undefined,
  callId: string,
  { current, newGruuId }: Situation,
): number {
  if (instance === undefined) return NO_GRUU
  const kept = existing ?? current.find((record) => record.instance === instance)
  return kept !== undefined && kept.instance === instance && kept.callId === callId
    ? kept.gruuId
    : newGruuId()
}

/** Those that make room: first who cannot be reached, then who was heard of least recently. */
function pushedOut(
  { current, policy }: Situation,
  put: readonly BindingRecord[],
  removed: readonly BindingRecord[],
): readonly BindingRecord[] {
  if (current.length + put.length <= policy.contactsMax) return []
  const keys = new Set(put.map(({ key }) => key))
  const staying = current.filter((record) => !keys.has(record.key) && !removed.includes(record))
  const surplus = staying.length + put.length - policy.contactsMax
  if (surplus <= 0) return []
  const order = (record: BindingRecord): number => (record.reachable ? 1 : 0)
  const sorted = staying.toSorted((a, b) => order(a) - order(b) || a.refreshedAt - b.refreshedAt)
  return sorted.slice(0, surplus)
}

const USER_AGENT_MAX = 128

function userAgentOf(request: SipRequest): string {
  return (request.headers.get('user-agent') ?? '').slice(0, USER_AGENT_MAX)
}
