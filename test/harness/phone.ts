//! A SIP phone for ladders and simulations: a user agent of its own on a real SIP stack. It knows
//! nothing of the product's call machine; dialogs and timers are its own (src/sip/dialog).

import type { Host } from '../../src/base/host.ts'
import type { Random } from '../../src/base/random.ts'
import { answer as digestAnswer } from '../../src/sip/auth/digest.ts'
import { parseChallenge } from '../../src/sip/auth/challenge.ts'
import { formatCredentials } from '../../src/sip/auth/credentials.ts'
import { receivedDialogId } from '../../src/sip/dialog/dialog.ts'
import { Headers } from '../../src/sip/message/headers.ts'
import {
  request as sipRequest,
  type SipRequest,
  type SipResponse,
} from '../../src/sip/message/message.ts'
import { reply } from '../../src/sip/message/reply.ts'
import { binary } from '../../src/sip/message/text.ts'
import { toTag } from '../../src/sip/message/views.ts'
import {
  createSipStack,
  type Destination,
  type RunnableSipStack,
  type TransactionUser,
} from '../../src/sip/stack.ts'
import type { Source, Target, TransportName } from '../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { PhoneCall } from './phone-call.ts'
import type { SipTransport } from '../../src/sip/stack/sip-transport.ts'
import type { Surroundings } from './world.ts'

/** A transport, and the address that the phone says it has. */
export type PhoneEnd = SipTransport & {
  readonly address: string
  readonly port: number
  readonly portToward?: (to: Target) => number
}

export type PhoneOptions = {
  readonly world: Surroundings
  readonly endpoint: PhoneEnd
  readonly server: Target
  readonly name: string
  readonly user: string
  readonly domain: string
  readonly password: string
  readonly transport: TransportName
  /** Option tags it supports: 100rel, timer. */
  readonly supported: readonly string[]
  /** Its URN (RFC 5626 §4.1), when it names itself by GRUUs (RFC 5627). */
  readonly instance?: string | undefined
  readonly allowsUpdate: boolean
  /** Its Contact names the port that it connects from, another one each time. */
  readonly isEphemeral?: boolean | undefined
}

/** What a phone does by itself when something comes in; scripts drive it, simulations decide. */
export type PhoneHabits = {
  onIncoming(call: PhoneCall): void
  onChange(call: PhoneCall): void
  /** The status for an in-dialog INFO, MESSAGE, NOTIFY or OPTIONS; 0 is no answer at all. */
  answerTo(request: SipRequest, call: PhoneCall): number
}

const DEFAULT_HABITS: PhoneHabits = {
  onIncoming: () => undefined,
  onChange: () => undefined,
  answerTo: () => 200,
}

type Heard = (response: SipResponse | undefined) => void

export class ScriptedPhone implements TransactionUser {
  stack: RunnableSipStack
  /** Where it is now; see `move`. */
  endpoint: PhoneEnd
  readonly options: PhoneOptions
  readonly random: Random
  readonly calls: PhoneCall[] = []
  habits: PhoneHabits = DEFAULT_HABITS
  /** Status of the last REGISTER, MESSAGE or OPTIONS. */
  status = 0
  /** It takes NOTIFYs for a SUBSCRIBE of its own. */
  subscribed = false
  readonly #host: Host
  #stop: () => void
  #cseq = 0
  #nonceCount = 0
  #register = ''
  #gruu = ''
  /** Of its connection, as it was when it registered. */
  #port: number | undefined

  constructor(options: PhoneOptions) {
    const { world, name, endpoint } = options
    this.options = options
    this.#host = world.host(name)
    this.random = this.#host.random
    this.endpoint = endpoint
    this.stack = this.#stackAt(endpoint)
    this.#stop = this.stack.start(this)
  }

