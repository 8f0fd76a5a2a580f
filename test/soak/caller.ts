//! The callers: INVITE, 407, ACK, INVITE with the password, and then as the plan has it.

import { performance } from 'node:perf_hooks'
import {
  answer,
  Digest,
  header,
  headerLines,
  methodOf,
  statusOf,
  uriIn,
} from '../bench/load/text.ts'
import type { Wire } from '../bench/load/wire.ts'
import { audioPort, requestText, sdpText, type Call } from './call.ts'
import type { Desk } from './desk.ts'
import { expectedOf } from './plans.ts'

/** Seconds that the product lets it ring. */
const UNANSWERED_EXPIRES = 3

export class Callers {
  readonly #desk: Desk
  readonly #wire: Wire
  readonly #digest: Digest

  constructor(desk: Desk, wire: Wire) {
    this.#desk = desk
    this.#wire = wire
    this.#digest = new Digest(desk.domain, (user) => `pw-${user}`)
  }

  begin(call: Call): void {
    this.#invite(call, '')
  }

  onText(text: string): void {
    const status = statusOf(text)
    const { ledger } = this.#desk
    const callId = header(text, 'Call-ID')
    const serial = ledger.serialOf(callId)
    const call = serial === undefined ? undefined : this.#desk.call(serial)
    if (status === 0) return this.#onRequest(call, text)
    // A late answer to what is over.
    if (call === undefined) return
    const method = methodOf(text)
    if (method === 'INVITE') this.#onInviteAnswer(call, status, text)
    else if (status >= 200) this.#onAnswer(call, method, status)
  }

  #onAnswer(call: Call, method: string, status: number): void {
    this.#desk.repeats.stop(`${method} ${call.serial}`)
    // §9.1: the final answer to the INVITE comes by itself.
    if (status !== 200) return this.#desk.fail(call, `${method} answered ${status}`)
    if (method === 'BYE') this.#desk.over(call, 'caller')
  }

  #onInviteAnswer(call: Call, status: number, text: string): void {
    const { repeats } = this.#desk
    const isCurrent = header(text, 'CSeq') === `${call.caller.cseq} INVITE`
    if (isCurrent) repeats.stop(`INVITE ${call.serial}`)
    if (status < 200) return this.#onProgress(call, status)
    if (status < 300) return this.#onAccepted(call, text)
    this.#ackRefusal(call, text)
    if (!isCurrent || call.phase !== 'calling')
      return isCurrent ? this.#desk.repeated(`INVITE ${status}`) : undefined
    if (status === 407 && call.caller.cseq === 1) return this.#prove(call, text)
    if (status === 503 && text.includes('\r\nRetry-After: ')) return this.#desk.turnedAway(call)
    const expected = expectedOf(call.plan).status
    if (status !== expected)
      return this.#desk.fail(call, `INVITE of "${call.plan}" answered ${status}`)
    call.phase = 'over'
    this.#desk.over(call, 'caller')
  }

  #prove(call: Call, challenge: string): void {
    call.caller.cseq = 2
    const user = 2 * call.pair
    this.#invite(call, this.#digest.credentials(challenge, user, 'INVITE', call.caller.target))
  }

  #invite(call: Call, more: string): void {
    const { sound, repeats } = this.#desk
    const { caller, serial } = call
    const expires = call.plan === 'unanswered' ? `Expires: ${UNANSWERED_EXPIRES}\r\n` : ''
    call.invite = requestText(caller, {
      method: 'INVITE',
      port: this.#wire.port,
      branch: this.#branch(call),
      cseq: caller.cseq,
      more: more + expires,
      body: sdpText(call.sounds ? sound?.port('caller') : undefined),
    })
    repeats.start(`INVITE ${serial}`, () => this.#wire.send(call.invite))
  }

  #branch(call: Call): string {
    return `${call.caller.callId}.${call.caller.cseq}`
  }

  #onProgress(call: Call, status: number): void {
    if (status !== 180 || call.ringing) return
    call.ringing = true
    if (call.plan !== 'cancelled') return
    this.#desk.later(call, 100, 800, () => {
      const { cseq } = call.caller
      const text = requestText(call.caller, {
        method: 'CANCEL',
        port: this.#wire.port,
        branch: this.#branch(call),
        cseq,
      })
      this.#desk.repeats.start(`CANCEL ${call.serial}`, () => this.#wire.send(text))
    })
  }

  #onAccepted(call: Call, text: string): void {
    if (call.ack !== '') {
      this.#desk.repeated('200 to INVITE')
      return this.#wire.send(call.ack)
    }
    const { ledger, answerTimes, sound } = this.#desk
    const { caller } = call
    caller.remote = header(text, 'To')
    caller.target = uriIn(header(text, 'Contact'))
    caller.routes = routesOf(headerLines(text, 'Record-Route'))
    const { port } = this.#wire
    const branch = `${this.#branch(call)}a`
    call.ack = requestText(caller, { method: 'ACK', port, branch, cseq: caller.cseq })
    this.#wire.send(call.ack)
    ledger.answered(call.serial)
    answerTimes.add(performance.now() - call.since)
    if (!expectedOf(call.plan).answered) return this.#desk.fail(call, `"${call.plan}" was answered`)
    if (call.sounds) sound?.start(call.serial, 'caller', audioPort(text))
    call.phase = 'up'
    const { min, max } = this.#desk.hold(call)
    if (call.plan === 'caller ends') this.#desk.later(call, min, max, () => this.#bye(call))
  }

  #bye(call: Call): void {
    call.phase = 'leaving'
    const { caller, serial } = call
    const cseq = ++caller.cseq
    const branch = this.#branch(call)
    const text = requestText(caller, { method: 'BYE', port: this.#wire.port, branch, cseq })
    this.#desk.repeats.start(`BYE ${serial}`, () => this.#wire.send(text))
  }

  /** §17.1.1.3: same branch as the INVITE, and the To of the answer. */
  #ackRefusal(call: Call, text: string): void {
    const { caller } = call
    const cseq = Number.parseInt(header(text, 'CSeq'), 10)
    const branch = `${caller.callId}.${cseq}`
    const dialog = { ...caller, remote: header(text, 'To') }
    this.#wire.send(requestText(dialog, { method: 'ACK', port: this.#wire.port, branch, cseq }))
  }

  #onRequest(call: Call | undefined, text: string): void {
    const [method = ''] = text.split(' ', 1)
    if (method === 'ACK') return
    this.#wire.send(answer(text, '200 OK'))
    if (method !== 'BYE') return this.#desk.unasked(`caller got ${method}`, header(text, 'Call-ID'))
    if (call === undefined || call.callerOver) return this.#desk.repeated('BYE')
    if (call.plan !== 'callee ends')
      return this.#desk.fail(call, `BYE to the caller: ${header(text, 'Reason')}`)
    call.phase = 'over'
    this.#desk.over(call, 'caller')
  }
}

function routesOf(recordRoutes: string): string {
  const lines = recordRoutes.split('\r\n').filter(Boolean).reverse()
  return lines.map((line) => `${line.replace('Record-Route', 'Route')}\r\n`).join('')
}
