//! Whole calls with digest: INVITE, 407, ACK, INVITE, 180, 200, ACK, BYE, 200, both ends of each
//! here. Callers are `u0` … in the first half of the users, callees in the second.

import { setTimeout as sleep } from 'node:timers/promises'
import { runRegister } from './register.ts'
import { Pace, type Outcome, type PaceOptions } from './pace.ts'
import {
  answer,
  Digest,
  header,
  headerLines,
  methodOf,
  SDP,
  statusOf,
  uriIn,
  WITH_SDP,
} from './text.ts'
import { Wire } from './wire.ts'

const ATTEMPTS = 5

export type CallsOptions = PaceOptions & {
  readonly address: string
  readonly server: { readonly address: string; readonly port: number }
  readonly domain: string
  readonly users: number
  /** Calls stay up until all are; then `onUp` is told and they are ended. */
  readonly hold: boolean
  readonly onUp?: () => Promise<void>
}

/**
 * The callees' phones are where they were in the run before: at another port they would be
 * registered twice, and every call would ring a phone that is no more.
 */
const CALLEE_PORT = 15_062

type Call = {
  readonly id: string
  readonly user: number
  readonly callee: number
  cseq: number
  /** The request that waits for an answer. */
  last: string
  ack: string
  remoteTo: string
  remoteTarget: string
  routes: string
  answered: boolean
}

export async function runCalls(options: CallsOptions): Promise<Outcome> {
  const load = await CallLoad.open(options)
  if (options.hold) load.endWhenAllAreUp()
  const outcome = await load.pace.run()
  await load.close()
  return outcome
}

class CallLoad {
  readonly pace: Pace
  readonly #options: CallsOptions
  readonly #digest: Digest
  readonly #calls: (Call | undefined)[] = []
  readonly #seen = new Set<string>()
  readonly #run = Math.floor(Math.random() * 1e9).toString(36)
  readonly #uac: Wire
  readonly #uas: Wire
  #serial = 0

  private constructor(options: CallsOptions, uac: Wire, uas: Wire) {
    this.#options = options
    this.#uac = uac
    this.#uas = uas
    this.#digest = new Digest(options.domain, (user) => `pw-${user}`)
    const repeat = (slot: number): void => uac.send(this.#calls[slot]?.last ?? '')
    this.pace = new Pace(options, (slot) => this.#begin(slot), repeat)
  }

  static async open(options: CallsOptions): Promise<CallLoad> {
    const { address, server, domain, users } = options
    const opened: { load?: CallLoad } = {}
    const uac = await Wire.open(address, server, (text) => opened.load?.onCallerText(text))
    const onCalleeText = (text: string): void => opened.load?.onCalleeText(text)
    const uas = await Wire.open(address, server, onCalleeText, CALLEE_PORT)
    const load = new CallLoad(options, uac, uas)
    opened.load = load
    const pacing = { rate: 0, window: 32, seconds: 600, count: users }
    const whom = { address, server, domain, users, contactPort: uas.port }
    for (let attempt = 1; ; attempt++) {
      const { done, reasons } = await runRegister({ ...pacing, ...whom })
      if (done >= users) return load
      // A server that has only just started turns some away; phones come back, too.
      if (attempt === ATTEMPTS) throw new Error(`not registered: ${JSON.stringify(reasons)}`)
      await sleep(2_000)
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#uac.close(), this.#uas.close()])
  }

  endWhenAllAreUp(): void {
    const timer = setInterval(() => {
      if (!this.pace.isHolding) return
      clearInterval(timer)
      void this.#options.onUp?.().then(() => this.#endAll())
    }, 50)
  }

  onCallerText(received: string): void {
    const status = statusOf(received)
    if (status === 0) return this.#onRequest(received, this.#uac)
    const id = header(received, 'Call-ID')
    const slot = Number.parseInt(id, 10)
    const call = this.#calls[slot]
    if (call?.id !== id) return
    this.pace.heard(slot)
    if (status < 200) return
    if (methodOf(received) === 'BYE') {
      this.#calls[slot] = undefined
      if (status === 200) this.pace.done(slot)
      else this.pace.failed(slot, `BYE ${status}`)
    } else if (status === 200) this.#onAnswer(call, received)
    else this.#onRefusal(slot, call, status, received)
  }

  onCalleeText(received: string): void {
    if (statusOf(received) === 0) this.#onRequest(received, this.#uas)
  }

  #begin(slot: number): void {
    const { users, domain } = this.#options
    const half = Math.floor(users / 2)
    const user = this.#serial % half
    this.#serial++
    const call: Call = {
      id: `${slot}.${this.#serial}.${this.#run}`,
      user,
      callee: half + user,
      cseq: 1,
      last: '',
      ack: '',
      remoteTo: '',
      remoteTarget: `sip:u${half + user}@${domain}`,
      routes: '',
      answered: false,
    }
    this.#calls[slot] = call
    this.#request(call, 'INVITE', '', SDP)
  }

  #request(call: Call, method: string, authorization: string, body: string): void {
    call.last = this.#text(call, method, authorization, body)
    this.#uac.send(call.last)
    this.pace.asked(slotOf(call))
  }

  #text(call: Call, method: string, more: string, body: string): string {
    const { domain, address } = this.#options
    const to = call.remoteTo === '' ? `<sip:u${call.callee}@${domain}>` : call.remoteTo
    const branch = `z9hG4bK${call.id}.${call.cseq}${method === 'ACK' && call.answered ? 'a' : ''}`
    return (
      `${method} ${call.remoteTarget} SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP ${address}:${this.#uac.port};branch=${branch}\r\n${call.routes}` +
      `Max-Forwards: 70\r\nFrom: <sip:u${call.user}@${domain}>;tag=c${call.id}\r\nTo: ${to}\r\n` +
      `Call-ID: ${call.id}\r\nCSeq: ${call.cseq} ${method}\r\n` +
      `Contact: <sip:u${call.user}@${address}:${this.#uac.port}>\r\n${more}` +
      `${body === '' ? '' : WITH_SDP}Content-Length: ${body.length}\r\n\r\n${body}`
    )
  }

