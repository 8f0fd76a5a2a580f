//! What is counted and measured, for Prometheus. Names begin with `pbx_`, units come last.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string>>

/** Counts up by one, or by `by`. */
export type Count = (labels?: Labels, by?: number) => void
/** Takes one measurement, in the unit its name ends with. */
export type Observe = (value: number, labels?: Labels) => void

/**
 * Of the process. They are watched as long as it lives: a node that serves many times has new
 * metrics each time, and what watched for the old ones would keep all that had served.
 */
let ofProcess: Registry | undefined

function processMetrics(): Registry {
  if (ofProcess !== undefined) return ofProcess
  ofProcess = new Registry()
  collectDefaultMetrics({ register: ofProcess, prefix: 'pbx_' })
  return ofProcess
}

export class Metrics {
  readonly #node: string
  readonly #registry = new Registry()

  constructor(node: string) {
    this.#node = node
    processMetrics()
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Count {
    const counter = new Counter({ ...this.#named(name, help), labelNames: [...labelNames] })
    this.#registry.registerMetric(counter)
    return (labels, by = 1) => counter.inc(labels ?? {}, by)
  }

  /** `read` is asked at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge = new Gauge({
      ...this.#named(name, help),
      collect() {
        this.set(read())
      },
    })
    this.#registry.registerMetric(gauge)
  }

  /** As `gauge`, one number for each value of one label. */
  gaugeBy(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const gauge = new Gauge({
      ...this.#named(name, help),
      labelNames: [label],
      collect() {
        this.reset()
        for (const [value, number] of Object.entries(read())) this.set({ [label]: value }, number)
      },
    })
    this.#registry.registerMetric(gauge)
  }

  /** As `gaugeBy`, of what only ever grows. */
  countedBy(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    const counter = new Counter({
      ...this.#named(name, help),
      labelNames: [label],
      collect() {
        this.reset()
        for (const [value, number] of Object.entries(read())) this.inc({ [label]: value }, number)
      },
    })
    this.#registry.registerMetric(counter)
  }

  histogram(name: string, help: string, buckets: readonly number[]): Observe {
    const histogram = new Histogram({ ...this.#named(name, help), buckets: [...buckets] })
    this.#registry.registerMetric(histogram)
    return (value, labels) => histogram.observe(labels ?? {}, value)
  }

  /** The exposition format of `/metrics`. */
  text(): Promise<string> {
    const all = Registry.merge([processMetrics(), this.#registry])
    all.setDefaultLabels({ node: this.#node })
    return all.metrics()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  #named(name: string, help: string): { name: string; help: string; registers: [] } {
    return { name: `pbx_${name}`, help, registers: [] }
  }
}
