//! Requests on their way: from a destination to targets (RFC 3263), from one target to the next
//! when it fails before any provisional answer, and the answers to who asked.

import type { Host } from '../../base/host.ts'
import { request as sipRequest, type SipRequest, type SipResponse } from '../message/message.ts'
import type { SipUri } from '../message/uri.ts'
import { formatVia, parseVia, via } from '../message/via.ts'
import { isReliable, type FlowId, type Source, type Target } from '../transaction/flow.ts'
import { clientKey, type ClientKey } from '../transaction/keys.ts'
import type { FailureCause, LayerInput } from '../transaction/layer-events.ts'
import type { Branches } from './branch.ts'
import type { Reach, SoughtPlaces } from './sought.ts'
import type { LocalAddress, Resolve, SipTransport } from './sip-transport.ts'
import type { RequestFailure, ResponseHandler } from './transaction-user.ts'

/** Where a request goes: down a flow, to an address, or wherever RFC 3263 leads. */
export type Destination = FlowId | Target | { readonly uri: SipUri }

/** How a request of ours went out last: for a successor, to go on with its transaction. */
export type SentAs = {
  /** Our Via, as it was put in front. */
  readonly via: string
  readonly to: FlowId | Target
}

/** An INVITE that another process sent. */
export type ResumedInvite = {
  /** Without our Via. */
  readonly request: SipRequest
  readonly sent: SentAs
  readonly reach: Reach
}

type Copy = {
  readonly request: SipRequest
  readonly to: FlowId | Target
  readonly reliable: boolean
}

type ExtraHeaders = readonly (readonly [string, string])[]

type Attempt = {
  /** What the user knows it by. */
  readonly handle: ClientKey
  /** Of the transaction that is under way; undefined as long as none is. */
  current: ClientKey | undefined
  readonly user: ResponseHandler
  /** Without our Via; let go with the final answer. */
  request: SipRequest | undefined
  /** Those still to try. */
  targets: readonly (FlowId | Target)[]
  provisional: boolean
  cancelled: boolean
  sent: SentAs | undefined
}

export type AttemptsNeeds = {
  readonly host: Host
  readonly transport: SipTransport
  readonly resolve: Resolve
  readonly branches: Branches
  readonly sought: SoughtPlaces
  readonly feed: (input: LayerInput) => void
}

export class Attempts {
  /** By the handle and by the current transaction, which are the same before any failover. */
  readonly #byKey = new Map<ClientKey, Attempt>()
  readonly #needs: AttemptsNeeds

  constructor(needs: AttemptsNeeds) {
    this.#needs = needs
  }

  get size(): number {
    return this.#byKey.size
  }

  begin(request: SipRequest, to: Destination, user: ResponseHandler): ClientKey {
    const branch = this.#needs.branches.next(request)
    const handle = clientKey(branch, request.method)
    const attempt: Attempt = {
      handle,
      current: undefined,
      user,
      request,
      targets: [],
      provisional: false,
      cancelled: false,
      sent: undefined,
    }
    this.#byKey.set(handle, attempt)
    if (typeof to === 'string' || 'transport' in to) this.#start(attempt, to, branch, handle)
    else this.#needs.resolve(to.uri, (targets) => this.#resolved(attempt, targets, branch))
    return handle
  }

