//! What every stack owes its user and the network, checked while the simulation runs: each request
//! comes up once, each asker hears one final answer or one failure, and nothing is sent more often
//! or for longer than the timers of RFC 3261 §17 allow.

import type { SipMessage, SipRequest } from '../../src/sip/message/message.ts'
import { callId, cseq, topVia } from '../../src/sip/message/views.ts'
import type { ResponseHandler } from '../../src/sip/stack.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { HOPE } from '../../src/sip/transaction/timers.ts'
import type { World } from '../harness/world.ts'

/** Timer A: at 0, 0.5, 1.5, 3.5, 7.5, 15.5 and 31.5 s. */
const INVITE_SENDS_MAX = 7
/** Timers E and G: at 0, 0.5, 1.5, 3.5 and then every 4 s up to 31.5 s. */
const SENDS_MAX = 11

/** A copy may come so late, and is answered as the first one was. */
const SLOWEST = 1_500

/** Whose connection broke, or server died, is awaited for so long (RFC 5626 §4.5). */
const AWAITED = 90_000
const AWAITED_SENDS_MAX = 35

/** Where a process has no other before it. */
const FIRST = 'pbx0 '

type Traffic = { readonly first: number; last: number; count: number }
type Asker = { readonly what: string; heard: number; failed: number }

export class Duties {
  readonly problems: string[] = []
  /** What came of the requests, how often. */
  readonly outcomes = new Map<string, number>()
  retransmissions = 0
  readonly #world: World
  readonly #options: { readonly answersCopies: boolean }
  /** What each stack sent and received, by `where method branch` and what it was. */
  readonly #sent = new Map<string, Map<string, Traffic>>()
  readonly #received = new Map<string, Map<string, number>>()
  readonly #asked = new Set<string>()
  /** INVITEs whose 300-699 was acknowledged. */
  readonly #acked = new Set<string>()
  /** Branches that went over a stream. */
  readonly #reliable = new Set<string>()
  readonly #cancelled = new Set<ServerKey>()
  readonly #askers: Asker[] = []

  /** Who answers strangers without a transaction answers each copy (RFC 3261 §8.2.7). */
  constructor(world: World, options = { answersCopies: false }) {
    this.#world = world
    this.#options = options
  }

