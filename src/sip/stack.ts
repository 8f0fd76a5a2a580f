//! The host between transport, transaction layer and transaction user.
//!
//!     transport ──received──> admission ──> layer ──request, cancel, ack──> transaction user
//!         ^                      │            │  ──response, failed──> attempts ──> who asked
//!         +───────send───────────+────────────+
//!
//! What the layer puts out is carried out here, between two of its steps: nobody is called from
//! within one.

import { unreachable } from '../base/assert.ts'
import type { Cancel, Host } from '../base/host.ts'
import { millis } from '../base/time.ts'
import type { SipMessage, SipRequest, SipResponse } from './message/message.ts'
import { serialize } from './message/serialize.ts'
import { invalidity } from './message/validate.ts'
import { topVia } from './message/views.ts'
import { Admission, type Refusal } from './stack/admission.ts'
import { Attempts, type Destination, type ResumedInvite, type SentAs } from './stack/attempts.ts'
import { Branches } from './stack/branch.ts'
import { Pump } from './stack/pump.ts'
import type { Received, Resolve, SendFailure, SipTransport } from './stack/sip-transport.ts'
import { SoughtPlaces, type Reach } from './stack/sought.ts'
import type { ResponseHandler, TransactionUser } from './stack/transaction-user.ts'
import type { FlowId, Source, Target } from './transaction/flow.ts'
import { refusal } from './transaction/hop-by-hop.ts'
import { serverKeyOf, type ClientKey, type ServerKey } from './transaction/keys.ts'
import type { LayerInput, LayerOutput } from './transaction/layer-events.ts'
import { TransactionLayer, type LayerSize } from './transaction/layer.ts'
import { responseRoute } from './transaction/response-route.ts'
import type { ServerBounds } from './transaction/server-transactions.ts'

export type { Destination, ResumedInvite, SentAs } from './stack/attempts.ts'
export type { Reach } from './stack/sought.ts'
export type { RequestFailure, ResponseHandler, TransactionUser } from './stack/transaction-user.ts'

export interface SipStack {
  /**
   * Starts a client transaction; the stack puts a Via of its own in front (the request it was
   * given is not touched). The key stays the same when the stack fails over to another target.
   * `user` hears nothing before this returns.
   */
  request(request: SipRequest, to: Destination, user: ResponseHandler): ClientKey
  /** Answers; after a 2xx to INVITE more of them may be sent (§13.3.1.4). */
  respond(key: ServerKey, response: SipResponse): void
  /**
   * Leaves the request without any answer, as scanners deserve. Said within `onRequest`, it saves
   * an INVITE its 100.
   */
  ignore(key: ServerKey): void
  /** Outside of any transaction: the ACK to a 2xx. A request gets a Via of ours. */
  send(message: SipMessage, to: Destination): void
  /**
   * Cancels an INVITE; waits for its first provisional answer, as §9.1 wants. The handler hears
   * how the INVITE ended as always, or `cancelled` when nothing came in 64*T1.
   * `headers` go on the CANCEL (Reason, RFC 3326).
   */
  cancel(key: ClientKey, headers?: readonly (readonly [string, string])[]): void
  /** For a successor: how the request under this key went out; undefined once it is answered. */
  sentAs(key: ClientKey): SentAs | undefined
  /**
   * Goes on with an INVITE that another process sent; undefined when its Via is none of ours. Its
   * answers, and its CANCEL, are as if it had been sent from here.
   */
  resumeRequest(invite: ResumedInvite, user: ResponseHandler): ClientKey | undefined
  /**
   * One copy more of a resumed INVITE, over UDP: who has it already says again what it answered
   * (§17.2.1). `request` may hold another description.
   */
  repeat(key: ClientKey, request: SipRequest): void
  /**
   * Goes on with an INVITE that another process took and did not answer finally: its copies, its
   * CANCEL and `respond` find it under the key it had there.
   */
  resumeInvite(invite: SipRequest, source: Source, reach: Reach): void
  /** Of an INVITE that came by a connection: its answers go there when that is gone. */
  seekIfLost(key: ServerKey, reach: Reach): void
}

export interface RunnableSipStack extends SipStack {
  /** Begins to pump; `user` hears of everything from now on. Returns its closing. */
  start(user: TransactionUser): Cancel
  readonly counters: Readonly<StackCounters>
  /** What is alive; all zero when nothing is. */
  readonly size: StackSize
  /** The share of new requests that overload control turns away now, 0 to 1. */
  readonly refusing: number
}

