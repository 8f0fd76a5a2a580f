//! One call machine on a bench: what it says to phones, media and store is printed, what they say is
//! typed. No bytes, no sockets, no real media; answers of media and store come by themselves unless
//! they are held back.

import { err, ok } from '../../../../src/base/result.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { after, millis, wallTime, type Millis } from '../../../../src/base/time.ts'
import type { CallId, NodeId, TenantId } from '../../../../src/control/ids.ts'
import type { MediaId } from '../../../../src/control/media-control.ts'
import { Headers } from '../../../../src/sip/message/headers.ts'
import {
  request as sipRequest,
  type SipMessage,
  type SipRequest,
} from '../../../../src/sip/message/message.ts'
import { reply } from '../../../../src/sip/message/reply.ts'
import { binary, textOf } from '../../../../src/sip/message/text.ts'
import { cseq, from, fromTag, to, toTag } from '../../../../src/sip/message/views.ts'
import type { FlowId, Source } from '../../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../../src/sip/transaction/keys.ts'
import { asSdp } from '../../../../roles/call-manager/call/sdp.ts'
import type { CallConfig } from '../../../../roles/call-manager/call/call.ts'
import type {
  CallInput,
  CallOutput,
  Invited,
  MediaOp,
  Tag,
  TxId,
} from '../../../../roles/call-manager/call/io.ts'
import { CallMachine } from '../../../../roles/call-manager/call/machine.ts'
import type { Plan } from '../../../../roles/call-manager/routing/plan.ts'

type Asked = { readonly tx: TxId; readonly request: SipRequest; open: boolean }

/** A phone as far as the bench must know it: its dialog with us and what it was asked. */
export type Peer = {
  readonly name: string
  cseq: number
  callId: string
  tag: string
  ours: string
  /** To or From value with which it addresses us. */
  us: string
  self: string
  target: string
  readonly asked: Asked[]
  lastInvite: { key: ServerKey; request: SipRequest } | undefined
}

export const CONFIG: CallConfig = {
  node: 'n1' as NodeId,
  product: 'pbx',
  host: 'pbx.example',
  anchor: true,
  ringTimeout: millis(60_000),
  groupTimeout: millis(20_000),
  redirectsMax: 5,
  transfersMax: 10,
  sessionExpires: 1_800,
  minSe: 90,
  promptUnknown: false,
}

const SHOWN = ['reason', 'require', 'rseq', 'rack', 'subscription-state', 'retry-after', 'referred-by']

export class Bench {
  now: Millis = millis(0)
  config = CONFIG
  mediaHeld = false
  storeHeld = false
  mediaFails = false
  storeFails = false
  lines: string[] = []
  shown: readonly string[] = []
  machine: CallMachine | undefined
  plans = new Map<string, Plan>()
  readonly #peers = new Map<string, Peer>()
  readonly #keys = new Map<ServerKey, string>()
  readonly #tags = new Map<string, string>()
  readonly #heldMedia: { tag: Tag; op: MediaOp }[] = []
  readonly #heldSaves: Tag[] = []
  #keyCount = 0

  peer(name: string): Peer {
    const known = this.#peers.get(name)
    if (known !== undefined) return known
    const self = `<sip:${name}@pbx.example>`
    const fresh = { cseq: 0, callId: `${name}-call`, tag: `${name}T`, ours: '', us: '', target: '' }
    const peer: Peer = { name, self, ...fresh, asked: [], lastInvite: undefined }
    this.#peers.set(name, peer)
    return peer
  }

  source(name: string): Source {
    const flow = `udp:${name}` as FlowId
    const local = { localAddress: 'pbx', localPort: 5060 }
    return { flow, transport: 'udp', address: `${name}.host`, port: 5060, ...local }
  }

