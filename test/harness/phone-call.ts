//! One call of a phone: its side of the dialog, of the offers and answers, of the timers.

import {
  ackInDialog,
  requestInDialog,
  type RequestOptions,
} from '../../src/sip/dialog/dialog-request.ts'
import {
  checkRequest,
  confirmDialog,
  dialogAsUas,
  refreshTarget,
  type Dialog,
  type DialogId,
} from '../../src/sip/dialog/dialog.ts'
import { receiveProvisional } from '../../src/sip/dialog/reliable-provisional.ts'
import { sipfragStatus } from '../../src/sip/dialog/refer.ts'
import type { SipRequest, SipResponse } from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { binary, textOf } from '../../src/sip/message/text.ts'
import { callId, cseq, expires, from, rack, supported, toTag } from '../../src/sip/message/views.ts'
import { seconds } from '../../src/base/time.ts'
import type { ClientKey, ServerKey } from '../../src/sip/transaction/keys.ts'
import { Unacknowledged } from './phone-2xx.ts'
import { EarlyDialogs } from './phone-early.ts'
import { ReliableRinging } from './phone-ringing.ts'
import { answerTo, phoneSdp, type Direction } from './phone-sdp.ts'
import type { CallExtra, ScriptedPhone } from './phone.ts'
import type { Source } from '../../src/sip/transaction/flow.ts'

export class PhoneCall {
  readonly phone: ScriptedPhone
  readonly way: 'outgoing' | 'incoming'
  /**
   *   calling -> (ringing) -> up -> ended      incoming -> (ringing) -> up -> ended
   */
  state: 'calling' | 'incoming' | 'ringing' | 'up' | 'ended' = 'calling'
  wasUp = false
  /** How it ended: a SIP status for a refusal, 0 for a hang-up. */
  status = 0
  /** Why it was hung up on, if it was. */
  reason: string | undefined
  direction: Direction = 'sendrecv'
  dialog: Dialog | undefined
  invitedUri = ''
  remoteSdp = ''
  /** What the NOTIFYs of a transfer said, in order. */
  readonly transfer: number[] = []
  readonly heard: string[] = []
  invited: { key: ServerKey; request: SipRequest } | undefined
  /** INVITE or UPDATE of ours is on its way. */
  busy = false
  awaitingAck: Unacknowledged | undefined
  /** Its user is asked about re-offers, and has not answered yet. */
  thinks = false
  #undecided: { readonly request: SipRequest; readonly key: ServerKey } | undefined
  #client: ClientKey | undefined
  #request: SipRequest | undefined
  readonly #early = new EarlyDialogs()
  #acks = new Map<number, { sdp: string | undefined }>()
  #version = 0
  readonly #ringing: ReliableRinging
  /** Its offer went out in one: its 2xx holds none. */
  #offered = false

  constructor(phone: ScriptedPhone, way: 'outgoing' | 'incoming') {
    this.phone = phone
    this.way = way
    this.#ringing = new ReliableRinging(phone.options.world)
  }

  get isLive(): boolean {
    return this.state !== 'ended'
  }

  has(id: DialogId): boolean {
    return this.dialog?.id === id || this.#early.has(id)
  }