export type StackOptions = {
  readonly host: Host
  readonly transport: SipTransport
  readonly resolve: Resolve
  readonly bounds?: ServerBounds
  /** Another process takes over when this one ends: an INVITE over UDP waits for its 100. */
  readonly hasSuccessor?: boolean
  /** The ladder recorder's tap: every message that came or went, as it was on the wire. */
  readonly onMessage?: MessageTap
  /** Share of the time since the last call that the event loop was busy; overload control's eye. */
  readonly busy?: () => number
}

export type MessageTap = (
  direction: 'in' | 'out',
  peer: Source | FlowId | Target,
  message: SipMessage,
  bytes: Uint8Array,
) => void

type StackSize = LayerSize & { readonly attempts: number }

type StackCounters = {
  received: number
  sent: number
  /** Of all sent, those sent again because no answer or ACK came in time. */
  retransmitted: number
  /** Refused without a transaction, by why. */
  invalid: number
  overloaded: number
  screened: number
  /** The transaction user answered when it was too late, or twice. */
  unsent: number
  transportFailures: number
  timeouts: number
  /** The transaction user threw. */
  bugs: number
}

export function createSipStack(options: StackOptions): RunnableSipStack {
  return new Stack(options)
}

class Stack implements RunnableSipStack {
  readonly counters: StackCounters = {
    received: 0,
    sent: 0,
    retransmitted: 0,
    invalid: 0,
    overloaded: 0,
    screened: 0,
    unsent: 0,
    transportFailures: 0,
    timeouts: 0,
    bugs: 0,
  }
  readonly #options: StackOptions
  readonly #layer: TransactionLayer
  readonly #branches: Branches
  readonly #pump: Pump
  readonly #attempts: Attempts
  readonly #admission: Admission
  readonly #sought = new SoughtPlaces()
  #user: TransactionUser | undefined

