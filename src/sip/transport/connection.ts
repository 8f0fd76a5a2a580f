//! One connection of any kind: what is queued on it, what came on it, and why it ended. Sockets are
//! behind `Wire`; times are looked at by the pool's sweep.

import { assert } from '../../base/assert.ts'
import { seconds, type Millis } from '../../base/time.ts'
import type { SipMessage } from '../message/message.ts'
import type { SendFailure } from '../stack/sip-transport.ts'
import type { FlowId, Source, Target } from '../transaction/flow.ts'
import type { Admitted } from './admission.ts'
import type { ConnectionLimits } from './limits.ts'

/** The socket under a connection. */
export interface Wire {
  /** Calls `Connection.written` once for each call, in order. */
  write(bytes: Uint8Array): void
  /** Bytes not yet taken by the kernel. */
  readonly queued: number
  /** Sends what is queued, then closes. */
  end(): void
  destroy(): void
}

export type Ping = {
  readonly send: () => void
  /** The peer has to answer; otherwise it is expected to only once it has done so. */
  readonly mustAnswer: boolean
}

export type ConnectionEvents = {
  onMessage(connection: Connection, bytes: Uint8Array): void
  onFailed(failure: SendFailure): void
  /** So many bytes of an unfinished message. */
  onHolds(connection: Connection, bytes: number): void
  onClosed(connection: Connection, cause: string): void
}

export type ConnectionOptions = {
  readonly flow: FlowId
  readonly dialled: boolean
  readonly wire: Wire
  readonly events: ConnectionEvents
  readonly limits: ConnectionLimits
  readonly now: () => Millis
  readonly admitted: Admitted | undefined
  /** How long opening may take. */
  readonly patience: Millis
}

/** Whatever has no answer by then is given up by its sender (64*T1, RFC 3261 §17.1). */
const ANSWERED = seconds(32)

type Pending = { readonly target: FlowId | Target; readonly message: SipMessage }

