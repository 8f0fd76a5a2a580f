//! Who may connect: bounds in total, by source, and for strangers, which are connections that have
//! not said anything sensible yet. Pure.

import type { ConnectionLimits } from './limits.ts'

export type Admitted = { readonly address: string; stranger: boolean; open: boolean }
export type Refused = 'too many connections' | 'too many from this address' | 'too many strangers'

type Tally = { connections: number; strangers: number }

export class Admission {
  readonly #limits: ConnectionLimits
  readonly #sources = new Map<string, Tally>()
  #connections = 0

  constructor(limits: ConnectionLimits) {
    this.#limits = limits
  }

  get connections(): number {
    return this.#connections
  }

  admit(address: string): Admitted | Refused {
    const { connections, perSource, strangersPerSource } = this.#limits
    const tally = this.#sources.get(address) ?? { connections: 0, strangers: 0 }
    if (this.#connections >= connections) return 'too many connections'
    if (tally.connections >= perSource) return 'too many from this address'
    if (tally.strangers >= strangersPerSource) return 'too many strangers'
    tally.connections++
    tally.strangers++
    this.#connections++
    this.#sources.set(address, tally)
    return { address, stranger: true, open: true }
  }

  /** It has sent a message or a ping. */
  introduced(admitted: Admitted): void {
    if (!admitted.stranger || !admitted.open) return
    admitted.stranger = false
    const tally = this.#sources.get(admitted.address)
    if (tally !== undefined) tally.strangers--
  }

  release(admitted: Admitted): void {
    if (!admitted.open) return
    this.introduced(admitted)
    admitted.open = false
    this.#connections--
    const tally = this.#sources.get(admitted.address)
    if (tally !== undefined && --tally.connections === 0) this.#sources.delete(admitted.address)
  }
}