  /** The tap of every stack: each message that comes or goes. */
  onMessage(name: string, direction: 'in' | 'out', message: SipMessage): void {
    const via = topVia(message)
    const key = `${name} ${cseq(message)?.method} ${via?.branch}`
    if (via?.branch !== undefined && via.transport !== 'UDP') this.#reliable.add(via.branch)
    const what = message.kind === 'request' ? message.method : String(message.status)
    this.#world.record(`${direction} ${key} ${what}`)
    if (direction === 'in') {
      if (what === 'ACK') this.#acknowledge(key.replace(' ACK ', ' INVITE '))
      if (what === 'INVITE' && this.#options.answersCopies) this.#acked.delete(key)
      const counts = at(this.#received, key, () => new Map<string, number>())
      counts.set(what, (counts.get(what) ?? 0) + 1)
      return
    }
    if (Number(what) >= 300 && this.#acked.has(key)) this.#problem(`${key}: ${what} after the ACK`)
    const { now } = this.#world
    const traffic = at(
      at(this.#sent, key, () => new Map<string, Traffic>()),
      what,
      () => ({ first: now, last: now, count: 0 }),
    )
    if (traffic.count++ > 0) this.retransmissions++
    traffic.last = now
  }

  /** For who starts a client transaction. */
  asker(name: string, asked: SipRequest): ResponseHandler {
    const { method } = asked
    const what = `${name} ${method} ${callId(asked)}`
    const asker: Asker = { what, heard: 0, failed: 0 }
    this.#askers.push(asker)
    let final = 0
    return {
      onResponse: ({ status }) => {
        this.#world.record(`${what} heard ${status}`)
        const repeated = method === 'INVITE' && isSuccess(final) && isSuccess(status)
        if (asker.failed > 0) this.#problem(`${what}: ${status} after a failure`)
        if (final !== 0 && !repeated) this.#problem(`${what}: ${status} after ${final}`)
        if (status < 200 || repeated) return
        final = status
        asker.heard++
        this.#count(`${method} ${status}`)
      },
      onFailed: (cause) => {
        this.#world.record(`${what} failed: ${cause}`)
        asker.failed++
        this.#count(`${method} ${cause}`)
      },
    }
  }

  /** A request came up. Once more is right only when Timer J or L has forgotten the first. */
  onRequest(name: string, key: ServerKey, asked: SipRequest): void {
    const what = `${name} ${key}`
    const own = `${name} ${asked.method} ${topVia(asked)?.branch}`
    if (this.#asked.has(what) && !this.#isForgotten(own)) this.#problem(`${what}: came up twice`)
    if (this.#asked.has(what)) this.#sent.delete(own)
    this.#asked.add(what)
  }

  onCancel(name: string, key: ServerKey): void {
    if (!this.#asked.has(`${name} ${key}`)) this.#problem(`${name}: cancel of nothing, ${key}`)
    this.#cancelled.add(key)
  }

  wasCancelled(key: ServerKey): boolean {
    return this.#cancelled.has(key)
  }

  /** When all is over. */
  settle(): void {
    for (const { what, heard, failed } of this.#askers)
      if (heard + failed !== 1) this.#problem(`${what}: ${heard} finals, ${failed} failures`)
    for (const [key, sent] of this.#sent)
      for (const [what, traffic] of sent) this.#checkTraffic(key, what, traffic)
  }

  #checkTraffic(key: string, what: string, { first, last, count }: Traffic): void {
    const allowed = this.#allowed(key, what)
    if (count > allowed) this.#problem(`${key} ${what}: sent ${count} times, allowed ${allowed}`)
    const isAwaited = this.#isAwaited(key, what)
    if (last - first > (isAwaited ? AWAITED : HOPE) + SLOWEST)
      this.#problem(`${key} ${what}: sent for ${last - first} ms`)
  }

  /** A 2xx to an INVITE that came over a stream, or to another process. */
  #isAwaited(key: string, what: string): boolean {
    const [, method, branch = ''] = key.split(' ')
    const mayBeAway = this.#reliable.has(branch) || !key.startsWith(FIRST)
    return method === 'INVITE' && isSuccess(Number(what)) && mayBeAway
  }

  #allowed(key: string, what: string): number {
    const [, method = '', branch = ''] = key.split(' ')
    const received = this.#received.get(key)
    if (what === 'ACK') {
      const invite = this.#received.get(key.replace(' ACK ', ' INVITE '))
      // One for each final answer; an ACK to a 2xx has its branch to itself.
      return Math.max(
        1,
        sum(invite, (status) => Number(status) >= 300),
      )
    }
    const reliable = this.#reliable.has(branch)
    if (what === 'INVITE') return reliable ? 1 : INVITE_SENDS_MAX
    // So is a CANCEL of an INVITE that another process sent.
    const own = what !== 'CANCEL' || this.#sent.has(key.replace(' CANCEL ', ' INVITE '))
    if (!/^\d/.test(what)) return reliable && own ? 1 : SENDS_MAX
    const copies = received?.get(method) ?? 0
    const status = Number(what)
    if (method !== 'INVITE' || status < 200) return copies
    // §13.3.1.4 has the user repeat a 2xx, on reliable transports too; Timer G repeats the rest.
    if (isSuccess(status)) return this.#isAwaited(key, what) ? AWAITED_SENDS_MAX : SENDS_MAX
    // Another process may have taken it, and its connection be lost: the answer is repeated, and
    // said once more to who cancels by the next one.
    const cancels = this.#received.get(key.replace(' INVITE ', ' CANCEL '))?.size ?? 0
    if (!key.startsWith(FIRST)) return SENDS_MAX + copies + cancels
    return (reliable ? 0 : SENDS_MAX - 1) + copies
  }

  /** It may be for what a process before this one answered. */
  #acknowledge(key: string): void {
    if (this.#sent.has(key)) this.#acked.add(key)
  }

  #isForgotten(key: string): boolean {
    const finals = [...(this.#sent.get(key) ?? [])].filter(([what]) => Number(what) >= 200)
    return finals.some(([, { first }]) => this.#world.now - first >= HOPE)
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
  }

  #problem(text: string): void {
    this.problems.push(`${this.#world.now}ms ${text}`)
  }
}

function at<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}

function sum(
  counts: ReadonlyMap<string, number> | undefined,
  when: (what: string) => boolean,
): number {
  let total = 0
  for (const [what, count] of counts ?? []) if (when(what)) total += count
  return total
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300
}
