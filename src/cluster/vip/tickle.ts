//! Tells idle clients that whoever had their connection is gone (DESIGN §6): a segment that makes
//! the client's kernel ask, and ours answer that there is no such connection. In rounds, as the
//! first may come before a switch has learnt where the address is now.

import type { Cancel, Host } from '../../base/host.ts'
import { after, millis } from '../../base/time.ts'
import type { Flow } from '../flows.ts'

/** '' when it was sent, else why not. */
export type Tickle = (from: string, fromPort: number, to: string, toPort: number) => string

/** After the address has been announced; and later, for who did not hear. */
const ROUNDS_AT_MS = [100, 2_000, 6_000]
/** 2,000 a second. */
const BATCH = 40
const EVERY = millis(20)

export class Tickler {
  readonly #host: Host
  readonly #tickle: Tickle
  readonly #waits = new Set<Cancel>()
  #isSaid = false

  constructor(host: Host, tickle: Tickle) {
    this.#host = host
    this.#tickle = tickle
  }

  start(flows: readonly Flow[], done: () => void): void {
    this.stop()
    if (flows.length === 0) return done()
    this.#host.log('info', 'vip.tickling', { clients: flows.length })
    const begun = this.#host.now()
    const round = (number: number): void => {
      const at = ROUNDS_AT_MS[number]
      if (at === undefined) return done()
      // Not before the round before it is over, when there are many.
      this.#later(Math.max(0, begun + at - this.#host.now()), () =>
        this.#send(flows, 0, () => round(number + 1)),
      )
    }
    round(0)
  }

  stop(): void {
    for (const cancel of this.#waits) cancel()
    this.#waits.clear()
  }

  #send(flows: readonly Flow[], from: number, done: () => void): void {
    for (const { local, localPort, remote, remotePort } of flows.slice(from, from + BATCH)) {
      const why = this.#tickle(local, localPort, remote, remotePort)
      if (why !== '') this.#complain(why)
    }
    const next = from + BATCH
    if (next >= flows.length) return done()
    this.#later(EVERY, () => this.#send(flows, next, done))
  }

  /** Once: of many clients some may be out of reach, or all. */
  #complain(why: string): void {
    if (this.#isSaid) return
    this.#isSaid = true
    this.#host.log('warn', 'vip.not-tickled', { why, effect: 'idle clients notice late' })
  }

  #later(delay: number, run: () => void): void {
    const { now, wake } = this.#host
    const cancel = wake(after(now(), millis(delay)), () => {
      this.#waits.delete(cancel)
      run()
    })
    this.#waits.add(cancel)
  }
}