export class Connection {
  readonly flow: FlowId
  /** We opened it. */
  readonly dialled: boolean
  readonly admitted: Admitted | undefined
  /** Names under which the pool finds it, for targets. */
  readonly names: string[] = []
  readonly #wire: Wire
  readonly #events: ConnectionEvents
  readonly #limits: ConnectionLimits
  readonly #now: () => Millis
  readonly #began: Millis
  readonly #patience: Millis
  /** Messages the kernel has not taken, oldest first; those before `#pendingFrom` it has. */
  readonly #pending: (Pending | undefined)[] = []
  #pendingFrom = 0
  /** Where it led when the kernel took something that was sent there. */
  readonly #ledTo: Target[] = []
  #source: Source | undefined
  #lastHeard: Millis
  #lastSent: Millis
  #lastTaken: Millis
  #partSince: Millis | undefined
  #held = 0
  #ping: Ping | undefined
  /** The first ping since anything was heard. */
  #unanswered: Millis | undefined
  #lastPing: Millis
  #ponged = false
  #garbage = 0
  #ending: { readonly cause: string; readonly since: Millis } | undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    this.flow = options.flow
    this.dialled = options.dialled
    this.admitted = options.admitted
    this.#wire = options.wire
    this.#events = options.events
    this.#limits = options.limits
    this.#now = options.now
    this.#patience = options.patience
    this.#began = this.#lastHeard = this.#lastSent = this.#lastTaken = this.#now()
    this.#lastPing = this.#began
  }

  /** Undefined while it is being opened. */
  get source(): Source | undefined {
    return this.#source
  }

  get usable(): boolean {
    return !this.#closed && this.#ending === undefined
  }

  opened(source: Source): void {
    this.#source = source
    this.#lastHeard = this.#lastTaken = this.#now()
  }

  /** Has the peer asked for a sign of life whenever nothing was heard for a while. */
  keepAlive(ping: Ping): void {
    this.#ping = ping
  }

  send(bytes: Uint8Array, message: SipMessage, target: FlowId | Target): void {
    if (!this.usable) return this.#events.onFailed({ target, message, cause: 'closed' })
    if (this.#wire.queued + bytes.length > this.#limits.queuedBytes)
      return this.#events.onFailed({ target, message, cause: 'queue full' })
    this.#lastSent = this.#now()
    if (this.#pending.length === this.#pendingFrom) this.#lastTaken = this.#lastSent
    this.#pending.push({ target, message })
    this.#wire.write(bytes)
  }

  /** A keep-alive, or an answer to one: not worth telling when it is lost. */
  sendBare(bytes: Uint8Array): void {
    if (!this.usable || this.#wire.queued > this.#limits.queuedBytes) return
    this.#pending.push(undefined)
    this.#wire.write(bytes)
  }

  /** The kernel has taken the oldest write. */
  written(): void {
    this.#lastTaken = this.#now()
    if (this.#ending === undefined) this.#leads(this.#pending[this.#pendingFrom]?.target)
    this.#pending[this.#pendingFrom++] = undefined
    if (this.#pendingFrom < 32 || this.#pendingFrom * 2 < this.#pending.length) return
    this.#pending.splice(0, this.#pendingFrom)
    this.#pendingFrom = 0
  }

  heard(): void {
    this.#lastHeard = this.#now()
    this.#unanswered = undefined
  }

  ponged(): void {
    this.#ponged = true
    this.heard()
  }

  onMessage(bytes: Uint8Array): void {
    this.#partSince = undefined
    this.#events.onMessage(this, bytes)
  }

  /** So many bytes of a message whose rest the peer owes; 0 when it owes nothing. */
  holds(bytes: number): void {
    if (bytes === 0) this.#partSince = undefined
    else this.#partSince ??= this.#now()
    if (bytes === this.#held || this.#closed) return
    this.#held = bytes
    this.#events.onHolds(this, bytes)
  }

  /** Counts messages that cannot be read; closes after too many in a row. */
  understood(is: boolean): void {
    if (is) this.#garbage = 0
    else if (++this.#garbage >= this.#limits.garbage) this.end('garbage')
  }

  /** Lets go what is queued, then closes. Nothing is sent on it any more. */
  end(cause: string): void {
    if (!this.usable) return
    this.#ending = { cause, since: this.#now() }
    // Nothing is read on it any more; when it has closed, another one may lead there.
    for (const each of this.#pending) this.#leads(each?.target)
    this.#loseAnswers(cause)
    this.#wire.end()
  }

  /** At once; whatever was not taken yet has failed. */
  destroy(cause: string): void {
    this.#wire.destroy()
    this.closed(cause)
  }

  /** The wire is gone, by whoever's doing. */
  closed(cause: string): void {
    if (this.#closed) return
    this.#closed = true
    const why = this.#ending?.cause ?? cause
    for (const lost of this.#pending.splice(this.#pendingFrom))
      if (lost !== undefined) this.#events.onFailed({ ...lost, cause: why })
    this.#pending.length = 0
    if (this.#ending === undefined) this.#loseAnswers(why)
    this.#events.onClosed(this, why)
  }

  #leads(target: FlowId | Target | undefined): void {
    if (typeof target === 'object' && !this.#ledTo.some((each) => isSamePlace(each, target)))
      this.#ledTo.push(target)
  }

  /** What the kernel has taken is lost as well, and known by no flow. */
  #loseAnswers(cause: string): void {
    if (this.#now() - this.#lastSent >= ANSWERED) return
    for (const target of this.#ledTo) this.#events.onFailed({ target, cause })
  }

  /** Closes what has outlived a bound; pings what may be dead. */
  sweep(now: Millis): void {
    const cause = this.#overdue(now)
    if (cause !== undefined) return this.destroy(cause)
    const quietSince = Math.max(this.#lastHeard, this.#lastPing)
    if (this.#ping === undefined || now - quietSince < this.#limits.ping) return
    this.#lastPing = now
    this.#unanswered ??= now
    this.#ping.send()
  }

  #overdue(now: Millis): string | undefined {
    const { introduction, message, idle, stalled, ping } = this.#limits
    const over = (since: Millis, bound: Millis): boolean => now - since >= bound
    assert(!this.#closed, 'a closed connection is swept')
    if (this.#ending !== undefined) return over(this.#ending.since, stalled) ? 'ended' : undefined
    if (this.#source === undefined)
      return over(this.#began, this.#patience) ? 'ETIMEDOUT' : undefined
    if (this.admitted?.stranger === true && over(this.#began, introduction)) return 'said nothing'
    if (this.#partSince !== undefined && over(this.#partSince, message)) return 'unfinished message'
    const queued = this.#pending.length > this.#pendingFrom
    if (queued && over(this.#lastTaken, stalled)) return 'does not read'
    const answers = this.#ponged || this.#ping?.mustAnswer === true
    if (answers && this.#unanswered !== undefined && over(this.#unanswered, ping)) return 'no pong'
    const quiet = over(this.#lastHeard, idle) && over(this.#lastSent, idle)
    return quiet ? 'idle' : undefined
  }
}

function isSamePlace(one: Target, other: Target): boolean {
  return one.host === other.host && one.port === other.port && one.transport === other.transport
}