  /** Undefined when `via` is none of ours, or in use. */
  resume(invite: ResumedInvite, user: ResponseHandler): ClientKey | undefined {
    const { request, sent, reach } = invite
    const branch = parseVia(sent.via)?.branch
    if (branch === undefined) return undefined
    const handle = clientKey(branch, 'INVITE')
    if (this.#byKey.has(handle)) return undefined
    const to = this.#needs.sought.add(handle, reach)
    this.#byKey.set(handle, {
      handle,
      current: handle,
      user,
      request,
      targets: [],
      provisional: false,
      cancelled: false,
      sent,
    })
    const headers = request.headers.copy().prepend('via', sent.via)
    const outgoing = sipRequest(request.method, request.uri, headers, request.body)
    const order = { key: handle, to, reliable: false, request: outgoing } as const
    this.#needs.feed({ kind: 'request', ...order, resumed: true })
    return handle
  }

  /** Undefined when it has its final answer, or never went. */
  sentAs(handle: ClientKey): SentAs | undefined {
    return this.#byKey.get(handle)?.sent
  }

  /** `request` as this one went out; undefined when it has its final answer, or never went. */
  copyOf(handle: ClientKey, request: SipRequest): Copy | undefined {
    const sent = this.#byKey.get(handle)?.sent
    if (sent === undefined) return undefined
    const headers = request.headers.copy().prepend('via', sent.via)
    const copy = sipRequest(request.method, request.uri, headers, request.body)
    const to = this.#needs.sought.of(handle) ?? sent.to
    return { request: copy, to, reliable: parseVia(sent.via)?.transport !== 'UDP' }
  }

  cancel(handle: ClientKey, headers: ExtraHeaders): void {
    const attempt = this.#byKey.get(handle)
    if (attempt?.request?.method !== 'INVITE') return
    attempt.cancelled = true
    if (attempt.current !== undefined)
      this.#needs.feed({ kind: 'cancel', key: attempt.current, headers })
  }

  onResponse(key: ClientKey, response: SipResponse, source: Source): void {
    const attempt = this.#byKey.get(key)
    if (attempt === undefined || attempt.current !== key) return
    if (response.status < 200) attempt.provisional = true
    // RFC 3263 §4.3.
    else if (response.status === 503 && this.#next(attempt)) return
    else settle(attempt)
    attempt.user.onResponse(response, source)
  }

  onFailed(key: ClientKey, cause: FailureCause): void {
    const attempt = this.#byKey.get(key)
    if (attempt === undefined || attempt.current !== key || this.#next(attempt)) return
    settle(attempt)
    attempt.user.onFailed(attempt.cancelled && cause === 'timeout' ? 'cancelled' : cause)
  }

  onTerminated(key: ClientKey): void {
    const attempt = this.#byKey.get(key)
    if (attempt === undefined) return
    if (attempt.current === key) this.#byKey.delete(attempt.handle)
    // The handle outlives the first transaction, for `cancel`.
    if (attempt.handle !== key) this.#byKey.delete(key)
  }

  /** A copy with our Via in front; undefined when there is no way to `to`. */
  withVia(
    request: SipRequest,
    to: FlowId | Target,
    branch: string,
  ):
    | { readonly request: SipRequest; readonly local: LocalAddress; readonly via: string }
    | undefined {
    const local = this.#needs.transport.localAddress(to)
    if (local === undefined) return undefined
    const { transport, address: host, port } = local
    const plain = formatVia(via({ transport: transport.toUpperCase(), host, port, branch }))
    // RFC 5923: the other side may use the connection for its own requests.
    const own = transport === 'tls' && typeof to !== 'string' ? `${plain};alias` : plain
    const headers = request.headers.copy().prepend('via', own)
    const outgoing = sipRequest(request.method, request.uri, headers, request.body)
    return { request: outgoing, local, via: own }
  }

  #resolved(attempt: Attempt, [first, ...others]: readonly Target[], branch: string): void {
    if (attempt.cancelled) return this.#giveUp(attempt, 'cancelled')
    if (first === undefined) return this.#giveUp(attempt, 'unresolvable')
    attempt.targets = others
    this.#start(attempt, first, branch, attempt.handle)
  }

  /** `key` is the branch's; the first one's is the handle, and known already. */
  #start(attempt: Attempt, to: FlowId | Target, branch: string, key: ClientKey): void {
    const { request } = attempt
    if (request === undefined) return
    const outgoing = this.withVia(request, to, branch)
    if (outgoing === undefined) {
      if (!this.#next(attempt)) this.#giveUp(attempt, 'transport')
      return
    }
    attempt.current = key
    attempt.sent = { via: outgoing.via, to }
    if (key !== attempt.handle) this.#byKey.set(key, attempt)
    const reliable = isReliable(outgoing.local.transport)
    this.#needs.feed({ kind: 'request', key, to, reliable, request: outgoing.request })
  }

  /** False when there is no other target, or it is too late for one. */
  #next(attempt: Attempt): boolean {
    const [next, ...others] = attempt.targets
    if (next === undefined || attempt.request === undefined) return false
    if (attempt.provisional || attempt.cancelled) return false
    attempt.targets = others
    const branch = this.#needs.branches.next(attempt.request)
    this.#start(attempt, next, branch, clientKey(branch, attempt.request.method))
    return true
  }

  /** No transaction came of it. The user hears in a turn of its own, after `begin` has returned. */
  #giveUp(attempt: Attempt, cause: RequestFailure): void {
    const { host } = this.#needs
    settle(attempt)
    host.wake(host.now(), () => {
      this.#byKey.delete(attempt.handle)
      attempt.user.onFailed(cause)
    })
  }
}

function settle(attempt: Attempt): void {
  attempt.request = undefined
  attempt.targets = []
  attempt.sent = undefined
}
