//! Whether another host says that the virtual addresses are its own: it is asked now and then, by
//! who has them. Frames may be late, and whoever had an address before may just have let go of it:
//! an address that somebody says it has, whoever it is, counts when it is so twice in a row.

import { readdirSync, readFileSync } from 'node:fs'
import type { Cancel, Host } from '../../base/host.ts'
import { err, ok, type Result } from '../../base/result.ts'
import { after, millis } from '../../base/time.ts'
import type { Native } from '../../native/load.ts'
import type { VipSettings } from '../settings.ts'

/** Whoever is there answers within some milliseconds. */
export const PATIENCE = millis(500)
const AGAIN = millis(1_000)
/** No more often than an address may be defended (DEFEND_INTERVAL, RFC 5227 §1.1). */
const EVERY = millis(10_000)

/** How others are heard; `own`: the Ethernet addresses of this host, or why not. */
export type Ears = Pick<Native, 'askForClaims' | 'claims'> & {
  readonly own: () => Result<ReadonlySet<string>, string>
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
  /** Of each address: who had it in the last round. */
  readonly #heard = new Map<string, readonly string[]>()
  /** Of each address that somebody has: who. */
  readonly #conflicts = new Map<string, string>()
  /** As it was last told. */
  #told = ''
  #isSaid = false

  constructor(parts: RivalsParts) {
    this.#parts = parts
  }

  /** Undefined when nobody else has them. */
  get conflict(): string | undefined {
    return this.#told === '' ? undefined : `${this.#told}: ${MEND}`
  }

  /** From when the addresses are here: asking is no part of taking them over. */
  begin(): void {
    this.stop()
    this.#later(AGAIN, () => this.#ask())
  }

  stop(): void {
    this.#next?.()
    this.#heard.clear()
    this.#conflicts.clear()
    this.#told = ''
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
    let isSettled = true
    for (const { address } of vip.addresses) {
      const others = othersIn(ears, vip.interface, address)
      if (others.ok) isSettled = this.#note(address, isOurs() ? others.value : []) && isSettled
      // What was heard before has to do.
      else this.#complain(others.error)
    }
    if ([...this.#heard.values()].some((others) => others.length > 0)) defend()
    this.#tell()
    this.#later(isSettled ? EVERY : AGAIN, () => this.#ask())
  }

  /** False when it is to be heard once more. */
  #note(address: string, others: readonly string[]): boolean {
    const before = this.#heard.get(address) ?? []
    this.#heard.set(address, others)
    if (others.length > 0 !== before.length > 0) return false
    // Of two that are heard by turns both.
    const all = [...new Set([...before, ...others])].toSorted()
    if (all.length === 0) this.#conflicts.delete(address)
    else this.#conflicts.set(address, `${named(all)} ${address} as well`)
    return true
  }

  #tell(): void {
    const conflict = [...this.#conflicts.values()].join('; ')
    if (conflict === this.#told) return
    const { host, onChanged } = this.#parts
    this.#told = conflict
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

/** They are told to people. */
const NAMED_MAX = 3

function named(macs: readonly string[]): string {
  const more = macs.length - NAMED_MAX
  if (more > 0) return `${macs.slice(0, NAMED_MAX).join(', ')} and ${more} more have`
  return `${macs.join(' and ')} ${macs.length === 1 ? 'has' : 'have'}`
}

export function othersIn(
  ears: Ears,
  interfaceName: string,
  address: string,
): Result<readonly string[], string> {
  const claims = ears.claims(interfaceName, address)
  if (claims === '') return ok([])
  const own = ears.own()
  return own.ok ? ok(claims.split(' ').filter((mac) => !own.value.has(mac))) : own
}

export function earsOf(native: Result<Native, string>): Ears {
  if (native.ok) return { ...native.value, own: ownMacs }
  return { askForClaims: () => native.error, claims: () => '', own: ownMacs }
}

/** Of all its interfaces: any of them may answer for an address of another (arp_ignore 0). */
function ownMacs(): Result<ReadonlySet<string>, string> {
  const root = '/sys/class/net'
  try {
    return ok(new Set(readdirSync(root).flatMap((name) => macIn(`${root}/${name}/address`))))
  } catch (error) {
    return err(`which of them are this host is not known (${String(error)})`)
  }
}

/** Of what is no interface, or of one that has just gone. */
const NO_FILE = new Set(['ENOENT', 'ENOTDIR', 'ENODEV', 'EINVAL'])

function macIn(file: string): readonly string[] {
  try {
    return [readFileSync(file, 'utf8').trim()]
  } catch (error) {
    if (error instanceof Error && 'code' in error && NO_FILE.has(String(error.code))) return []
    throw error
  }
}