  constructor(options: StackOptions) {
    const { host, transport, resolve, busy } = options
    this.#options = options
    this.#layer = new TransactionLayer(options.bounds, options.hasSuccessor)
    this.#pump = new Pump(host, this.#layer, (outputs) => this.#carryOut(outputs))
    const branches = new Branches(host.random)
    this.#branches = branches
    const feed = (input: LayerInput): void => this.#pump.feed(input)
    this.#attempts = new Attempts({
      host,
      transport,
      resolve,
      branches,
      feed,
      sought: this.#sought,
    })
    const knows = (key: ServerKey): boolean => this.#layer.knows(key)
    const hasChallenged = (request: SipRequest, source: Source): boolean =>
      this.#user?.hasChallenged?.(request, source) === true
    this.#admission = new Admission({ host, branches, knows, hasChallenged, busy })
  }

  get refusing(): number {
    return this.#admission.refusing
  }

  get size(): StackSize {
    return { ...this.#layer.size, attempts: this.#attempts.size }
  }

  start(user: TransactionUser): Cancel {
    const { transport } = this.#options
    this.#user = user
    const closings = [
      transport.received((received) => this.#receive(received)),
      transport.failed((failure) => this.#sendFailed(failure)),
      transport.flowClosed((to) => {
        this.#pump.feed({ kind: 'transport-failed', to, message: undefined })
      }),
      this.#admission.start(),
    ]
    return () => {
      for (const close of closings) close()
      this.#pump.stop()
      this.#user = undefined
    }
  }

  request(request: SipRequest, to: Destination, user: ResponseHandler): ClientKey {
    return this.#attempts.begin(request, to, user)
  }

  respond(key: ServerKey, response: SipResponse): void {
    this.#pump.feed({ kind: 'respond', key, response })
  }

  ignore(key: ServerKey): void {
    this.#pump.feed({ kind: 'ignore', key })
  }

  cancel(key: ClientKey, headers: readonly (readonly [string, string])[] = []): void {
    this.#attempts.cancel(key, headers)
  }

  sentAs(key: ClientKey): SentAs | undefined {
    return this.#attempts.sentAs(key)
  }

  resumeRequest(invite: ResumedInvite, user: ResponseHandler): ClientKey | undefined {
    return this.#attempts.resume(invite, user)
  }

  repeat(key: ClientKey, request: SipRequest): void {
    const copy = this.#attempts.copyOf(key, request)
    if (copy === undefined || copy.reliable) return
    this.counters.retransmitted++
    this.#transmit(copy.to, copy.request, serialize(copy.request))
  }

  resumeInvite(request: SipRequest, source: Source, reach: Reach): void {
    const key = serverKeyOf(request)
    if (key === undefined || this.#layer.knows(key)) return
    this.#pump.feed({ kind: 'resume', request, source, to: this.#sought.add(key, reach) })
  }

  seekIfLost(key: ServerKey, reach: Reach): void {
    this.#pump.feed({ kind: 'seek', key, to: this.#sought.add(key, reach) })
  }

  send(message: SipMessage, to: Destination): void {
    if (typeof to === 'string' || 'transport' in to) return this.#sendNow(message, to)
    this.#options.resolve(to.uri, ([first]) => {
      if (first !== undefined) this.#sendNow(message, first)
      else this.#options.host.log('warn', 'sip.unroutable', { uri: to.uri.host })
    })
  }

  #sendNow(message: SipMessage, to: FlowId | Target): void {
    if (message.kind === 'response') return this.#transmit(to, message, serialize(message))
    const outgoing = this.#attempts.withVia(message, to, this.#branches.next(message))
    if (outgoing === undefined) this.counters.transportFailures++
    else this.#transmit(to, outgoing.request, serialize(outgoing.request))
  }

  #receive(received: Received): void {
    const { now } = this.#options.host
    const began = now()
    this.#handle(received)
    this.#admission.count(received.waited, millis(now() - began))
  }

  #handle({ source, message, bytes }: Received): void {
    this.counters.received++
    this.#options.onMessage?.('in', source, message, bytes)
    const bad = invalidity(message)
    if (bad !== undefined) {
      this.counters.invalid++
      if (message.kind === 'request') this.#refuse(message, source, bad)
      return
    }
    const why = message.kind === 'request' ? this.#admission.refusal(message, source) : undefined
    if (why === undefined || message.kind === 'response')
      return this.#pump.feed({ kind: 'received', source, message })
    if (why.status === 503) this.counters.overloaded++
    else this.counters.screened++
    return this.#refuse(message, source, why)
  }

  /** Without a transaction; an ACK is never answered. */
  #refuse(request: SipRequest, source: Source, why: Refusal): void {
    if (request.method === 'ACK' || !request.headers.has('via')) return
    const response = refusal(request, why.status, why.headers, why.reason)
    this.#transmit(responseRoute(source, topVia(request)), response, serialize(response))
  }

  #sendFailed({ target, cause, message }: SendFailure): void {
    this.counters.transportFailures++
    this.#options.host.log('debug', 'sip.send-failed', { to: placeText(target), cause })
    this.#pump.feed({ kind: 'transport-failed', to: target, message })
  }

  #carryOut(outputs: readonly LayerOutput[]): void {
    for (const output of outputs) {
      try {
        this.#carryOutOne(output)
      } catch (error) {
        // One call's bug must not stop the others' messages: it is counted and answered with 500.
        this.#bug(output, error)
      }
    }
  }

  #carryOutOne(output: LayerOutput): void {
    const user = this.#user
    switch (output.kind) {
      case 'send':
        if (output.again) this.counters.retransmitted++
        return this.#transmit(output.to, output.message, output.bytes)
      case 'request':
        return user?.onRequest(output.request, output.key, output.source)
      case 'cancel':
        return user?.onCancel(output.key, output.request, output.source)
      case 'ack':
        return user?.onAck(output.request, output.source)
      case 'response':
        return this.#attempts.onResponse(output.key, output.response, output.source)
      case 'stray-response':
        return user?.onStrayResponse(output.response, output.source)
      case 'failed':
        if (output.cause === 'timeout') this.counters.timeouts++
        return this.#attempts.onFailed(output.key, output.cause)
      case 'server-failed':
        if (output.cause === 'timeout') this.counters.timeouts++
        return user?.onServerFailed(output.key, output.cause)
      case 'unsent':
        this.counters.unsent++
        return this.#options.host.log('debug', 'sip.unsent', { status: output.response.status })
      case 'client-terminated':
        this.#sought.forget(output.key)
        return this.#attempts.onTerminated(output.key)
      case 'server-terminated':
        return this.#sought.forget(output.key)
      default:
        return unreachable(output)
    }
  }

  #transmit(place: FlowId | Target, message: SipMessage, bytes: Uint8Array): void {
    const to = this.#sought.find(place)
    if (to === undefined) return
    this.counters.sent++
    this.#options.onMessage?.('out', to, message, bytes)
    this.#options.transport.send(to, message, bytes)
  }

  #bug(output: LayerOutput, error: unknown): void {
    this.counters.bugs++
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#options.host.log('error', 'sip.user-threw', { on: output.kind, error: text })
    if (output.kind === 'request') this.respond(output.key, refusal(output.request, 500))
  }
}

function placeText(to: FlowId | Target): string {
  return typeof to === 'string' ? to : `${to.transport}:${to.host}:${to.port}`
}
