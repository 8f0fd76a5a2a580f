//! The callees: they know what the caller plans, and do their part.

import { answer, header, headerLines, methodOf, statusOf, uriIn } from '../bench/load/text.ts'
import type { Wire } from '../bench/load/wire.ts'
import { ADDRESS, audioPort, requestText, sdpText, type Call } from './call.ts'
import type { Desk } from './desk.ts'

export class Callees {
  readonly #desk: Desk
  readonly #wire: Wire

  constructor(desk: Desk, wire: Wire) {
    this.#desk = desk
    this.#wire = wire
  }

  onText(text: string): void {
    const status = statusOf(text)
    if (status !== 0) return status < 200 ? undefined : this.#onAnswer(status, text)
    const [method = ''] = text.split(' ', 1)
    const call = this.#callOf(text)
    if (method === 'INVITE') return this.#onInvite(text)
    if (method === 'ACK') return call === undefined ? undefined : this.#onAck(call, text)
    this.#wire.send(answer(text, '200 OK'))
    if (method === 'CANCEL') this.#onCancel(call)
    else if (method === 'BYE') this.#onBye(call, header(text, 'Reason'))
    else this.#desk.unasked(`callee got ${method}`, header(text, 'Call-ID'))
  }

  /** By the tag that this end gave its dialog, or by the pair in the Request-URI. */
  #callOf(text: string): Call | undefined {
    const id = header(text, 'Call-ID')
    const user = Number(/^\S+ sip:u(\d+)@/.exec(text)?.[1] ?? Number.NaN)
    const tag = Number(/;tag=(\d+)e/.exec(header(text, statusOf(text) === 0 ? 'To' : 'From'))?.[1])
    const call = Number.isNaN(tag) ? this.#desk.callOfPair((user - 1) / 2) : this.#desk.call(tag)
    return call?.callee?.callId === id ? call : undefined
  }

  #onInvite(text: string): void {
    const user = Number(/^INVITE sip:u(\d+)@/.exec(text)?.[1] ?? Number.NaN)
    const call = this.#desk.callOfPair((user - 1) / 2)
    const callId = header(text, 'Call-ID')
    if (call === undefined) {
      this.#wire.send(answer(text, '480 Temporarily Unavailable'))
      return this.#desk.unasked('INVITE for nobody', callId)
    }
    if (call.callee !== undefined) {
      this.#desk.repeated('INVITE')
      return this.#wire.send(call.answer)
    }
    const local = `${header(text, 'To')};tag=${call.serial}e`
    const target = uriIn(header(text, 'Contact'))
    const routes = headerLines(text, 'Record-Route').replaceAll('Record-Route', 'Route')
    call.callee = { callId, local, remote: header(text, 'From'), target, routes, cseq: 0 }
    if (call.sounds) this.#desk.sound?.start(call.serial, 'callee', audioPort(text))
    this.#act(call, this.#tagged(text, call))
  }

  #act(call: Call, invite: string): void {
    const contact = `Contact: <sip:u${2 * call.pair + 1}@${ADDRESS}:${this.#wire.port}>\r\n`
    if (call.plan === 'busy') return this.#refuse(call, invite, '486 Busy Here')
    if (call.plan === 'declined') return this.#refuse(call, invite, '603 Decline')
    call.answer = answer(invite, '180 Ringing', contact)
    this.#wire.send(call.answer)
    if (call.plan === 'cancelled' || call.plan === 'unanswered') {
      call.answer = answer(invite, '180 Ringing', contact)
      call.refusal = answer(invite, '487 Request Terminated')
      return
    }
    this.#desk.later(call, 20, 400, () => {
      const type = 'Content-Type: application/sdp\r\n'
      const body = sdpText(call.sounds ? this.#desk.sound?.port('callee') : undefined)
      call.answer = answer(invite, '200 OK', contact + type, body)
      this.#final(call)
    })
  }

  /** `answer` repeats what To says; our tag must be in it. */
  #tagged(text: string, call: Call): string {
    const to = header(text, 'To')
    return text.replace(`\r\nTo: ${to}\r\n`, `\r\nTo: ${to};tag=${call.serial}e\r\n`)
  }

  #refuse(call: Call, invite: string, status: string): void {
    call.answer = answer(invite, status)
    this.#final(call)
  }

  #final(call: Call): void {
    this.#desk.repeats.start(`200 ${call.serial}`, () => this.#wire.send(call.answer))
  }

  #onAck(call: Call, text: string): void {
    this.#desk.repeats.stop(`200 ${call.serial}`)
    // An ACK to a refusal is of the INVITE's transaction.
    if (!call.answer.startsWith('SIP/2.0 200')) return this.#desk.over(call, 'callee')
    if (call.plan !== 'callee ends' || call.calleeLeaves) return
    call.calleeLeaves = true
    const { min, max } = this.#desk.hold(call)
    this.#desk.later(call, min, max, () => this.#bye(call, text))
  }

  #bye(call: Call, ack: string): void {
    const { callee, serial } = call
    if (callee === undefined) return this.#desk.fail(call, `no dialog: ${ack.slice(0, 40)}`)
    const cseq = ++callee.cseq
    const branch = `${serial}.${this.#desk.ledger.run}.e${cseq}`
    const text = requestText(callee, { method: 'BYE', port: this.#wire.port, branch, cseq })
    this.#desk.repeats.start(`BYE ${serial}`, () => this.#wire.send(text))
  }

  #onCancel(call: Call | undefined): void {
    if (call === undefined) return
    if (call.answer.startsWith('SIP/2.0 180')) call.answer = call.refusal
    this.#final(call)
  }

  #onBye(call: Call | undefined, reason: string): void {
    if (call === undefined || call.calleeOver) return this.#desk.repeated('BYE')
    if (call.plan !== 'caller ends')
      return this.#desk.fail(call, `BYE to the callee of "${call.plan}": ${reason}`)
    this.#desk.over(call, 'callee')
  }

  #onAnswer(status: number, text: string): void {
    const call = this.#callOf(text)
    if (call === undefined || methodOf(text) !== 'BYE') return
    this.#desk.repeats.stop(`BYE ${call.serial}`)
    if (status !== 200) return this.#desk.fail(call, `callee's BYE answered ${status}`)
    this.#desk.over(call, 'callee')
  }
}
