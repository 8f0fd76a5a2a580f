//! Pager-mode messages between extensions, RFC 3428: to every device of the callee, the first one
//! to accept it answers. Bodies (text, CPIM, IMDN, is-composing) pass through as they are.
//!
//! Class of what is under way: ephemeral. A sender that hears nothing sends again.

import type { Cancel, Host } from '../../../src/base/host.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import type { SipStack } from '../../../src/sip/stack.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import { speaksFor } from '../call/identity.ts'
import type { Directory, Extension } from '../directory.ts'
import type { Location } from '../location.ts'
import { plan, type ForkTarget } from '../routing/plan.ts'
import { forwarded, passedBack } from './forward.ts'
import { startRelay, stepRelay, type Relay, type RelayInput } from './relay.ts'

export type MessagesOptions = {
  readonly host: Host
  readonly stack: Pick<SipStack, 'request' | 'respond'>
  readonly directory: Directory
  readonly location: Pick<Location, 'lookup' | 'byGruu'>
  /**
   * Takes over a message that no device of the callee could be given, to deliver it later; true
   * answers the sender 202. Without it, or when it declines, the sender gets 480.
   */
  readonly keep?: (message: SipRequest, sender: Extension, callee: Extension) => boolean
}

export interface RunningMessages {
  /** A MESSAGE outside of a dialog, from who it says it is. */
  take(request: SipRequest, key: ServerKey, source: Source, sender: Extension): void
  /** Messages under way. */
  readonly size: number
  /** Those under way are not answered any more. */
  stop(): void
}

export function startMessages(options: MessagesOptions): RunningMessages {
  return new MessagesHost(options)
}

/** Beyond this many under way, senders are asked to come again later. */
const UNDER_WAY_MAX = 20_000

class MessagesHost implements RunningMessages {
  readonly #options: MessagesOptions
  readonly #underWay = new Set<UnderWay>()

  constructor(options: MessagesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#underWay.size
  }

  take(request: SipRequest, key: ServerKey, source: Source, sender: Extension): void {
    const { directory, location } = this.#options
    if (!speaksFor(request, sender, directory)) return this.#refuse(request, key, 403)
    const uri = parseUri(request.uri)
    if (uri === undefined) return this.#refuse(request, key, 416)
    const { tenant, aor: exceptAor } = sender
    const wanted = { tenant, uri, exceptFlow: source.flow, exceptAor }
    const planned = plan(wanted, { directory, location })
    if (planned.kind === 'service') return this.#refuse(request, key, 405)
    const { callee } = planned
    if (planned.kind === 'fork') return this.#send(request, key, sender, planned)
    if (planned.status !== 480 || callee === undefined)
      return this.#refuse(request, key, planned.status)
    return this.#undelivered(request, key, sender, callee)
  }

  stop(): void {
    for (const { unwake } of this.#underWay) unwake()
    this.#underWay.clear()
  }

  #send(request: SipRequest, key: ServerKey, sender: Extension, to: Recipient): void {
    const { host, stack } = this.#options
    if (this.#underWay.size >= UNDER_WAY_MAX) return this.#refuse(request, key, 503)
    // To all at once: a message is wanted wherever its reader sits, whatever the q values say.
    const devices = to.groups.flat()
    const relay = startRelay(devices.length, host.now())
    const message: UnderWay = { request, key, sender, callee: to.callee, relay, unwake: () => {} }
    if (relay.answerAt !== undefined)
      message.unwake = host.wake(relay.answerAt, () => this.#step(message, { kind: 'wake' }))
    this.#underWay.add(message)
    for (const device of devices)
      stack.request(forwarded(request, sender, device), device.to, {
        onResponse: (response) => this.#step(message, { kind: 'response', response }),
        onFailed: () => this.#step(message, { kind: 'failed' }),
      })
  }

  #step(message: UnderWay, input: RelayInput): void {
    const { host } = this.#options
    const { request, key, sender, callee } = message
    const { next, output } = stepRelay(message.relay, input, host.now())
    message.relay = next
    if (output === undefined || !this.#underWay.delete(message)) return
    message.unwake()
    if (output.kind === 'undelivered') return this.#undelivered(request, key, sender, callee)
    this.#respond(key, passedBack(request, output.response, host.random.token(12)))
  }

  #undelivered(request: SipRequest, key: ServerKey, sender: Extension, callee: Extension): void {
    const isKept = this.#options.keep?.(request, sender, callee) === true
    this.#refuse(request, key, isKept ? 202 : 480)
  }

  #refuse(request: SipRequest, key: ServerKey, status: number): void {
    const toTag = this.#options.host.random.token(12)
    const headers = STATUS_HEADERS[status] ?? []
    this.#respond(key, reply(request, status, { toTag, headers }))
  }

  #respond(key: ServerKey, response: SipResponse): void {
    this.#options.stack.respond(key, response)
  }
}

const STATUS_HEADERS: Readonly<Record<number, readonly (readonly [string, string])[]>> = {
  405: [['allow', 'INVITE, ACK, BYE, CANCEL, OPTIONS']],
  503: [['retry-after', '5']],
}

type Recipient = {
  readonly callee: Extension
  readonly groups: readonly (readonly ForkTarget[])[]
}

type UnderWay = {
  readonly request: SipRequest
  readonly key: ServerKey
  readonly sender: Extension
  readonly callee: Extension
  relay: Relay
  unwake: Cancel
}
