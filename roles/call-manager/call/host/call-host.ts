//! Runs the calls: requests of the role in, answers through the stack, questions to media, store
//! and routing and their answers back in, one timer for all. It decides nothing about a call.

import { assert, unreachable } from '../../../../src/base/assert.ts'
import type { Cancel, Host } from '../../../../src/base/host.ts'
import type { CallId, TenantId } from '../../../../src/control/ids.ts'
import type { MediaControl, MediaEvent } from '../../../../src/control/media-control.ts'
import type { SipRequest, SipResponse } from '../../../../src/sip/message/message.ts'
import { cseq, fromTag, toTag } from '../../../../src/sip/message/views.ts'
import type { SipTransport } from '../../../../src/sip/stack/sip-transport.ts'
import type { SipStack } from '../../../../src/sip/stack.ts'
import type { Source } from '../../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../../src/sip/transaction/keys.ts'
import type { Cdr, SavedCall } from '../../../../src/store/schema/call.ts'
import type { Store } from '../../../../src/store/store.ts'
import type { Directory, Extension } from '../../directory.ts'
import type { Door } from '../../door.ts'
import type { Location } from '../../location.ts'
import { Alarm } from './alarm.ts'
import { NO_COUNTS, type CallCounters } from './call-counters.ts'
import { newCallId } from './call-id.ts'
import { CallIndex } from './call-index.ts'
import { CallLimits } from './call-limits.ts'
import { follow, recognized } from './follow.ts'
import { goOn, heirsOf, resumeRequest, textOf, type HeirNeeds, type Unreadable } from './heirs.ts'
import { CallNews } from './call-news.ts'
import type { CallConfig, CallWorld } from '../call.ts'
import { CdrWriter } from './cdr-writer.ts'
import { recordOf } from '../cdr.ts'
import type { CallInput, CallOutput, Invited, Tag } from '../io.ts'
import { LiveCall, SentRequest } from './live-call.ts'
import { CallMachine } from '../machine.ts'
import { askMedia, inputsOf } from './media-desk.ts'
import { Reception } from './reception.ts'
import { answerAgain, wayTo, type Ways } from './ways.ts'
import { settleMoves } from '../moves.ts'

export type CallsOptions = {
  readonly host: Host
  readonly date: Host['wall']
  readonly door: Pick<Door, 'proves'>
  readonly stack: HeirNeeds['stack'] &
    Pick<SipStack, 'request' | 'respond' | 'send' | 'cancel' | 'repeat'>
  readonly localAddress: SipTransport['localAddress']
  readonly store: Pick<Store, 'propose'>
  /** Undefined when the configuration has media anchoring switched off. */
  readonly media: MediaControl | undefined
  readonly directory: Pick<Directory, 'tenantOf' | 'extension'>
  readonly location: Pick<Location, 'lookup' | 'bindings' | 'byGruu'>
  readonly config: CallConfig
}

/** Above this many records waiting for the disk no new calls are taken. */
const CDRS_WAITING_MAX = 50_000

export class CallHost {
  readonly news = new CallNews()
  readonly counters: CallCounters = { ...NO_COUNTS }
  readonly #options: CallsOptions
  readonly #host: Host
  readonly #ways: Ways
  readonly #heirs: HeirNeeds
  readonly #cdrs: CdrWriter
  readonly #calls = new CallIndex()
  readonly #limits: CallLimits
  readonly #reception: Reception
  readonly #alarm: Alarm
  readonly #queue: { live: LiveCall; input: CallInput }[] = []
  readonly #feed = (live: LiveCall, input: CallInput): void => this.#take(live, input)
  readonly #unsubscribe: Cancel | undefined
  #pumping = false
  /** Whether new calls are taken; those there are go on. */
  admits = true

