//! The load of a soak, running: calls and registrations at their rates.

import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '../../src/base/random.ts'
import type { Product } from '../harness/product.ts'
import { Calls } from './calls.ts'
import { provision } from './provision.ts'
import { pulse } from './pulse.ts'
import { Registrations } from './registrations.ts'

export type LoadOptions = {
  readonly domain: string
  /** A second. */
  readonly calls: number
  readonly registrations: number
  /** Phones that only register. */
  readonly phones: number
  readonly seed: number
  readonly capacity: number
  readonly hold: { readonly min: number; readonly max: number }
  readonly soundEvery: number
  /** Others send to these phones too. */
  readonly strangers?: boolean
  /** The extensions are there already, from an earlier load of the same size. */
  readonly isProvisioned?: boolean
}

export type Load = {
  readonly calls: Calls
  readonly registrations: Registrations
  /** Nothing new is begun. */
  readonly stop: () => void
  readonly close: () => Promise<void>
}

/** A call takes some seconds, and a pair has one at a time. */
const PAIRS_PER_RATE = 20
const READY_MS = 60_000

/** Begins the calls when every callee has registered. */
export async function startLoad(product: Product, options: LoadOptions): Promise<Load> {
  const { domain, seed } = options
  const pairs = Math.max(10, Math.ceil(options.calls * PAIRS_PER_RATE))
  const server = { address: '127.0.0.1', port: product.ports['udp'] ?? 0 }
  const users = 2 * pairs + options.phones
  if (options.isProvisioned !== true) await provision(product, domain, users)
  const calls = await Calls.open({
    server,
    domain,
    pairs,
    random: seededRandom(seed),
    capacity: options.capacity,
    hold: options.hold,
    soundEvery: options.soundEvery,
    strangers: options.strangers ?? false,
  })
  const callees = (user: number): boolean => user < 2 * pairs
  const registrations = await Registrations.open({
    server,
    domain,
    callees,
    calleePort: calls.calleePort,
    random: seededRandom(seed + 1),
    first: 0,
    last: users - 1,
  })
  const stops = [pulse(options.registrations, () => registrations.one())]
  const deadline = Date.now() + READY_MS + (2 * pairs * 1000) / options.registrations
  while (!registrations.isReady) {
    if (Date.now() > deadline)
      throw new Error(`callees did not register: ${registrations.failures.lines().join('; ')}`)
    await sleep(100)
  }
  stops.push(pulse(options.calls, () => calls.one()))
  return {
    calls,
    registrations,
    stop: () => stops.forEach((stop) => stop()),
    async close() {
      await registrations.close()
      await calls.close()
    },
  }
}
