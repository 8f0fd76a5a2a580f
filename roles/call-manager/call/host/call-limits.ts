//! How many calls one extension, or one tenant, may have at once: nobody takes the ports of all.

import type { Host } from '../../../../src/base/host.ts'
import { after, seconds, type Millis } from '../../../../src/base/time.ts'
import type { SipRequest, SipResponse } from '../../../../src/sip/message/message.ts'
import { reply } from '../../../../src/sip/message/reply.ts'
import type { Extension } from '../../directory.ts'
import type { CallConfig } from '../call.ts'
import type { CallIndex } from './call-index.ts'

/** Refusals come as fast as INVITEs do; one line in a minute tells of them. */
const LOG_EVERY = seconds(60)

type Limits = Pick<CallConfig, 'callsPerExtension' | 'callsPerTenant' | 'host'>

type Counted = Pick<CallIndex, 'callsOf' | 'callsOfTenant'>

export class CallLimits {
  readonly #host: Host
  readonly #limits: Limits
  readonly #calls: Counted
  /** Refused since the last line in the log. */
  #refused = 0
  #quietUntil: Millis | undefined

  constructor(host: Host, limits: Limits, calls: Counted) {
    this.#host = host
    this.#limits = limits
    this.#calls = calls
  }

  /**
   * The answer to an INVITE of who has as many calls as one may have. 403, for a phone would try
   * again at once after 503, and another device of the callee after 486.
   */
  refusal(request: SipRequest, caller: Extension): SipResponse | undefined {
    const reached = this.#reached(caller)
    if (reached === undefined) return undefined
    this.#log(caller, reached)
    const warning = `399 ${this.#limits.host} "${reached}"`
    const toTag = this.#host.random.token(10)
    const headers = [['warning', warning]] as const
    return reply(request, 403, { toTag, reason: 'Too Many Calls', headers })
  }

  #reached({ aor, tenant }: Extension): string | undefined {
    const { callsPerExtension, callsPerTenant } = this.#limits
    if (isFull(this.#calls.callsOf(aor), callsPerExtension))
      return `calls-per-extension is ${callsPerExtension}`
    if (isFull(this.#calls.callsOfTenant(tenant), callsPerTenant))
      return `calls-per-tenant is ${callsPerTenant}`
    return undefined
  }

  #log({ aor }: Extension, limit: string): void {
    this.#refused++
    const now = this.#host.now()
    if (this.#quietUntil !== undefined && now < this.#quietUntil) return
    this.#host.log('warn', 'calls.limited', { caller: aor, limit, refused: this.#refused })
    this.#refused = 0
    this.#quietUntil = after(now, LOG_EVERY)
  }
}

/** A limit of 0 is none. */
function isFull(calls: number, limit: number): boolean {
  return limit > 0 && calls >= limit
}
