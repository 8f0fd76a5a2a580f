//! The product's figures, read as Prometheus would.

import { readdirSync, readFileSync } from 'node:fs'
import type { Product } from '../harness/product.ts'

export class Figures {
  readonly #values = new Map<string, number>()

  static async of(product: Product): Promise<Figures> {
    const response = await fetch(`${product.url}/metrics`, {
      headers: { authorization: `Bearer ${product.token}` },
      signal: AbortSignal.timeout(10_000),
    })
    if (!response.ok) throw new Error(`/metrics: ${response.status}`)
    return new Figures(await response.text())
  }

  private constructor(text: string) {
    for (const line of text.split('\n')) {
      const [, name, labels = '', value] = /^(pbx_\w+)(\{[^}]*\})? (\S+)$/.exec(line) ?? []
      if (name === undefined) continue
      const own = [...labels.matchAll(/(\w+)="([^"]*)"/g)].filter(([, key]) => key !== 'node')
      const label = own.map(([, , text]) => text).join(',')
      this.#values.set(label === '' ? name : `${name} ${label}`, Number(value))
    }
  }

  /** `pbx_` is left out; a label's value follows after a space. */
  get(name: string): number {
    const value = this.#values.get(`pbx_${name}`)
    if (value === undefined) throw new Error(`/metrics has no pbx_${name}`)
    return value
  }

  sum(...names: readonly string[]): number {
    return names.reduce((total, name) => total + this.get(name), 0)
  }
}

/** What must be zero when nothing is going on. */
const AT_REST = [
  'calls',
  'cdrs_waiting',
  'media_sessions',
  'media_playing',
  'media_port_pairs lent',
  'sip_transactions client',
  'sip_transactions server',
] as const

/** What is not zero, with its figure. */
export function restless(figures: Figures): readonly string[] {
  return AT_REST.filter((name) => figures.get(name) !== 0).map((name) => {
    return `${name} ${figures.get(name)}`
  })
}

export function residentMebibytes({ pid }: { readonly pid?: number | undefined }): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024
}

export function openFiles({ pid }: { readonly pid?: number | undefined }): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
