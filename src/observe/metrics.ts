//! What is counted and measured, for Prometheus. Names begin with `pbx_`, units come last.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

export type Labels = Readonly<Record<string, string>>

/** Counts up by one, or by `by`. */
export type Count = (labels?: Labels, by?: number) => void
/** Takes one measurement, in the unit its name ends with. */
export type Observe = (value: number, labels?: Labels) => void

export class Metrics {
  readonly #registry = new Registry()

  constructor(node: string) {
    this.#registry.setDefaultLabels({ node })
    collectDefaultMetrics({ register: this.#registry, prefix: 'pbx_' })
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
    return this.#registry.metrics()
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  #named(name: string, help: string): { name: string; help: string; registers: [] } {
    return { name: `pbx_${name}`, help, registers: [] }
  }
}
