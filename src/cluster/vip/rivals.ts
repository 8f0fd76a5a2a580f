//! Whether another host says that the virtual addresses are its own: it is asked now and then, by
//! who has them. Frames may be late, and whoever had an address before may just have let go of it:
//! what is said twice in a row counts.

import { readdirSync, readFileSync } from 'node:fs'
import type { Cancel, Host } from '../../base/host.ts'
import type { Result } from '../../base/result.ts'
import { after, millis } from '../../base/time.ts'
import type { Native } from '../../native/load.ts'
import type { VipSettings } from '../settings.ts'

/** Whoever is there answers within some milliseconds. */
export const PATIENCE = millis(500)
const AGAIN = millis(1_000)
/** No more often than an address may be defended (DEFEND_INTERVAL, RFC 5227 §1.1). */
const EVERY = millis(10_000)

/** How others are heard of; `own` are the Ethernet addresses of this host. */
export type Ears = Pick<Native, 'askForClaims' | 'claims'> & {
  readonly own: () => ReadonlySet<string | undefined>
}

export type RivalsParts = {
  readonly host: Pick<Host, 'now' | 'wake' | 'log'>
  readonly vip: VipSettings
  readonly ears: Ears
  /** Nobody else can have the addresses now. */
  readonly isOurs: () => boolean
  /** They are told once more who has them. */
  readonly defend: () => void
  readonly onChanged: () => void
}

export class Rivals {
  readonly #parts: RivalsParts
  #next: Cancel | undefined
  /** In the last round. */
  #heard = ''
  #conflict = ''
  #isSaid = false

  constructor(parts: RivalsParts) {
    this.#parts = parts
  }

  /** Undefined when nobody else has them. */
  get conflict(): string | undefined {
    return this.#conflict === '' ? undefined : `${this.#conflict}: ${MEND}`
  }

  /** From when the addresses are here: asking is no part of taking them over. */
  begin(): void {
    this.stop()
    this.#later(AGAIN, () => this.#ask())
  }

  stop(): void {
    this.#next?.()
    this.#heard = ''
    this.#conflict = ''
  }

  #ask(): void {
    const { vip, ears, isOurs } = this.#parts
    if (!isOurs()) return this.#later(AGAIN, () => this.#ask())
    for (const { address } of vip.addresses) {
      // What was said before does not count.
      ears.claims(vip.interface, address)
      const why = ears.askForClaims(vip.interface, address)
      if (why !== '') this.#complain(why)
    }
    this.#later(PATIENCE, () => this.#hear())
  }

  #hear(): void {
    const { vip, ears, isOurs, defend } = this.#parts
    const others = vip.addresses.flatMap(({ address }) => {
      const macs = othersIn(ears, vip.interface, address)
      return macs.length === 0 ? [] : [`${macs.join(' and ')} has ${address} as well`]
    })
    const heard = isOurs() ? others.join('; ') : ''
    if (heard !== '') defend()
    const isSettled = heard === this.#heard
    this.#heard = heard
    if (isSettled) this.#conclude(heard)
    this.#later(isSettled ? EVERY : AGAIN, () => this.#ask())
  }

  #conclude(conflict: string): void {
    if (conflict === this.#conflict) return
    const { host, onChanged } = this.#parts
    this.#conflict = conflict
    if (conflict === '') host.log('info', 'vip.conflict-over')
    else host.log('error', 'vip.conflict', { why: conflict, mend: MEND })
    onChanged()
  }

  /** Once: it goes on being so. */
  #complain(why: string): void {
    if (this.#isSaid) return
    this.#isSaid = true
    const effect = 'another host that has the address is not noticed'
    this.#parts.host.log('warn', 'vip.not-asked', { why, effect })
  }

  #later(delay: number, run: () => void): void {
    const { host } = this.#parts
    this.#next = host.wake(after(host.now(), millis(delay)), run)
  }
}

const MEND = 'take it from that host, or phones reach either of the two'

export function othersIn(ears: Ears, interfaceName: string, address: string): readonly string[] {
  const claims = ears.claims(interfaceName, address)
  if (claims === '') return []
  const own = ears.own()
  return claims.split(' ').filter((mac) => !own.has(mac))
}

export function earsOf(native: Result<Native, string>): Ears {
  if (native.ok) return { ...native.value, own: ownMacs }
  return { askForClaims: () => native.error, claims: () => '', own: ownMacs }
}

/** Of all its interfaces: any of them may answer for an address of another (arp_ignore 0). */
function ownMacs(): ReadonlySet<string | undefined> {
  const root = '/sys/class/net'
  return new Set(readdirSync(root).map((name) => macIn(`${root}/${name}/address`)))
}

function macIn(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch {
    return undefined // no interface, or one that has just gone
  }
}