  constructor(options: CallsOptions) {
    const { host, localAddress, location, media, store } = options
    assert(options.config.anchor === (media !== undefined), 'anchoring needs a media server')
    this.#options = options
    this.#host = host
    this.#ways = { localAddress, location }
    this.#heirs = { stack: options.stack, localAddress, ways: this.#ways }
    this.#cdrs = new CdrWriter(host, options.date, store)
    this.#limits = new CallLimits(host, options.config, this.#calls)
    this.#reception = new Reception({ ...options, random: host.random })
    this.#alarm = new Alarm(
      host,
      (live) => this.#take(live, { kind: 'wake' }),
      (live) => this.#bug(live, new Error('a deadline that fired was left armed')),
    )
    this.#unsubscribe = media?.events((event) => this.#onMediaEvent(event))
  }

  get size(): number {
    return this.#calls.size
  }

  get cdrsWaiting(): number {
    return this.#cdrs.waiting
  }

  live(): Iterable<LiveCall> {
    return this.#calls.all()
  }

  find(id: CallId): LiveCall | undefined {
    return this.#calls.get(id)
  }

  /** An INVITE outside of a dialog, from who it says it is. */
  invite(request: SipRequest, key: ServerKey, source: Source, caller: Extension): void {
    const { stack } = this.#options
    if (!this.admits || this.#cdrs.waiting > CDRS_WAITING_MAX)
      return stack.respond(key, this.#reception.turnAway(request))
    const limited = this.#limits.refusal(request, caller)
    if (limited !== undefined) {
      this.counters.limited++
      return stack.respond(key, limited)
    }
    const received = this.#reception.receive(request, key, source, caller)
    if (received.kind === 'refused') return stack.respond(key, received.response)
    this.#begin(received.input, caller.tenant)
  }

  /** A request with a To tag; false when no call of ours has it. */
  takeInDialog(request: SipRequest, key: ServerKey, source: Source): boolean {
    const live = this.#heard(request, source)
    if (live === undefined) return false
    follow(this.#heirs, live, { key, request, source })
    this.#take(live, { kind: 'request', key, request, source, proven: false })
    return true
  }

  ack(request: SipRequest, source: Source): void {
    const live = this.#heard(request, source)
    if (live !== undefined) this.#take(live, { kind: 'ack', request, source })
  }

  cancel(key: ServerKey, request: SipRequest, source: Source): void {
    const live = this.#calls.byInvite(key) ?? this.#calls.byTag(toTag(request))
    if (live !== undefined) this.#take(live, { kind: 'cancel', key, request, source })
  }

  /** False when there is no such call. */
  hangup(id: CallId, status: number, cause: string): boolean {
    const live = this.#calls.get(id)
    if (live === undefined) return false
    this.#take(live, { kind: 'hangup', status, cause })
    return true
  }

  /** Of another process, and known here by no transaction: a late 2xx. */
  stray(response: SipResponse, source: Source): void {
    const { status } = response
    if (status < 200 || status >= 300 || cseq(response)?.method !== 'INVITE') return
    const live = this.#calls.byTag(fromTag(response))
    if (live !== undefined) this.#take(live, { kind: 'stray', response, source })
  }

  /** Goes on with the calls of the process before, or ends them; returns what nobody can read. */
  resume(saved: readonly SavedCall[]): readonly Unreadable[] {
    const { media, host } = this.#options
    const { heirs, unreadable } = heirsOf(this.#heirs, saved, this.#world())
    const left = settleMoves(heirs.map(({ machine }) => machine.state))
    for (const live of heirs) this.#calls.add(live)
    for (const live of heirs) this.news.update(live)
    // All are there before the first goes on: one may need another.
    for (const live of heirs) {
      const first = { kind: 'resumed', hasLeft: left.has(live.id) } as const
      const save = (): Promise<void> => this.#save(live, undefined)
      const parts = { media, random: host.random, save }
      void goOn(live, first, parts, this.#feed).catch((error) => this.#bug(live, error))
    }
    return unreadable
  }

  /** Takes no new calls; ends those there are. */
  drain(): void {
    this.admits = false
    for (const live of this.#calls.all())
      this.#take(live, { kind: 'hangup', status: 503, cause: 'system stopped' })
  }

  stop(): void {
    this.admits = false
    this.#unsubscribe?.()
    this.#alarm.stop()
    this.#cdrs.stop()
  }

  #heard(request: SipRequest, source: Source): LiveCall | undefined {
    const live = this.#calls.byTag(toTag(request))
    const known = recognized(this.#options.location, live, request, source)
    if (live !== undefined && known !== undefined) this.#take(live, known)
    return live
  }

  #begin(input: Invited, tenant: TenantId): void {
    const id = newCallId(this.#host)
    const live = new LiveCall(id, tenant, CallMachine.invited(input, id, tenant, this.#world()))
    live.inviteKey = input.key
    live.caller = input.caller.aor
    this.#calls.add(live)
    this.counters.began++
    follow(this.#heirs, live, input)
    this.#take(live, input)
  }

  #world(): CallWorld {
    const { config } = this.#options
    return { config, random: this.#host.random, now: this.#host.now(), wall: this.#host.wall() }
  }

  /** One input at a time: outputs of a step are carried out before the next one. */
  #take(live: LiveCall, input: CallInput): void {
    if (live.held !== undefined) return void live.held.push(input)
    if (this.#pumping) return void this.#queue.push({ live, input })
    this.#pumping = true
    this.#step(live, input)
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift())
      this.#step(next.live, next.input)
    this.#pumping = false
    this.#alarm.rearm()
  }

  #step(live: LiveCall, input: CallInput): void {
    // What comes after the end has nobody to say anything to.
    if (live.isOver || this.#cdrs.hasStopped) return
    // While this one was held, who asked may have ended: nobody would have the leg.
    if (input.kind === 'take' && this.#calls.get(input.by)?.machine.isEnding !== false) return
    try {
      const outputs = live.machine.step(input, this.#host.now())
      for (const output of outputs) this.#carryOut(live, output)
    } catch (error) {
      this.#bug(live, error)
    }
    if (live.isOver) return
    if (live.changed) {
      live.changed = false
      this.news.update(live)
    }
    if (live.machine.over) this.#forget(live)
    else this.#alarm.set(live, live.machine.deadline())
  }

  #carryOut(live: LiveCall, output: CallOutput): void {
    const { stack } = this.#options
    switch (output.kind) {
      case 'respond':
        if (output.response.status >= 200) this.#calls.answered(live, output.key)
        return stack.respond(output.key, output.response)
      case 'answer-again':
        return this.#take(live, answerAgain(this.#ways, stack, output))
      case 'request': {
        const way = wayTo(this.#ways, output.request, output.hop, output.nextHop)
        const handler = new SentRequest(live, output.tx, this.#feed)
        if (way === undefined) return handler.onFailed('unresolvable')
        const key = stack.request(way.request, way.to, handler)
        if (output.request.method === 'INVITE') live.clients.set(output.tx, key)
        return
      }
      case 'resume':
        return resumeRequest(this.#heirs, live, output, this.#feed)
      case 'repeat': {
        const key = live.clients.get(output.tx)
        return key === undefined ? undefined : stack.repeat(key, output.request)
      }
      case 'ack': {
        const way = wayTo(this.#ways, output.request, output.hop, output.nextHop)
        return way === undefined ? undefined : stack.send(way.request, way.to)
      }
      case 'prove': {
        if (!this.#options.door.proves(output)) return
        return this.#take(live, { ...output, kind: 'request', proven: true })
      }
      case 'cancel': {
        const key = live.clients.get(output.tx)
        const headers = output.reason === undefined ? [] : [['reason', output.reason] as const]
        return key === undefined ? undefined : stack.cancel(key, headers)
      }
      case 'media':
      case 'release':
        return void this.#ask(live, output)
      case 'save':
        return void this.#save(live, output.tag)
      case 'plan': {
        const { tag, uri, as } = output
        const wanted = { tenant: live.tenant, uri, exceptFlow: undefined, exceptAor: undefined }
        const planned = this.#reception.plan(wanted, as)
        return this.#take(live, { kind: 'planned', tag, planned })
      }
      case 'take':
        return this.#takeLeg(live, output)
      case 'give':
        return this.#give(live, output)
      case 'picked-up':
        return this.#pickedUp(live, output)
      case 'answered':
        return this.#tell(output.to, output)
      case 'took':
        return this.#tell(output.from, { kind: 'handed', back: undefined })
      case 'changed':
        return void (live.changed = true)
      case 'end':
        return this.#end(live, output.cdr)
      default:
        return unreachable(output)
    }
  }

  async #ask(live: LiveCall, output: CallOutput & { kind: 'media' | 'release' }): Promise<void> {
    const { media } = this.#options
    assert(media !== undefined, 'a call without anchoring asked for media')
    this.#take(live, await askMedia(media, output))
  }

  async #save(live: LiveCall, tag: Tag | undefined): Promise<void> {
    const { id } = live
    const at = this.#host.wall()
    const snapshot = textOf(this.#heirs, live, { now: this.#host.now(), wall: at })
    const result = await this.#options.store.propose({ kind: 'call.saved', id, snapshot, at })
    if (!result.ok) {
      this.counters.unsaved++
      this.#host.log('warn', 'call.not-saved', { call: id, why: result.error.kind })
    }
    if (tag !== undefined) this.#take(live, { kind: 'saved', tag, ok: result.ok })
  }

  #pickedUp(live: LiveCall, { leg, to: id }: CallOutput & { kind: 'picked-up' }): void {
    const to = this.#calls.get(id)
    if (to === undefined) return leg && this.#take(live, { kind: 'handed', back: leg })
    if (leg !== undefined) this.#calls.move(live, to)
    this.#take(to, { kind: 'picked-up', leg, from: live.id })
  }

  #tell(id: CallId, input: CallInput): void {
    const live = this.#calls.get(id)
    if (live !== undefined) this.#take(live, input)
  }

  #takeLeg(
    live: LiveCall,
    { tag, which, asker, canBeAnswered }: CallOutput & { kind: 'take' },
  ): void {
    const from = this.#calls.byTag(which.toTag) ?? this.#calls.byTag(which.fromTag)
    if (from !== undefined && from !== live && from.tenant === live.tenant)
      return this.#take(from, { kind: 'take', which, asker, canBeAnswered, by: live.id, tag })
    const outcome = { kind: 'none', status: 481, reason: 'no such dialog' } as const
    this.#take(live, { kind: 'given', tag, outcome, from: live.id })
  }

  #give(live: LiveCall, { to, tag, outcome }: CallOutput & { kind: 'give' }): void {
    const taker = this.#calls.get(to)
    if (taker === undefined) return
    if (outcome.kind === 'leg') this.#calls.move(live, taker)
    this.#take(taker, { kind: 'given', tag, outcome, from: live.id })
  }

  #end(live: LiveCall, cdr: Cdr): void {
    this.counters.ended++
    this.#cdrs.write(cdr)
    if (cdr.answeredAt !== undefined) this.counters.answered++
    this.news.ended(live, cdr.cause)
    const { call, caller, callee, status, cause, endedBy, durationMs } = cdr
    const fields = { call, caller, callee, status, cause, endedBy, durationMs }
    this.#host.log('info', 'call.ended', fields)
  }

  #forget(live: LiveCall): void {
    this.#calls.forget(live)
    this.#alarm.remove(live)
    this.news.forget(live)
    live.end()
  }

  /** A broken invariant ends this one call, and says so; the record is written all the same. */
  #bug(live: LiveCall, error: unknown): void {
    this.counters.bugs++
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#host.log('error', 'call.broken', { call: live.id, error: text })
    const { state } = live.machine
    if (state.phase === 'ended') return this.#forget(live)
    try {
      const hangup = { kind: 'hangup', status: 500, cause: 'internal error' } as const
      for (const output of live.machine.step(hangup, this.#host.now())) this.#carryOut(live, output)
      return
    } catch {
      // It cannot even be hung up: its record is all that is left of it.
      const record = { ...state.record, endedAt: this.#host.wall(), cause: 'internal error' }
      this.#end(live, recordOf(record, live.id, live.tenant, this.#options.config.node, []))
      this.#forget(live)
    }
  }

  #onMediaEvent(event: MediaEvent): void {
    for (const { media, input } of inputsOf(event)) {
      const owner = this.#calls.byMedia(media)
      if (owner !== undefined) this.#take(owner, input)
    }
  }
}