  #stackAt(transport: PhoneEnd): RunnableSipStack {
    const { server } = this.options
    // The office phone's way: everything through its outbound proxy.
    const resolve = (_uri: unknown, found: (targets: readonly Target[]) => void): void =>
      found([server])
    return createSipStack({ host: this.#host, transport, resolve })
  }

  /** Another network, another address: nobody is told but by what it sends next. */
  move(to: PhoneEnd): void {
    this.#stop()
    this.endpoint = to
    this.stack = this.#stackAt(to)
    this.#stop = this.stack.start(this)
  }

  get aor(): string {
    return `sip:${this.options.user}@${this.options.domain}`
  }

  /** The same wherever it is, once it has a GRUU. */
  get contact(): string {
    return this.#gruu === '' ? this.registered : `<${this.#gruu}>`
  }

  /** Its Contact in a REGISTER. */
  get registered(): string {
    const { endpoint } = this
    const { user, transport } = this.options
    const port = this.#port ?? endpoint.port
    const suffix = transport === 'udp' ? '' : `;transport=${transport}`
    return `<sip:${user}@${endpoint.address}:${port}${suffix}>`
  }

  /** The power is gone: nothing more is sent or heard. */
  die(): void {
    this.#stop()
  }

  call(target: string, extra: CallExtra = {}): PhoneCall {
    const call = new PhoneCall(this, 'outgoing')
    this.calls.push(call)
    call.invite(target, extra)
    return call
  }

  register(expires: number, extra: readonly (readonly [string, string])[] = []): void {
    this.#register ||= `${this.random.token(12)}@${this.options.name}`
    const { domain, instance, server, isEphemeral = false } = this.options
    if (isEphemeral) this.#port = this.endpoint.portToward?.(server)
    const own = instance === undefined ? '' : `;+sip.instance="<${instance}>"`
    const contact = `${this.registered}${own};expires=${expires}`
    const request = this.outside('REGISTER', `sip:${domain}`, this.aor, [
      ...(expires < 0 ? [] : [['contact', contact] as const]),
      ...(instance === undefined ? [] : [['supported', 'gruu'] as const]),
      ...extra,
    ])
    request.headers.set('call-id', this.#register)
    this.ask(request, (response) => {
      this.status = response?.status ?? 408
      const texts = own === '' ? [] : (response?.headers.all('contact') ?? [])
      const text = texts.find((each) => each.includes(`<${instance}>`)) ?? ''
      this.#gruu = /pub-gruu="([^"]*)"/.exec(text)?.[1] ?? this.#gruu
    })
  }

  get allow(): string {
    const update = this.options.allowsUpdate ? ', UPDATE' : ''
    return `INVITE, ACK, CANCEL, BYE, PRACK, REFER, NOTIFY, INFO, MESSAGE, OPTIONS${update}`
  }

  inviteTo(
    target: string,
    extra: readonly (readonly [string, string])[],
    sdp: string | undefined,
  ): SipRequest {
    const { supported } = this.options
    const fields: (readonly [string, string])[] = [['allow', this.allow], ...extra]
    if (!extra.some(([name]) => name === 'contact')) fields.unshift(['contact', this.contact])
    if (supported.length > 0) fields.push(['supported', supported.join(', ')])
    if (sdp !== undefined) fields.push(['content-type', 'application/sdp'])
    return this.outside(
      'INVITE',
      target,
      target,
      fields,
      sdp === undefined ? undefined : binary(sdp),
    )
  }

  /** A request outside of any dialog. */
  outside(
    method: string,
    uri: string,
    to: string,
    extra: readonly (readonly [string, string])[] = [],
    body?: Uint8Array,
  ): SipRequest {
    const headers = new Headers()
      .add('max-forwards', '70')
      .add('from', `<${this.aor}>;tag=${this.random.token(8)}`)
      .add('to', `<${to}>`)
      .add('call-id', `${this.random.token(12)}@${this.options.name}`)
      .add('cseq', `${++this.#cseq} ${method}`)
    for (const [name, value] of extra) headers.add(name, value)
    return sipRequest(method, uri, headers, body)
  }

  get server(): Destination {
    return this.options.server
  }

  /** Sends it, answers a challenge once, and says how it ended. */
  ask(request: SipRequest, heard: Heard, onAgain?: (again: SipRequest) => void): void {
    this.stack.request(request, this.server, {
      onResponse: (response) => {
        const { status } = response
        if (status < 200) return
        const next =
          status === 401 || status === 407 ? this.withDigest(request, response) : undefined
        if (next === undefined) return heard(response)
        onAgain?.(next)
        this.ask(next, heard, onAgain)
      },
      onFailed: () => heard(undefined),
    })
  }

  /**
   * The request again, with the next CSeq and credentials; undefined when they were refused, for
   * another reason than a nonce that is too old (RFC 7616 §3.3).
   */
  withDigest(request: SipRequest, challenged: SipResponse): SipRequest | undefined {
    const proxy = challenged.status === 407
    const field = proxy ? 'proxy-authorization' : 'authorization'
    const texts = challenged.headers.all(proxy ? 'proxy-authenticate' : 'www-authenticate')
    const challenge = texts.map(parseChallenge).find((each) => each?.algorithm === 'MD5')
    if (challenge === undefined) return undefined
    if (request.headers.has(field) && !challenge.stale) return undefined
    const { user, password } = this.options
    const { method, uri, headers, body } = request
    const credentials = digestAnswer({
      challenge,
      user,
      password,
      method,
      uri,
      cnonce: this.random.token(16),
      nonceCount: ++this.#nonceCount,
    })
    this.#nonceCount = 0
    const next = headers.copy()
    const number = Number(headers.get('cseq')?.split(' ')[0]) + 1
    this.#cseq = Math.max(this.#cseq, number)
    next.set('cseq', `${number} ${method}`).set(field, formatCredentials(credentials))
    return sipRequest(method, uri, next, body)
  }

  onRequest(request: SipRequest, key: ServerKey, source: Source): void {
    const id = receivedDialogId(request)
    const known = id === undefined ? undefined : this.calls.find((call) => call.has(id))
    if (known !== undefined) return known.onRequest(request, key)
    if (request.method === 'INVITE' && toTag(request) === undefined) {
      const call = new PhoneCall(this, 'incoming')
      this.calls.push(call)
      return call.onInvite(request, key, source)
    }
    const isNews = request.method === 'NOTIFY' && this.subscribed
    const status = toTag(request) === undefined || isNews ? 200 : 481
    this.stack.respond(key, reply(request, status, { toTag: this.random.token(6) }))
  }

  onCancel(key: ServerKey): void {
    for (const call of this.calls) call.onCancel(key)
  }

  onAck(request: SipRequest): void {
    const id = receivedDialogId(request)
    if (id !== undefined) this.calls.find((call) => call.has(id))?.onAck(request)
  }

  /** A 2xx whose ACK was lost may come after its transaction is gone. */
  onStrayResponse(response: SipResponse): void {
    const id = receivedDialogId(response)
    if (id !== undefined) this.calls.find((call) => call.has(id))?.onLate2xx(response)
  }

  onServerFailed(key: ServerKey): void {
    for (const call of this.calls) call.onServerFailed(key)
  }
}

export type CallExtra = {
  readonly sdp?: boolean
  readonly headers?: readonly (readonly [string, string])[]
}