  #onRefusal(slot: number, call: Call, status: number, received: string): void {
    const { remoteTo } = call
    call.remoteTo = header(received, 'To')
    this.#uac.send(this.#text(call, 'ACK', '', ''))
    call.remoteTo = remoteTo
    const first = header(received, 'CSeq').startsWith('1 ')
    if (first && call.cseq === 2) return
    if (!first || (status !== 401 && status !== 407)) {
      this.#calls[slot] = undefined
      return this.pace.failed(slot, `INVITE ${status}`)
    }
    call.cseq = 2
    const proof = this.#digest.credentials(received, call.user, 'INVITE', call.remoteTarget)
    this.#request(call, 'INVITE', proof, SDP)
  }

  #onAnswer(call: Call, received: string): void {
    if (call.answered) {
      this.pace.retransmitted()
      return this.#uac.send(call.ack)
    }
    call.answered = true
    call.remoteTo = header(received, 'To')
    call.remoteTarget = uriIn(header(received, 'Contact'))
    const routes = headerLines(received, 'Record-Route').split('\r\n').filter(Boolean).reverse()
    call.routes = routes.map((line) => `${line.replace('Record-Route', 'Route')}\r\n`).join('')
    call.ack = this.#text(call, 'ACK', '', '')
    this.#uac.send(call.ack)
    if (this.#options.hold) this.pace.hold(slotOf(call))
    else this.#bye(call)
  }

  #bye(call: Call): void {
    call.cseq = 3
    this.#request(call, 'BYE', '', '')
  }

  #endAll(): void {
    const waiting = this.#calls.filter((call) => call !== undefined)
    const timer = setInterval(() => {
      for (const call of waiting.splice(0, 5)) {
        this.pace.resume(slotOf(call))
        this.#bye(call)
      }
      if (waiting.length === 0) clearInterval(timer)
    }, 10)
  }

  #onRequest(received: string, wire: Wire): void {
    const [method = ''] = received.split(' ', 1)
    if (method === 'ACK') return
    const key = `${header(received, 'Call-ID')} ${header(received, 'CSeq')}`
    if (this.#seen.has(key)) this.pace.retransmitted()
    this.#seen.add(key)
    if (this.#seen.size > 100_000) this.#seen.clear()
    if (method !== 'INVITE') return wire.send(answer(received, '200 OK'))
    const contact = `Contact: <sip:load@${this.#options.address}:${wire.port}>\r\n`
    wire.send(answer(received, '180 Ringing', contact))
    wire.send(answer(received, '200 OK', contact + WITH_SDP, SDP))
  }
}

function slotOf({ id }: Call): number {
  return Number.parseInt(id, 10)
}