  /** The first INVITE of the call. */
  invite(caller: string, uri: string, plan: Plan, extra: Extra): void {
    const peer = this.peer(caller)
    peer.us = `<${uri}>`
    peer.target = uri
    const request = this.requestOf(peer, 'INVITE', extra)
    const key = this.key(peer.name)
    peer.lastInvite = { key, request }
    const input: Invited = {
      kind: 'invited',
      key,
      request,
      source: this.source(caller),
      caller: { aor: `sip:${caller}@pbx.example`, name: caller.toUpperCase(), user: caller },
      contact: '<sip:us@pbx.example>',
      planned: { plan, contacts: contactsOf(plan) },
    }
    const world = { config: this.config, random: seededRandom(1), now: this.now }
    const id = 'call1' as CallId
    const wall = wallTime(1_000_000 + this.now)
    this.machine = CallMachine.invited(input, id, 't1' as TenantId, { ...world, wall })
    this.feed(input)
  }

  /** A request within the dialog, or the CANCEL of its INVITE. */
  send(name: string, method: string, extra: Extra): void {
    const peer = this.peer(name)
    if (method === 'CANCEL') return this.cancel(peer, extra)
    const request = this.requestOf(peer, method, extra)
    if (method === 'ACK') return this.feed({ kind: 'ack', request })
    const key = this.key(name)
    if (method === 'INVITE') peer.lastInvite = { key, request }
    this.feed({ kind: 'request', key, request, source: this.source(name) })
  }

  cancel(peer: Peer, extra: Extra): void {
    const invite = peer.lastInvite
    if (invite === undefined) return
    const request = this.requestOf(peer, 'CANCEL', extra)
    this.feed({ kind: 'cancel', key: invite.key, request })
  }

  /** Answers the newest open request that the phone got, or the one of that method. */
  answer(name: string, status: number, extra: Extra & { to?: string; tag?: string }): void {
    const peer = this.peer(name)
    const wanted = (each: Asked): boolean =>
      extra.to === undefined ? each.open : each.request.method === extra.to
    const asked = peer.asked.findLast(wanted)
    if (asked === undefined) return void this.lines.push(`${name} was asked nothing`)
    if (status >= 200) asked.open = false
    const tag = extra.tag ?? peer.tag
    if (asked.request.method === 'INVITE' && status < 300) peer.tag = tag
    const response = reply(asked.request, status, {
      toTag: tag,
      headers: [...contactOf(name, extra), ...extra.headers],
      ...bodyOf(extra.sdp),
    })
    this.feed({ kind: 'response', tx: asked.tx, response, source: this.source(name) })
  }

  fail(name: string, cause: 'timeout' | 'transport'): void {
    const asked = this.peer(name).asked.findLast((each) => each.open)
    if (asked === undefined) return void this.lines.push(`${name} was asked nothing`)
    asked.open = false
    this.feed({ kind: 'failed', tx: asked.tx, cause })
  }

  wait(delay: number): void {
    const until = after(this.now, millis(delay))
    for (;;) {
      const due = this.machine?.deadline()
      if (due === undefined || due > until) break
      this.now = millis(Math.max(due, this.now))
      this.lines.push(`${this.now}ms:`)
      this.feed({ kind: 'wake' })
      const next = this.machine?.deadline()
      if (next !== undefined && next <= this.now) throw new Error(`deadline ${next} did not move`)
    }
    this.now = until
  }

