//! One call machine on a bench: what it says to phones, media and store is printed, what they say
//! is typed. No bytes, no sockets, no real media; answers of media and store come by themselves
//! unless they are held back.

import { err, ok } from '../../../../src/base/result.ts'
import { seededRandom } from '../../../../src/base/random.ts'
import { after, millis, wallTime, type Millis } from '../../../../src/base/time.ts'
import type { CallId, NodeId, TenantId } from '../../../../src/control/ids.ts'
import { Headers } from '../../../../src/sip/message/headers.ts'
import {
  request as sipRequest,
  type SipMessage,
  type SipRequest,
} from '../../../../src/sip/message/message.ts'
import { reply } from '../../../../src/sip/message/reply.ts'
import { binary } from '../../../../src/sip/message/text.ts'
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
} from '../../../../roles/call-manager/call/io.ts'
import { CallMachine } from '../../../../roles/call-manager/call/machine.ts'
import { inherit, snapshotOf } from '../../../../roles/call-manager/call/host/snapshot.ts'
import type { Plan } from '../../../../roles/call-manager/routing/plan.ts'
import { Printer, shortMedia, showCdr, showOp } from './show.ts'

type TxId = (CallOutput & { kind: 'request' })['tx']
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
  callsPerExtension: 50,
  callsPerTenant: 0,
  sessionExpires: 1_800,
  minSe: 90,
  promptUnknown: false,
}

type Asking = CallOutput & { readonly kind: 'media' | 'release' }
type Desk = (output: Asking) => Promise<CallInput>

export class Bench {
  /** Media that is not played here. */
  desk: Desk | undefined
  now: Millis = millis(0)
  config = CONFIG
  mediaHeld = false
  storeHeld = false
  mediaFails: 'fail' | 'hang' | undefined
  storeFails = false
  lines: string[] = []
  readonly printer = new Printer()
  machine: CallMachine | undefined
  plans = new Map<string, Plan>()
  readonly #peers = new Map<string, Peer>()
  readonly #keys = new Map<ServerKey, string>()
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
    const source = this.source(extra.via ?? name)
    if (method === 'ACK') return this.feed({ kind: 'ack', request, source })
    const key = this.key(name)
    if (method === 'INVITE') peer.lastInvite = { key, request }
    this.feed({ kind: 'request', key, request, source, proven: false })
  }

  cancel(peer: Peer, extra: Extra): void {
    const invite = peer.lastInvite
    if (invite === undefined) return
    const request = this.requestOf(peer, 'CANCEL', extra)
    this.feed({
      kind: 'cancel',
      key: invite.key,
      request,
      source: this.source(extra.via ?? peer.name),
    })
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

  /** The server of the call's sessions is no more. */
  loseMedia(): void {
    const [leg] = this.machine?.state.legs ?? []
    if (leg !== undefined) this.feed({ kind: 'media-lost', media: leg.media })
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
        return void this.lines.push(`${name} <- ${this.printer.message(output.response)}`)
      }
      case 'answer-again': {
        const name = nameOf(output.source.flow)
        return void this.lines.push(`${name} <- ${this.printer.message(output.response)}`)
      }
      case 'request':
        return this.#asked(output)
      case 'ack': {
        const name = nameOf(output.hop.to)
        return void this.lines.push(`${name} <- ${this.printer.message(output.request)}`)
      }
      case 'resume':
      case 'repeat':
        return void this.lines.push(`${output.kind} ${this.printer.message(output.request)}`)
      case 'prove':
        return void this.lines.push(`prove ${output.request.method} to be of ${output.aor}`)
      case 'cancel': {
        const name = this.#peerOfTx(output.tx)
        return void this.lines.push(
          `${name} <- CANCEL${output.reason ? ` reason: ${output.reason}` : ''}`,
        )
      }
      case 'media':
        if (this.desk !== undefined) return void this.#atDesk(this.desk, output)
        this.lines.push(`media ${showOp(output.op)}`)
        if (this.mediaHeld) return void this.#heldMedia.push(output)
        return this.#mediaAnswers(output.tag, output.op)
      case 'release':
        if (this.desk !== undefined) return void this.#atDesk(this.desk, output)
        this.lines.push(`media release ${output.media.map(shortMedia).join(' ')}`)
        return this.feed({ kind: 'reports', tag: output.tag, reports: [] })
      case 'save':
        this.lines.push(output.tag === undefined ? 'store save' : 'store save, awaited')
        this.#checkSnapshot()
        if (output.tag === undefined) return
        if (this.storeHeld) return void this.#heldSaves.push(output.tag)
        return this.feed({ kind: 'saved', tag: output.tag, ok: !this.storeFails })
      case 'plan': {
        const plan = this.plans.get(output.uri.user ?? '')
        this.lines.push(`plan ${output.uri.user}@${output.uri.host}`)
        const dialled = output.uri.user ?? ''
        const none: Plan = {
          kind: 'refuse',
          dialled,
          callee: undefined,
          status: 404,
          prompt: 'unknown-number',
        }
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
      case 'answered':
        return void this.lines.push(`answered to ${output.to}`)
      case 'took':
        return void this.lines.push(`took from ${output.from}`)
      case 'changed':
        return
      case 'end':
        return void this.lines.push(showCdr(output.cdr))
    }
  }

  /** Whatever a call may be in the middle of, a successor can read it. */
  #checkSnapshot(): void {
    const { state } = this.machine ?? {}
    const { open = [] } = this.machine ?? {}
    const clock = { now: this.now, wall: wallTime(0) }
    const saved = state && snapshotOf({ state, open, sentAs: () => undefined }, clock)
    if (saved === undefined || inherit(saved, clock) === undefined)
      this.lines.push('the snapshot cannot be read')
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
    this.lines.push(`${peer.name} <- ${this.printer.message(request)}`)
  }

  #heard(peer: Peer, message: SipMessage): void {
    const tag = toTag(message)
    if (cseq(message)?.method === 'INVITE' && tag !== undefined) peer.ours = tag
  }

  #peerOfTx(tx: Asked['tx']): string {
    for (const { name, asked } of this.#peers.values())
      if (asked.some((each) => each.tx === tx)) return name
    return '?'
  }

  async #atDesk(desk: Desk, output: Asking): Promise<void> {
    this.feed(await desk(output))
  }

  #mediaAnswers(tag: Tag, op: MediaOp): void {
    const { mediaFails } = this
    if (mediaFails === 'fail')
      return this.feed({
        kind: 'media',
        tag,
        result: err({ kind: 'sdp-rejected', reason: 'no codec' }),
      })
    if (mediaFails === 'hang')
      return this.feed({ kind: 'media', tag, result: err({ kind: 'unreachable' }) })
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
    for (const [name, value] of extra.headers) headers.add(name, this.printer.unalias(value))
    const { body, contentType } = bodyOf(extra.sdp)
    if (contentType !== undefined) headers.set('content-type', contentType)
    return sipRequest(method, peer.target, headers, extra.body ?? body)
  }

  #inviteCseq(peer: Peer): number {
    return (peer.lastInvite && cseq(peer.lastInvite.request)?.number) ?? peer.cseq
  }
}

export type Extra = {
  readonly headers: readonly (readonly [string, string])[]
  readonly sdp?: string | undefined
  readonly body?: Uint8Array | undefined
  /** Whose address it is sent from, when that is not its own. */
  readonly via?: string | undefined
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
