//! Looks at the running product every few seconds, and says in the end whether it grew.

import { performance } from 'node:perf_hooks'
import { cpuTime, withheldSince } from '../harness/machine.ts'
import type { Product } from '../harness/product.ts'
import { Figures, openFiles, residentMebibytes } from './metrics.ts'

export type Sample = {
  /** Since the watch began. */
  readonly seconds: number
  readonly resident: number
  readonly heap: number
  /** Buffers and the like, outside of the heap. */
  readonly external: number
  readonly files: number
  /** Milliseconds, of the time since the last sample. */
  readonly lag: number
  readonly lagMax: number
  /** Share of the CPU time wanted on this machine that a hypervisor gave to others, 0 to 1. */
  readonly withheld: number
  readonly figures: Figures
}

export type Trend = {
  readonly perHour: number
  readonly mean: number
  /** Over the time that was looked at. */
  readonly growth: number
}

const EVERY_MS = 5_000

export class Watch {
  readonly samples: Sample[] = []
  readonly #product: Product
  readonly #began = performance.now()
  #cpu = cpuTime()
  #timer: NodeJS.Timeout | undefined
  #looking = Promise.resolve()
  missed = 0

  constructor(product: Product) {
    this.#product = product
    this.#timer = setInterval(() => this.#look(), EVERY_MS)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.#looking
  }

  get last(): Sample | undefined {
    return this.samples.at(-1)
  }

  #look(): void {
    this.#looking = this.#looking.then(async () => {
      try {
        const figures = await Figures.of(this.#product)
        const cpu = cpuTime()
        const withheld = withheldSince(this.#cpu, cpu)
        this.#cpu = cpu
        this.samples.push({
          seconds: (performance.now() - this.#began) / 1000,
          resident: residentMebibytes(this.#product.process),
          heap: figures.get('nodejs_heap_size_used_bytes') / 2 ** 20,
          external: figures.get('nodejs_external_memory_bytes') / 2 ** 20,
          files: openFiles(this.#product.process),
          lag: figures.get('nodejs_eventloop_lag_p99_seconds') * 1000,
          lagMax: figures.get('nodejs_eventloop_lag_max_seconds') * 1000,
          withheld,
          figures,
        })
      } catch {
        // Too busy to answer, or dead: what the load sees of it says which.
        this.missed++
      }
    })
  }
}

/** A straight line through what `of` says of the last two thirds of the samples. */
export function trend<S extends { readonly seconds: number }>(
  samples: readonly S[],
  of: (sample: S) => number,
): Trend {
  const late = samples.slice(Math.floor(samples.length / 3))
  const count = Math.max(1, late.length)
  const meanTime = late.reduce((sum, { seconds }) => sum + seconds, 0) / count
  const mean = late.reduce((sum, sample) => sum + of(sample), 0) / count
  let covariance = 0
  let variance = 0
  for (const sample of late) {
    covariance += (sample.seconds - meanTime) * (of(sample) - mean)
    variance += (sample.seconds - meanTime) ** 2
  }
  const slope = variance === 0 ? 0 : covariance / variance
  const span = (late.at(-1)?.seconds ?? 0) - (late[0]?.seconds ?? 0)
  return { perHour: slope * 3600, mean, growth: slope * span }
}