  letMedia(): void {
    for (const { tag, op } of this.#heldMedia.splice(0)) this.#mediaAnswers(tag, op)
  }

  letStore(): void {
    for (const tag of this.#heldSaves.splice(0))
      this.feed({ kind: 'saved', tag, ok: !this.storeFails })
  }

  feed(input: CallInput): void {
    for (const output of this.machine?.step(input, this.now) ?? []) this.#take(output)
  }

  #take(output: CallOutput): void {
    switch (output.kind) {
      case 'respond': {
        const name = this.#keys.get(output.key) ?? '?'
        this.#heard(this.peer(name), output.response)
        return void this.lines.push(`${name} <- ${this.#describe(output.response)}`)
      }
      case 'request':
        return this.#asked(output)
      case 'ack': {
        const name = nameOf(output.hop.to)
        return void this.lines.push(`${name} <- ${this.#describe(output.request)}`)
      }
      case 'cancel': {
        const name = this.#peerOfTx(output.tx)
        return void this.lines.push(`${name} <- CANCEL${output.reason ? ` reason: ${output.reason}` : ''}`)
      }
      case 'media':
        this.lines.push(`media ${describeOp(output.op)}`)
        if (this.mediaHeld) return void this.#heldMedia.push(output)
        return this.#mediaAnswers(output.tag, output.op)
      case 'release':
        this.lines.push(`media release ${output.media.map(short).join(' ')}`)
        return this.feed({ kind: 'reports', tag: output.tag, reports: [] })
      case 'save':
        this.lines.push(output.tag === undefined ? 'store save' : 'store save, awaited')
        JSON.stringify(this.machine?.state)
        if (output.tag === undefined) return
        if (this.storeHeld) return void this.#heldSaves.push(output.tag)
        return this.feed({ kind: 'saved', tag: output.tag, ok: !this.storeFails })
      case 'plan': {
        const plan = this.plans.get(output.uri.user ?? '')
        this.lines.push(`plan ${output.uri.user}@${output.uri.host}`)
        const dialled = output.uri.user ?? ''
        const none: Plan = { kind: 'refuse', dialled, callee: undefined, status: 404, prompt: 'unknown-number' }
        const found = plan ?? none
        const planned = { plan: found, contacts: contactsOf(found) }
        return this.feed({ kind: 'planned', tag: output.tag, planned })
      }
      case 'take':
        return void this.lines.push(`take ${JSON.stringify(output.which)}`)
      case 'give':
        return void this.lines.push(`give ${output.outcome.kind} to ${output.to}`)
      case 'picked-up':
        return void this.lines.push(`picked-up to ${output.to}`)
      case 'changed':
        return
      case 'end': {
        const { status, cause, endedBy, durationMs, answeredBy, callee, forwardedBy } = output.cdr
        const more = forwardedBy === undefined ? '' : ` forwarded by ${forwardedBy}`
        const who = answeredBy === undefined ? 'nobody' : answeredBy
        return void this.lines.push(
          `cdr ${status} "${cause}" ended by ${endedBy}, ${durationMs} ms, ` +
            `${callee} answered by ${who}${more}`,
        )
      }
    }
  }

  #asked({ tx, request, hop }: CallOutput & { kind: 'request' }): void {
    const peer = this.peer(nameOf(hop.to))
    peer.asked.push({ tx, request, open: true })
    if (request.method === 'INVITE' && toTag(request) === undefined) {
      peer.callId = request.headers.get('call-id') ?? ''
      peer.ours = fromTag(request) ?? ''
      peer.us = `<${from(request)?.uriText ?? ''}>`
      peer.self = `<${to(request)?.uriText ?? ''}>`
      peer.target = 'sip:us@pbx.example'
    }
    this.lines.push(`${peer.name} <- ${this.#describe(request)}`)
  }