  get id(): string {
    return this.dialog?.callId ?? (this.#request && callId(this.#request)) ?? ''
  }

  /** Whom a REFER that names this call's other end should name. */
  get target(): string {
    return this.invitedUri || this.remoteIdentity
  }

  get remoteIdentity(): string {
    const request = this.invited?.request
    return (request && from(request)?.uriText) ?? ''
  }

  // What the user does.

  invite(target: string, { sdp = true, headers = [] }: CallExtra): void {
    this.invitedUri = target
    this.#send(this.phone.inviteTo(target, headers, sdp ? this.#sdp() : undefined))
  }

  #send(request: SipRequest): void {
    this.#request = request
    this.#client = this.phone.stack.request(request, this.phone.server, {
      onResponse: (response) => this.#onInviteResponse(request, response),
      onFailed: () => this.#end(408),
    })
  }

  get allowsReliable(): boolean {
    return this.invited !== undefined && supported(this.invited.request).includes('100rel')
  }

  ring(status = 180, sdp = false, reliably = false): void {
    if (this.invited === undefined || this.state === 'ended') return
    this.state = 'ringing'
    if (!reliably || !this.allowsReliable || this.#ringing.waits)
      return void this.#respond(status, sdp)
    const { key, request } = this.invited
    this.#offered ||= sdp && request.body.length === 0
    let response: SipResponse | undefined
    this.#ringing.begin((rseq) => {
      if (this.invited?.key !== key) return false
      const headers = [['require', '100rel'] as const, ['rseq', String(rseq)] as const]
      if (response === undefined) response = this.#respond(status, sdp, headers)
      else this.phone.stack.respond(key, response)
      return true
    })
  }

  answer(): void {
    const { invited } = this
    if (invited === undefined || this.state === 'ended') return
    if (this.#ringing.waits && this.#offered) return this.#ringing.onPrack(() => this.answer())
    const response = this.#respond(200, !this.#offered)
    this.state = 'up'
    this.dialog = this.dialog && confirmDialog(this.dialog)
    this.#repeatUntilAcked(invited.key, response)
    this.invited = undefined
    this.#changed()
  }

  reject(status: number, headers: readonly (readonly [string, string])[] = []): void {
    const { invited } = this
    if (invited === undefined || this.state === 'ended') return
    const response = reply(invited.request, status, { toTag: this.#tag(), headers })
    this.phone.stack.respond(invited.key, response)
    this.invited = undefined
    this.#end(status)
  }

  cancel(): void {
    if (this.#client !== undefined) this.phone.stack.cancel(this.#client)
  }

  bye(): void {
    if (this.state !== 'up') return
    this.inDialog('BYE', {}, () => undefined)
    this.#end(0)
  }

  /** re-INVITE or UPDATE; false when one is under way. */
  /** Without an offer of its own (`delayed`) it answers that of the 2xx in its ACK. */
  offer(method: 'INVITE' | 'UPDATE', direction: Direction, delayed = false): boolean {
    if (this.state !== 'up' || this.busy || this.awaitingAck !== undefined) return false
    const before = this.direction
    this.direction = direction
    this.busy = true
    const options = delayed ? {} : this.#withSdp()
    const sent = this.inDialog(method, options, (response) => {
      if (method === 'INVITE' && response !== undefined && response.status < 300) {
        this.#ack(cseq(response)?.number ?? 0, delayed ? this.#sdp() : undefined)
        if (this.dialog !== undefined) this.dialog = refreshTarget(this.dialog, response)
      }
      if (!this.busy) return
      this.busy = false
      this.heard.push(`${method} ${response?.status ?? 408}`)
      if (response === undefined || response.status >= 300) this.direction = before
      else this.remoteSdp = textOf(response.body)
      if (response?.status === 481 || response === undefined) this.#end(408)
      this.#changed()
    })
    return sent
  }

  refer(target: string, headers: readonly (readonly [string, string])[] = []): void {
    this.inDialog('REFER', { headers: [['refer-to', target], ...headers] }, (response) =>
      this.heard.push(`REFER ${response?.status ?? 408}`),
    )
  }

  /** The Replaces value by which another phone, or a REFER, names this dialog. */
  get replaces(): string {
    const dialog = this.dialog ?? this.#early.first
    if (dialog === undefined) return ''
    return `${dialog.callId};to-tag=${dialog.remote.tag};from-tag=${dialog.local.tag}`
  }

  agree(): void {
    const asked = this.#undecided
    this.thinks = false
    this.#undecided = undefined
    if (asked !== undefined) this.#onReoffer(asked.request, asked.key)
  }

  send(method: string, options: RequestOptions = {}): void {
    this.inDialog(method, options, (response) =>
      this.heard.push(`${method} ${response?.status ?? 408}`),
    )
  }

  inDialog(
    method: string,
    options: RequestOptions,
    heard: (response: SipResponse | undefined) => void,
  ): boolean {
    if (this.dialog === undefined) return false
    const localTarget = this.phone.contact
    const built = requestInDialog({ ...this.dialog, localTarget }, method, options)
    this.dialog = built.dialog
    this.phone.ask(built.request, heard, (again) => {
      const localCseq = cseq(again)?.number
      if (this.dialog !== undefined && localCseq !== undefined)
        this.dialog = { ...this.dialog, localCseq }
    })
    return true
  }

  // What comes in.

  onInvite(request: SipRequest, key: ServerKey, source: Source): void {
    this.state = 'incoming'
    this.invited = { key, request }
    this.remoteSdp = textOf(request.body)
    const { contact, random } = this.phone
    const localTag = random.token(8)
    this.dialog = dialogAsUas(request, { state: 'early', localTag, contact })
    this.heard.push(`INVITE from ${source.address}`)
    const rings = expires(request)
    if (rings !== undefined) this.phone.options.world.in(seconds(rings), () => this.reject(487))
    this.phone.habits.onIncoming(this)
  }

  onRequest(request: SipRequest, key: ServerKey): void {
    const { stack, habits } = this.phone
    // Our 2xx is on its way, or was lost: nothing can be begun here yet.
    if (this.dialog === undefined)
      return stack.respond(key, reply(request, request.method === 'INVITE' ? 491 : 481))
    const check = checkRequest(this.dialog, request)
    if (check.kind === 'out-of-order') return stack.respond(key, reply(request, 500))
    this.dialog = check.dialog
    if (this.state === 'ended') return stack.respond(key, reply(request, 481))
    switch (request.method) {
      case 'BYE':
        stack.respond(key, reply(request, 200))
        this.reason = request.headers.get('reason') ?? ''
        return this.#end(0)
      case 'INVITE':
      case 'UPDATE':
        return this.#onReoffer(request, key)
      case 'NOTIFY':
        stack.respond(key, reply(request, 200))
        this.transfer.push(sipfragStatus(request) ?? 0)
        return this.#changed()
      case 'PRACK':
        return this.#onPrack(request, key)
      default: {
        const status = habits.answerTo(request, this)
        this.heard.push(`${request.method} from the other side`)
        if (status > 0) stack.respond(key, reply(request, status))
      }
    }
  }

  onCancel(key: ServerKey): void {
    const { invited } = this
    if (invited?.key !== key) return
    this.phone.stack.respond(key, reply(invited.request, 487, { toTag: this.#tag() }))
    this.invited = undefined
    this.#end(487)
  }

  onAck(request: SipRequest): void {
    if (this.awaitingAck?.acknowledge(cseq(request)?.number ?? 0) !== true) return
    this.awaitingAck = undefined
    const sdp = textOf(request.body)
    if (sdp !== '') this.remoteSdp = sdp
    this.#changed()
  }

  onLate2xx(response: SipResponse): void {
    const number = cseq(response)?.number ?? 0
    const acked = this.#acks.get(number)
    if (acked !== undefined) this.#ack(number, acked.sdp)
  }

  onServerFailed(key: ServerKey): void {
    if (this.invited?.key === key) this.#end(408)
  }

  #onPrack(request: SipRequest, key: ServerKey): void {
    const matches = this.#ringing.acknowledge(rack(request)?.rseq)
    this.phone.stack.respond(key, reply(request, matches ? 200 : 481))
    if (!matches) return
    if (request.body.length > 0) this.remoteSdp = textOf(request.body)
    this.#ringing.goOn()
  }

  #onReoffer(request: SipRequest, key: ServerKey): void {
    const { stack } = this.phone
    // RFC 3261 §14.2.
    if (this.#undecided !== undefined)
      return stack.respond(key, reply(request, 500, { headers: [['retry-after', '2']] }))
    if (this.thinks) {
      this.#undecided = { request, key }
      return stack.respond(key, reply(request, 100))
    }
    if (this.busy || this.awaitingAck !== undefined) return stack.respond(key, reply(request, 491))
    const offered = textOf(request.body)
    if (this.dialog !== undefined) this.dialog = refreshTarget(this.dialog, request)
    if (offered !== '') this.remoteSdp = offered
    const sdp = request.method === 'INVITE' || offered !== ''
    const options = { headers: [['contact', this.phone.contact]] as const }
    const text = offered === '' ? this.#sdp() : this.#sdp(answerTo(offered, this.direction))
    const body = sdp ? { body: binary(text), contentType: 'application/sdp' } : {}
    const response = reply(request, 200, { ...options, ...body })
    stack.respond(key, response)
    if (request.method === 'INVITE') this.#repeatUntilAcked(key, response)
    this.#changed()
  }

  #onInviteResponse(request: SipRequest, response: SipResponse): void {
    const { status } = response
    if (status < 200) return this.#onProvisional(request, response)
    if (status < 300) return this.#onAnswered(request, response)
    if (status === 401 || status === 407) {
      const next = this.phone.withDigest(request, response)
      if (next !== undefined && this.state !== 'ended') return this.#send(next)
    }
    this.#end(status)
  }

  #onProvisional(request: SipRequest, response: SipResponse): void {
    if (response.status === 100 || toTag(response) === undefined) return
    const early = this.#early.of(request, response)
    if (early === undefined) return
    if (this.state === 'calling') this.state = 'ringing'
    this.heard.push(String(response.status))
    if (response.body.length > 0) this.remoteSdp = textOf(response.body)
    const reception = receiveProvisional(early.received, response)
    if (reception.kind === 'prack') {
      early.received = reception.next
      // An offer in it (we sent none) is answered in the PRACK.
      const offered = request.body.length === 0 && response.body.length > 0
      const options = {
        headers: [['rack', reception.rack]] as const,
        ...(offered ? { body: binary(this.#sdp()), contentType: 'application/sdp' } : {}),
      }
      const built = requestInDialog(early.dialog, 'PRACK', options)
      early.dialog = built.dialog
      this.phone.stack.request(built.request, this.phone.server, QUIET)
    }
    this.#changed()
  }

  #onAnswered(request: SipRequest, response: SipResponse): void {
    const number = cseq(response)?.number ?? 0
    if (this.#acks.has(number)) return this.onLate2xx(response)
    const early = this.#early.of(request, response)
    if (early === undefined) return
    this.dialog = confirmDialog(early.dialog, response)
    this.#early.clear()
    if (response.body.length > 0) this.remoteSdp = textOf(response.body)
    const delayed = request.body.length === 0 && response.body.length > 0
    this.#ack(number, delayed ? this.#sdp() : undefined)
    const hungUp = this.state === 'ended'
    this.state = 'up'
    this.#client = undefined
    // Cancelled too late: what was answered is hung up.
    if (hungUp) this.bye()
    else this.#changed()
  }

  #ack(number: number, sdp: string | undefined): void {
    this.#acks.set(number, { sdp })
    if (this.dialog === undefined) return
    const body =
      sdp === undefined ? {} : { body: binary(sdp), contentType: 'application/sdp' as const }
    const { request } = ackInDialog(this.dialog, number, body)
    this.phone.stack.send(request, this.phone.server)
  }

  #respond(
    status: number,
    sdp: boolean,
    extra: readonly (readonly [string, string])[] = [],
  ): SipResponse {
    const { invited } = this
    if (invited === undefined) throw new Error('there is nothing to answer')
    const { contact } = this.phone
    const response = reply(invited.request, status, {
      toTag: this.#tag(),
      headers: [['contact', contact], ['allow', this.phone.allow], ...extra],
      ...(sdp ? { body: binary(this.#sdp()), contentType: 'application/sdp' } : {}),
    })
    this.phone.stack.respond(invited.key, response)
    return response
  }

  #repeatUntilAcked(key: ServerKey, response: SipResponse): void {
    const { world } = this.phone.options
    this.awaitingAck = new Unacknowledged(
      world,
      cseq(response)?.number ?? 0,
      () => this.phone.stack.respond(key, response),
      () => {
        this.awaitingAck = undefined
        this.bye()
      },
    )
  }

  #tag(): string {
    return this.dialog?.local.tag ?? 'x'
  }

  #withSdp(): RequestOptions {
    const headers = [['allow', this.phone.allow]] as const
    return { headers, body: binary(this.#sdp()), contentType: 'application/sdp' }
  }

  #sdp(direction = this.direction): string {
    const { endpoint, options } = this.phone
    return phoneSdp(options.user, endpoint.address, ++this.#version, direction)
  }

  #end(status: number): void {
    if (this.state === 'ended') return
    this.state = 'ended'
    this.status = status
    this.busy = false
    this.#changed()
  }

  #changed(): void {
    this.wasUp ||= this.state === 'up'
    this.phone.habits.onChange(this)
  }
}

const QUIET = { onResponse: (): void => undefined, onFailed: (): void => undefined }
