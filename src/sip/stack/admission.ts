//! Which requests outside of a dialog become transactions. The others are answered at once and
//! forgotten: overload (503), and what `screen` finds.

import type { Cancel, Host } from '../../base/host.ts'
import { after, millis, type Millis } from '../../base/time.ts'
import type { SipRequest } from '../message/message.ts'
import { toTag } from '../message/views.ts'
import type { Source } from '../transaction/flow.ts'
import { serverKeyOf, type ServerKey } from '../transaction/keys.ts'
import { Branches } from './branch.ts'
import { Overload } from './overload.ts'
import { Refused } from './refused.ts'
import { screen } from './screen.ts'

export type Refusal = {
  readonly status: number
  readonly reason?: string
  readonly headers?: readonly (readonly [string, string])[]
}

export type AdmissionNeeds = {
  readonly host: Host
  readonly branches: Branches
  /** The request is a retransmission, or otherwise under way. */
  readonly knows: (key: ServerKey) => boolean
  /** It answers a challenge that its source had from us. A header alone anybody can invent. */
  readonly hasChallenged: (request: SipRequest, source: Source) => boolean
  /** Share of the time since the last call that the event loop was busy. */
  readonly busy: (() => number) | undefined
}

const SAMPLE_EVERY: Millis = millis(100)
const RETRY_AFTER_MIN = 2
const RETRY_AFTER_SPREAD = 9
/** What overload control may turn away; other requests serve what is under way. */
const NEW_WORK = new Set(['INVITE', 'REGISTER', 'SUBSCRIBE', 'MESSAGE', 'PUBLISH', 'OPTIONS'])

export class Admission {
  readonly #needs: AdmissionNeeds
  readonly #overload = new Overload()
  readonly #refused = new Refused()
  #messages = 0
  /** All of them since the last sample. */
  #took = 0
  /** The shortest that any of them waited, when that is known. */
  #waited: Millis | undefined

  constructor(needs: AdmissionNeeds) {
    this.#needs = needs
  }

  /** The share of new requests that overload control refuses now, 0 to 1. */
  get refusing(): number {
    return this.#overload.share
  }

  /** Every message that came in: `waited` in the kernel, when that is known; `took` to handle. */
  count(waited: Millis | undefined, took: Millis): void {
    this.#messages++
    this.#took += took
    if (waited === undefined) return
    if (this.#waited === undefined || waited < this.#waited) this.#waited = waited
  }

  /** Undefined when the request may go on. */
  refusal(request: SipRequest, source: Source): Refusal | undefined {
    const { method } = request
    if (method === 'ACK' || method === 'CANCEL' || toTag(request) !== undefined) return undefined
    if (this.#turnsAway(request, source)) return { status: 503, headers: [this.#retryAfter()] }
    return screen(request, this.#needs.branches.isLoop(request))
  }

  /** Samples the load every 100 ms; how late the sample comes is the first sign of overload. */
  start(): Cancel {
    const { host, busy } = this.#needs
    let cancel: Cancel
    const arm = (): void => {
      const at = after(host.now(), SAMPLE_EVERY)
      cancel = host.wake(at, () => sample(at))
    }
    const sample = (expected: Millis): void => {
      const now = host.now()
      const late = millis(Math.max(0, now - expected))
      // A simulated clock stands still while messages are handled, and says nothing of that.
      const work = this.#took === 0 ? undefined : this.#took / (SAMPLE_EVERY + late)
      const [waited, messages] = [this.#waited, this.#messages]
      this.#overload.sample({ late, waited, busy: busy?.() ?? 0, work, messages }, now)
      this.#messages = 0
      this.#took = 0
      this.#waited = undefined
      arm()
    }
    arm()
    return () => cancel()
  }

  #turnsAway(request: SipRequest, source: Source): boolean {
    if (!NEW_WORK.has(request.method)) return false
    const { host, knows } = this.#needs
    const now = host.now()
    if (this.#overload.share === 0 && this.#refused.isEmpty(now)) return false
    const key = serverKeyOf(request)
    if (key === undefined || knows(key)) return false
    if (!this.#refused.has(key) && !this.#refuses(request, source)) return false
    this.#refused.add(key, now)
    return true
  }

  #refuses(request: SipRequest, source: Source): boolean {
    if (this.#overload.share === 0) return false
    const answers = this.#needs.hasChallenged(request, source)
    return this.#overload.refuses(answers ? 'answering' : 'fresh')
  }

  /** Spread, so that those turned away do not come back as one. */
  #retryAfter(): readonly [string, string] {
    const after = RETRY_AFTER_MIN + this.#needs.host.random.below(RETRY_AFTER_SPREAD)
    return ['retry-after', String(after)]
  }
}