  #heard(peer: Peer, message: SipMessage): void {
    const tag = toTag(message)
    if (cseq(message)?.method === 'INVITE' && tag !== undefined) peer.ours = tag
  }

  #peerOfTx(tx: TxId): string {
    for (const { name, asked } of this.#peers.values())
      if (asked.some((each) => each.tx === tx)) return name
    return '?'
  }

  #mediaAnswers(tag: Tag, op: MediaOp): void {
    if (this.mediaFails)
      return this.feed({
        kind: 'media',
        tag,
        result: err({ kind: 'sdp-rejected', reason: 'no codec' }),
      })
    const made = (text: string): string => text.replace(/^(\S+)/, "$1'")
    const value =
      op.kind === 'connect' || op.kind === 'withdraw'
        ? undefined
        : asSdp(made(op.kind === 'answer-here' ? `here:${op.request.offer}` : op.request.sdp))
    this.feed({ kind: 'media', tag, result: ok(value) })
  }

  key(name: string): ServerKey {
    const key = `k${++this.#keyCount}` as ServerKey
    this.#keys.set(key, name)
    return key
  }

  requestOf(peer: Peer, method: string, extra: Extra): SipRequest {
    const number = method === 'ACK' || method === 'CANCEL' ? this.#inviteCseq(peer) : ++peer.cseq
    const headers = new Headers()
      .add('via', `SIP/2.0/UDP ${peer.name}.host;branch=z9hG4bK${peer.name}${number}${method}`)
      .add('max-forwards', '70')
      .add('from', `${peer.self};tag=${peer.tag}`)
      .add('to', peer.ours === '' ? peer.us : `${peer.us};tag=${peer.ours}`)
      .add('call-id', peer.callId)
      .add('cseq', `${number} ${method}`)
      .add('contact', `<sip:${peer.name}@${peer.name}.host>`)
    for (const [name, value] of extra.headers) headers.add(name, this.#unalias(value))
    const { body, contentType } = bodyOf(extra.sdp)
    if (contentType !== undefined) headers.set('content-type', contentType)
    return sipRequest(method, peer.target, headers, extra.body ?? body)
  }

  #inviteCseq(peer: Peer): number {
    return (peer.lastInvite && cseq(peer.lastInvite.request)?.number) ?? peer.cseq
  }

  #describe(message: SipMessage): string {
    const method = cseq(message)?.method ?? '?'
    const head =
      message.kind === 'request'
        ? `${message.method} ${message.uri}`
        : `${message.status} ${message.reason}${method === 'INVITE' ? '' : ` (${method})`}`
    let text = head
    if (message.kind === 'response' && method === 'INVITE')
      text += ` tag=${this.#alias(toTag(message))}`
    if (message.body.length > 0) text += ` [${textOf(message.body).trim().replaceAll('\r\n', ' ')}]`
    for (const name of [...SHOWN, ...this.shown])
      for (const value of message.headers.all(name))
        text += `\n    ${name}: ${name === 'rseq' || name === 'rack' ? this.#short(value) : value}`
    return text
  }

  /** RSeq numbers are random; what matters is which is which. */
  #short(value: string): string {
    const [first = '', ...rest] = value.split(' ')
    return [this.#alias(first), ...rest].join(' ')
  }

  #alias(tag: string | undefined): string {
    if (tag === undefined) return '-'
    const known = this.#tags.get(tag) ?? `#${this.#tags.size + 1}`
    this.#tags.set(tag, known)
    return known
  }

  /** `#3` in a RAck stands for the number printed so. */
  #unalias(value: string): string {
    return value.replace(/^#\d+/, (alias) => {
      for (const [real, known] of this.#tags) if (known === alias) return real
      return alias
    })
  }
}

export type Extra = {
  readonly headers: readonly (readonly [string, string])[]
  readonly sdp?: string | undefined
  readonly body?: Uint8Array | undefined
}

function bodyOf(sdp: string | undefined): { body?: Uint8Array; contentType?: string } {
  if (sdp === undefined) return {}
  const text = sdp.split(',').join('\r\n')
  return { body: binary(`${text}\r\n`), contentType: 'application/sdp' }
}

function contactOf(name: string, { headers }: Extra): readonly (readonly [string, string])[] {
  return headers.some(([field]) => field === 'contact')
    ? []
    : [['contact', `<sip:${name}@${name}.host>`]]
}

function contactsOf(plan: Plan): string[] {
  return plan.kind === 'fork' ? plan.groups.flat().map(() => '<sip:us@pbx.example>') : []
}

function nameOf(hop: unknown): string {
  return typeof hop === 'string' ? hop.replace('udp:', '').replace(/#.*/, '') : '?'
}

function short(media: MediaId): string {
  return media.replace('call1-', '')
}

function describeOp(op: MediaOp): string {
  const { request } = op
  const text = 'sdp' in request ? ` [${request.sdp.trim().replaceAll('\r\n', ' ')}]` : ''
  if ('a' in request) return `connect ${short(request.a)} with ${short(request.b)}`
  if ('media' in request) return `answer-here ${short(request.media)} ${request.source?.kind ?? 'silence'}`
  const again = op.kind === 'relay-offer' && op.request.restated ? ' restated' : ''
  return `${op.kind}${again} ${short(request.from)} > ${short(request.to)}${text}`
}

