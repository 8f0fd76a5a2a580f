//! Tells the neighbours where the virtual addresses are: often at first, as they may miss some, and
//! switches learn late; then now and then, so that whatever a neighbour was told by somebody else
//! does not stay. What is sent passes no gate (AF_PACKET), and whoever was stopped comes to its
//! timers before it hears that another was elected: so each time the clock is asked first.

import type { Cancel, Host } from '../../base/host.ts'
import { after, millis } from '../../base/time.ts'
import type { VipSettings } from '../settings.ts'

/**
 * Between one announcement and the next. Deviation: RFC 4861 §7.2.6 has three at most, a second
 * apart; but nobody is served who still sends to the node before.
 */
const GAPS_MS = [60, 140, 300, 500, 1_000, 2_000]
/** No more often than an address may be defended (DEFEND_INTERVAL, RFC 5227 §1.1). */
const THEN_EVERY_MS = 10_000

/** '' when it was sent, else why not. */
export type Announce = (interfaceName: string, address: string) => string

export type AnnouncerParts = {
  readonly host: Pick<Host, 'now' | 'wake' | 'log'>
  readonly vip: VipSettings
  readonly announce: Announce
  /** Nobody else can have the addresses now. */
  readonly isOurs: () => boolean
}

export class Announcer {
  readonly #parts: AnnouncerParts
  #next: Cancel | undefined
  #isSaid = false

  constructor(parts: AnnouncerParts) {
    this.#parts = parts
  }

  /** Now, and from now on. */
  begin(): void {
    this.stop()
    this.#announce(0)
  }

  /** Once more, out of turn. */
  repeat(): void {
    this.#tell()
  }

  stop(): void {
    this.#next?.()
    this.#next = undefined
  }

  #announce(place: number): void {
    const { host } = this.#parts
    this.#tell()
    const gap = GAPS_MS[place] ?? THEN_EVERY_MS
    this.#next = host.wake(after(host.now(), millis(gap)), () => this.#announce(place + 1))
  }

  #tell(): void {
    const { vip, announce, isOurs } = this.#parts
    for (const { address } of vip.addresses) {
      if (!isOurs()) return
      const why = announce(vip.interface, address)
      if (why !== '') this.#complain(why)
    }
  }

  /** Once: it goes on being so. */
  #complain(why: string): void {
    if (this.#isSaid) return
    this.#isSaid = true
    const effect = 'neighbours notice only when their ARP entries expire'
    this.#parts.host.log('error', 'vip.not-announced', { why, effect })
  }
}
