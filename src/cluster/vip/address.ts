//! The virtual address on its interface: put there for a short time, again and again, so that the
//! kernel takes it away when nobody does; and told to the neighbours.

import { execFile } from 'node:child_process'
import type { Log } from '../../base/host.ts'
import type { VipSettings } from '../settings.ts'
import type { OnStarted } from './gate.ts'

/** Seconds. The last resort, when everything else is stuck: the gate is shut long before. */
const VALID_FOR = 3
const REFRESH_EVERY_MS = 800
/** Neighbours may miss some, and switches learn late. */
const ANNOUNCE_AT_MS = [0, 60, 200, 500, 1_000, 2_000, 4_000]

export type Announce = (interfaceName: string, address: string) => string

export type AddressParts = {
  readonly vip: VipSettings
  readonly log: Log
  readonly announce: Announce
  readonly onStarted: OnStarted
  /** It could not be put there, or kept: this node cannot serve. */
  readonly onLost: (why: string) => void
}

export class Address {
  readonly #parts: AddressParts
  #refreshing: NodeJS.Timeout | undefined
  #announcing: NodeJS.Timeout[] = []
  #isSaid = false
  /** One after the other: what was asked for last is what holds. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(parts: AddressParts) {
    this.#parts = parts
  }

  /** Before the gate opens: nobody is answered by it yet. */
  add(): void {
    if (this.#refreshing !== undefined) return
    this.#refreshing = setInterval(() => void this.#put(), REFRESH_EVERY_MS)
    void this.#put()
  }

  /** Once the gate is open: before, nothing would leave. */
  announce(): void {
    const { vip } = this.#parts
    const tell = (): void => {
      const why = this.#parts.announce(vip.interface, vip.address)
      if (why !== '') this.#complain(why)
    }
    this.#announcing = ANNOUNCE_AT_MS.map((delay) => setTimeout(tell, delay))
  }

  async remove(): Promise<void> {
    clearInterval(this.#refreshing)
    this.#refreshing = undefined
    for (const each of this.#announcing) clearTimeout(each)
    this.#announcing = []
    // Not there is what is wanted.
    await this.#ip('del')
  }

  async #put(): Promise<void> {
    if (this.#refreshing === undefined) return
    const lifetime = ['valid_lft', String(VALID_FOR), 'preferred_lft', String(VALID_FOR)]
    const why = await this.#ip('replace', ...lifetime)
    if (why === undefined) return
    if (this.#refreshing !== undefined) this.#parts.onLost(why)
  }

  /** Undefined when it was done, else what `ip` says. */
  #ip(what: 'replace' | 'del', ...more: readonly string[]): Promise<string | undefined> {
    const { address, prefix, interface: name } = this.#parts.vip
    const args = ['addr', what, `${address}/${prefix}`, 'dev', name, ...more]
    const done = this.#last.then(() => run(args, this.#parts.onStarted))
    this.#last = done
    return done
  }

  /** Once: it goes on being so. */
  #complain(why: string): void {
    if (this.#isSaid) return
    this.#isSaid = true
    const effect = 'neighbours notice only when their ARP entries expire'
    this.#parts.log('error', 'vip.not-announced', { why, effect })
  }
}

function run(args: readonly string[], onStarted: OnStarted): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = execFile('ip', args, { timeout: 2_000 }, (error, _, stderr) =>
      resolve(error === null ? undefined : stderr.trim() || error.message),
    )
    onStarted(child.pid)
  })
}
