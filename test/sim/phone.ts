//! A simulated user agent on a real SIP stack: places calls, sends MESSAGE and REGISTER, answers
//! what comes, and keeps the minutes for the duty checkers.

import { after, millis, type Millis } from '../../src/base/time.ts'
import type { Random } from '../../src/base/random.ts'
import { Headers } from '../../src/sip/message/headers.ts'
import { request, type SipRequest, type SipResponse } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { callId, cseq } from '../../src/sip/message/views.ts'
import { createSipStack, type RunnableSipStack } from '../../src/sip/stack.ts'
import type { Target } from '../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { HOPE, T1, T2 } from '../../src/sip/transaction/timers.ts'
import type { SimTransport } from '../harness/sim-network.ts'
import type { World } from '../harness/world.ts'
import type { Duties } from './duties.ts'

/** RFC 3261 §16.6 item 11 wants more than three minutes; here a minute is long. */
const TIMER_C = 60_000

export class Phone {
  readonly stack: RunnableSipStack
  readonly #world: World
  readonly #random: Random
  readonly #name: string
  readonly #duties: Duties
  /** By Call-ID: whether the 2xx we sent was acknowledged. */
  readonly #awaited = new Map<string, { acked: boolean }>()
  #calls = 0

  constructor(world: World, name: string, transport: SimTransport, duties: Duties) {
    const host = world.host(name)
    this.#world = world
    this.#name = name
    this.#random = host.random
    this.#duties = duties
    this.stack = createSipStack({
      host,
      transport,
      resolve: (_uri, found) => found([]),
      onMessage: (direction, _peer, message) => duties.onMessage(name, direction, message),
    })
    this.stack.start({
      onRequest: (asked, key) => this.#onRequest(asked, key),
      onCancel: (key) => duties.onCancel(name, key),
      onAck: (ack) => this.#onAck(ack),
      onStrayResponse: () => undefined,
      onServerFailed: (key, cause) => world.record(`${name} could not answer ${key}: ${cause}`),
    })
  }

  /** One exchange of a kind drawn by lot. */
  begin(to: Target): void {
    const kind = this.#random.below(10)
    if (kind < 4) this.#call(to)
    else this.#ask(['MESSAGE', 'REGISTER', 'OPTIONS'][kind % 3] ?? 'OPTIONS', to)
  }

  #call(to: Target): void {
    const invite = this.#request('INVITE')
    const asker = this.#duties.asker(this.#name, invite)
    let over = false
    const key = this.stack.request(invite, to, {
      onResponse: (response, source) => {
        asker.onResponse(response, source)
        if (response.status < 200) return
        if (response.status < 300) this.#confirm(invite, response, to, over)
        over = true
      },
      onFailed: (cause) => {
        over = true
        asker.onFailed(cause)
      },
    })
    // Some change their mind; and nobody waits for ever (a proxy's Timer C).
    const patience = this.#random.chance(1, 4) ? this.#random.below(4_000) : TIMER_C
    this.#world.in(millis(patience), () => {
      if (!over) this.stack.cancel(key, [['reason', 'SIP;cause=200']])
    })
  }

  /** Every 2xx gets its ACK (§13.2.2.4); the call is ended once. */
  #confirm(invite: SipRequest, response: SipResponse, to: Target, again: boolean): void {
    this.stack.send(inDialog(invite, response, 'ACK'), to)
    if (!again) this.#later(5_000, () => this.#bye(invite, response, to))
  }

  #bye(invite: SipRequest, response: SipResponse, to: Target): void {
    const bye = inDialog(invite, response, 'BYE')
    this.stack.request(bye, to, this.#duties.asker(this.#name, bye))
  }

  #ask(method: string, to: Target): void {
    const asked = this.#request(method)
    this.stack.request(asked, to, this.#duties.asker(this.#name, asked))
  }

  #onRequest(asked: SipRequest, key: ServerKey): void {
    this.#duties.onRequest(this.#name, key, asked)
    if (asked.method === 'INVITE') return this.#ring(asked, key)
    // Some answers take longer than RFC 4320 allows without a 100, and a few never come.
    const status = this.#random.chance(1, 5) ? 404 : 200
    if (this.#random.chance(1, 2)) return this.#answer(asked, key, status)
    if (this.#random.chance(1, 40)) return undefined
    return this.#later(6_000, () => this.#answer(asked, key, status))
  }

  #ring(asked: SipRequest, key: ServerKey): void {
    if (this.#random.chance(1, 5)) return this.#answer(asked, key, 407)
    this.#later(500, () => this.#answer(asked, key, 180))
    return this.#later(8_000, () => {
      if (this.#duties.wasCancelled(key)) return this.#answer(asked, key, 487)
      if (this.#random.chance(1, 4)) return this.#answer(asked, key, 486)
      return this.#accept(asked, key)
    })
  }

  /** §13.3.1.4: the 2xx again and again until the ACK comes. */
  #accept(asked: SipRequest, key: ServerKey): void {
    const response = this.#reply(asked, 200)
    const awaited = { acked: false }
    const id = callId(asked) ?? ''
    this.#awaited.set(id, awaited)
    const give = (interval: Millis, until: Millis): void => {
      if (awaited.acked || this.#world.now > until) return void this.#awaited.delete(id)
      this.stack.respond(key, response)
      this.#world.in(interval, () => give(millis(Math.min(interval * 2, T2)), until))
    }
    give(T1, after(this.#world.now, millis(HOPE - 1)))
  }

  #onAck(ack: SipRequest): void {
    const awaited = this.#awaited.get(callId(ack) ?? '')
    if (awaited !== undefined) awaited.acked = true
  }

  #answer(asked: SipRequest, key: ServerKey, status: number): void {
    this.stack.respond(key, this.#reply(asked, status))
  }

  #reply(asked: SipRequest, status: number): SipResponse {
    return reply(asked, status, { toTag: this.#name })
  }

  #later(most: number, run: () => void): void {
    this.#world.in(millis(this.#random.below(most)), run)
  }

  #request(method: string): SipRequest {
    const number = ++this.#calls
    const headers = Headers.of([
      ['max-forwards', '70'],
      ['from', `<sip:${this.#name}@example.com>;tag=${this.#name}${number}`],
      ['to', '<sip:peer@example.com>'],
      ['call-id', `${this.#name}-${number}`],
      ['cseq', `1 ${method}`],
    ])
    return request(method, 'sip:peer@example.com', headers)
  }
}

function inDialog(invite: SipRequest, response: SipResponse, method: 'ACK' | 'BYE'): SipRequest {
  const number = (cseq(invite)?.number ?? 0) + (method === 'BYE' ? 1 : 0)
  const headers = invite.headers
    .copy()
    .set('to', response.headers.get('to') ?? '')
    .set('cseq', `${number} ${method}`)
  return request(method, invite.uri, headers)
}
