//! Gets every CDR into the store, however long it takes: a call ends in exactly one of them.

import type { Host } from '../../../../src/base/host.ts'
import { after, millis, type WallTime } from '../../../../src/base/time.ts'
import type { CallId } from '../../../../src/control/ids.ts'
import type { Cdr } from '../../../../src/store/schema/call.ts'
import type { Store } from '../../../../src/store/store.ts'
import { redated } from '../cdr.ts'

const RETRY_FIRST = 250
const RETRY_MAX = 30_000

export class CdrWriter {
  readonly #host: Host
  readonly #date: () => WallTime
  readonly #store: Pick<Store, 'propose'>
  readonly #waiting = new Set<CallId>()
  /** Another may be going on with the calls: nothing is done about them here any more. */
  hasStopped = false

  /** Records come dated by the host's wall clock, and are written dated by `date`. */
  constructor(host: Host, date: () => WallTime, store: Pick<Store, 'propose'>) {
    this.#host = host
    this.#date = date
    this.#store = store
  }

  /** Ended calls whose record is not committed yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  write(cdr: Cdr): void {
    this.#waiting.add(cdr.call)
    void this.#propose(redated(cdr, this.#date() - this.#host.wall()), RETRY_FIRST)
  }

  /** What is not written yet is left to whoever goes on with the calls: it has their snapshots. */
  stop(): void {
    this.hasStopped = true
    this.#waiting.clear()
  }

  async #propose(cdr: Cdr, delay: number): Promise<void> {
    const { call } = cdr
    if (this.hasStopped) return
    // Twice is once: the call's id is the record's key.
    const result = await this.#store.propose({ kind: 'call.ended', id: call, cdr })
    if (result.ok || this.hasStopped) return void this.#waiting.delete(call)
    const why = result.error.kind
    // The snapshot is still there: whoever opens the store next writes the record.
    if (why === 'closed') return void this.#waiting.delete(call)
    if (why === 'rejected') {
      this.#waiting.delete(call)
      return this.#host.log('error', 'cdr.refused', { call, why: result.error.reason })
    }
    this.#host.log('warn', 'cdr.delayed', { call, why })
    const again = (): void => void this.#propose(cdr, Math.min(delay * 2, RETRY_MAX))
    this.#host.wake(after(this.#host.now(), millis(delay)), again)
  }
}
