//! Overload control by golden script.
//!
//!     samples N late=MS waited=MS busy=SHARE messages=N    N samples, 100 ms apart
//!     offer N [answering]      N new requests; `answering`: with credentials
//!     serve N [fresh] rate=N [unseen=N]
//!         N seconds of a server that takes 0.35 ms for a request and 0.04 ms for a refusal, and is
//!         offered `rate` a second, half of it with credentials unless `fresh`; with `unseen` its
//!         queue holds that many and nobody sees it

import { after, millis, type Millis } from '../../../src/base/time.ts'
import { Overload } from '../../../src/sip/stack/overload.ts'
import { walk, type Command } from '../../harness/datadriven.ts'

const SAMPLE_MS = 100
const WORK_MS = 0.35
const REFUSAL_MS = 0.04

walk(new URL('./testdata/overload', import.meta.url).pathname, () => {
  const bench = new Bench()
  return (command) => bench.run(command)
})

class Bench {
  readonly #overload = new Overload()
  #now: Millis = millis(0)

  run(command: Command): string {
    const count = Number(command.words[0])
    if (command.name === 'samples') return this.#samples(count, command)
    if (command.name === 'serve') return this.#serve(count, command)
    let refused = 0
    const kind = command.words[1] === 'answering' ? 'answering' : 'fresh'
    for (let index = 0; index < count; index++) if (this.#overload.refuses(kind)) refused++
    return `refused ${refused} of ${count}`
  }

  #samples(count: number, command: Command): string {
    const number = (key: string): number => Number(command.arg(key) ?? 0)
    const waited = command.arg('waited') === undefined ? undefined : millis(number('waited'))
    const lines: string[] = []
    for (let index = 0; index < count; index++) {
      this.#now = after(this.#now, millis(SAMPLE_MS))
      const late = millis(number('late'))
      const work = Number(command.arg('work') ?? 1)
      const load = { late, waited, busy: number('busy'), work, messages: number('messages') }
      this.#overload.sample(load, this.#now)
      lines.push(`${this.#now}ms refusing ${(this.#overload.share * 100).toFixed(1)} %`)
    }
    return lines.join('\n')
  }

  #serve(seconds: number, command: Command): string {
    const unseen = command.arg('unseen')
    const limit = Number(unseen ?? 8_000)
    const allFresh = command.words[1] === 'fresh'
    const queue = new Queue(this.#now, Number(command.arg('rate')), limit, allFresh)
    const lines: string[] = []
    for (let second = 0; second < seconds; second++) {
      queue.counts = { served: 0, refused: 0, dropped: 0, longest: 0 }
      for (let sample = 0; sample < 1_000 / SAMPLE_MS; sample++) {
        this.#now = after(this.#now, millis(SAMPLE_MS))
        const { shortest, busy, messages } = queue.serve(this.#now, this.#overload)
        const waited = unseen === undefined ? shortest : undefined
        const late = millis(0)
        this.#overload.sample({ late, waited, busy, work: busy, messages }, this.#now)
      }
      const { served, refused, dropped, longest } = queue.counts
      const share = (this.#overload.share * 100).toFixed(0)
      lines.push(
        `served ${served}, refused ${refused}, dropped ${dropped}, ` +
          `longest wait ${longest.toFixed(0)} ms, refusing ${share} %`,
      )
    }
    return lines.join('\n')
  }
}

/** A queue and the one who serves it. */
class Queue {
  counts = { served: 0, refused: 0, dropped: 0, longest: 0 }
  readonly #every: number
  readonly #limit: number
  readonly #allFresh: boolean
  #waiting: number[] = []
  #count = 0
  #arrives: number
  #free: number

  constructor(now: Millis, rate: number, limit: number, allFresh: boolean) {
    this.#arrives = now
    this.#free = now
    this.#every = 1_000 / rate
    this.#limit = limit
    this.#allFresh = allFresh
  }

  serve(
    until: Millis,
    overload: Overload,
  ): { readonly shortest: Millis | undefined; readonly busy: number; readonly messages: number } {
    let shortest = Number.POSITIVE_INFINITY
    let messages = 0
    let idle = 0
    while (this.#free < until) {
      this.#arriveBy(this.#free)
      const came = this.#waiting.shift()
      if (came === undefined) {
        idle += Math.min(this.#arrives, until) - this.#free
        this.#free = Math.min(this.#arrives, until)
        continue
      }
      messages++
      const waited = this.#free - came
      shortest = Math.min(shortest, waited)
      const refused = overload.refuses(this.#nextKind())
      this.#free += refused ? REFUSAL_MS : WORK_MS
      if (refused) this.counts.refused++
      else this.counts.served++
      if (!refused) this.counts.longest = Math.max(this.counts.longest, waited)
    }
    const busy = 1 - idle / SAMPLE_MS
    return { shortest: messages === 0 ? undefined : millis(shortest), busy, messages }
  }

  /** Half of them carry credentials, unless all are fresh. */
  #nextKind(): 'fresh' | 'answering' {
    this.#count++
    return this.#allFresh || this.#count % 2 === 0 ? 'fresh' : 'answering'
  }

  #arriveBy(time: number): void {
    for (; this.#arrives <= time; this.#arrives += this.#every)
      if (this.#waiting.length < this.#limit) this.#waiting.push(this.#arrives)
      else this.counts.dropped++
  }
}
