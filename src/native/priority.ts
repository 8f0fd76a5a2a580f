//! The priority of the thread that keeps the lease, and of the programs it starts to keep it with:
//! they must run when something else keeps the machine busy. Real time, the lowest there is; where
//! that is refused a raised ordinary one; else an ordinary one. The log and the status tell which.
//!
//! Within bounds: a thread that computes for longer than `AT_ONCE_MICROS` without sleeping is an
//! ordinary one until `keep` is called again; and of each second the kernel leaves others a share
//! (sched(7), `sched_rt_runtime_us`).

import type { Log } from '../base/host.ts'
import type { Result } from '../base/result.ts'
import type { Native } from './load.ts'

export type Urgency = 'real-time' | 'raised' | 'normal'
export type PriorityCalls = Pick<Native, 'threadRealTime' | 'threadNice' | 'isThreadRealTime'>

/** Below all that the kernel itself runs so. */
const REAL_TIME = 1
/** Longer than any commit computes, shorter than what a lease has to spare. */
const AT_ONCE_MICROS = 200_000
const NICE = -15

export class Priority {
  readonly urgency: Urgency
  readonly #calls: PriorityCalls | undefined
  readonly #log: Log

  /** Of the thread that calls. */
  constructor(native: Result<PriorityCalls, string>, log: Log) {
    this.#log = log
    this.#calls = native.ok ? native.value : undefined
    const why = native.ok ? native.value.threadRealTime(REAL_TIME, AT_ONCE_MICROS) : native.error
    if (why === '') this.urgency = 'real-time'
    else {
      this.urgency = this.#calls?.threadNice(NICE) === '' ? 'raised' : 'normal'
      this.#warn(why)
    }
  }

  /** Now and then: what was lowered because it computed for too long is raised again. */
  keep(): void {
    if (this.urgency !== 'real-time' || this.#calls?.isThreadRealTime() !== false) return
    const why = this.#calls.threadRealTime(REAL_TIME, AT_ONCE_MICROS)
    this.#log('warn', 'priority.lowered', { atOnceMs: AT_ONCE_MICROS / 1_000, again: why === '' })
  }

  #warn(why: string): void {
    const effect = 'when this machine is busy the lease may be lost, and another node takes over'
    const mend = 'give pbx LimitRTPRIO=1, as config/systemd/cluster.conf does, or CAP_SYS_NICE'
    this.#log('warn', 'priority.weak', { urgency: this.urgency, why, effect, mend })
  }
}
