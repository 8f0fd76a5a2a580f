//! A phone of the office: a SIP stack of its own, which answers NOTIFYs and MESSAGEs as it is told.

import { assert } from '../../../../src/base/assert.ts'
import { requestInDialog } from '../../../../src/sip/dialog/dialog-request.ts'
import { dialogAsUac, type Dialog } from '../../../../src/sip/dialog/dialog.ts'
import { Headers } from '../../../../src/sip/message/headers.ts'
import { request, type SipRequest } from '../../../../src/sip/message/message.ts'
import { reply } from '../../../../src/sip/message/reply.ts'
import { binary } from '../../../../src/sip/message/text.ts'
import { parseUri } from '../../../../src/sip/message/uri.ts'
import { sipEtag } from '../../../../src/sip/message/views.ts'
import { createSipStack, type RunnableSipStack } from '../../../../src/sip/stack.ts'
import type { Target, TransportName } from '../../../../src/sip/transaction/flow.ts'
import type { SimTransport } from '../../../harness/sim-network.ts'
import type { World } from '../../../harness/world.ts'

export type PhoneKind = {
  readonly name: string
  readonly domain: string
  readonly transport: TransportName
  /** Its GRUU is its Contact then. */
  readonly instance: string | undefined
}

export type PhoneOptions = PhoneKind & {
  readonly world: World
  readonly endpoint: SimTransport
  readonly server: Target
}

export class Phone {
  /** As registered. */
  readonly contact: string
  readonly aor: string
  readonly instance: string | undefined
  /** Of NOTIFYs and MESSAGEs; 0 says nothing at all. */
  answers = 200
  etag = ''
  readonly #options: PhoneOptions
  readonly #stack: RunnableSipStack
  #dialog: Dialog | undefined
  #calls = 0

  constructor(options: PhoneOptions) {
    const { name, domain, transport, endpoint, world } = options
    this.#options = options
    this.aor = `sip:${name}@${domain}`
    this.instance = options.instance
    const suffix = transport === 'udp' ? '' : `;transport=${transport}`
    this.contact = `sip:${name}@${endpoint.address}:${endpoint.port}${suffix}`
    this.#stack = createSipStack({
      host: world.host(name),
      transport: endpoint,
      resolve: (_uri, found) => found([options.server]),
    })
    this.#stack.start({
      onRequest: (received, key) => {
        if (this.answers > 0) this.#stack.respond(key, reply(received, this.answers, TAGGED))
      },
      onCancel: () => {},
      onAck: () => {},
      onStrayResponse: () => {},
      onServerFailed: () => {},
    })
  }

  subscribe(user: string, event: string, expires: string): void {
    const subscribe = this.#request('SUBSCRIBE', user, [
      ['contact', this.#target],
      ['event', event],
      ['expires', expires],
    ])
    this.#send(subscribe, (response) => {
      this.#dialog = dialogAsUac(subscribe, response) ?? this.#dialog
    })
  }

  /** One more SUBSCRIBE in the last subscription's dialog, sent by this phone or by another. */
  refresh(event: string, expires: string, by: Phone = this): void {
    assert(this.#dialog !== undefined, `${this.aor} has no subscription`)
    const headers = Object.entries({ event, expires })
    const { dialog, request: subscribe } = requestInDialog(this.#dialog, 'SUBSCRIBE', { headers })
    this.#dialog = dialog
    by.#send(subscribe, () => {})
  }

  publish(event: string, expires: string, type: string, body: string): void {
    const tag = this.etag === '' ? [] : [['sip-if-match', this.etag] as const]
    const typed = body === '' ? [] : [['content-type', type] as const]
    const fields = [['event', event] as const, ['expires', expires] as const, ...tag, ...typed]
    this.#send(this.#request('PUBLISH', this.#options.name, fields, body), (response) => {
      this.etag = sipEtag(response) ?? ''
    })
  }

  message(uri: string, type: string, body: string, fields: readonly Field[] = []): void {
    this.#send(this.#request('MESSAGE', uri, [['content-type', type], ...fields], body), () => {})
  }

  get #target(): string {
    return `<${this.instance === undefined ? this.contact : `${this.aor};gr=${this.instance}`}>`
  }

  #request(method: string, user: string, fields: readonly Field[], body = ''): SipRequest {
    const { name, domain } = this.#options
    const uri = user.startsWith('sip') ? user : `sip:${user}@${domain}`
    const call = `${name}-${++this.#calls}`
    const headers = Headers.of([
      ['max-forwards', '70'],
      ['from', `<${this.aor}>;tag=${call}`],
      ['to', `<${uri}>`],
      ['call-id', call],
      ['cseq', `1 ${method}`],
    ])
    for (const [field, value] of fields) headers.set(field, value)
    return request(method, uri, headers, binary(body))
  }

  #send(outgoing: SipRequest, answered: (response: Response) => void): void {
    const { server } = this.#options
    assert(parseUri(outgoing.uri) !== undefined, `not a URI: ${outgoing.uri}`)
    this.#stack.request(outgoing, server, { onResponse: answered, onFailed: () => {} })
  }
}

type Field = readonly [name: string, value: string]
type Response = Parameters<typeof dialogAsUac>[1]

const TAGGED = { toTag: 'phone' }
