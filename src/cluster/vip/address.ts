//! The virtual addresses on their interface: put there for a short time, again and again, so that
//! the kernel takes them away when nobody does; and told to the neighbours.

import { isIPv4, isIPv6 } from 'node:net'
import { after, millis, seconds } from '../../base/time.ts'
import { ownInterfaces } from '../../native/own-addresses.ts'
import type { VirtualAddress } from '../settings.ts'
import { Announcer, type AnnouncerParts } from './announcer.ts'
import { linkIn, type Link } from './interfaces.ts'
import { IP } from './ip.ts'
import { Resident, type Fault } from './resident.ts'
import { networkOf } from './subnet.ts'

/** Seconds. The last resort, when everything else is stuck: the gate is shut long before. */
const VALID_FOR = 3
const REFRESH_EVERY_MS = 800
/** Worse than that of any address of the host's own: see `routeOf`. */
const METRIC = 1_000_000

export type AddressParts = AnnouncerParts & {
  /** Whenever it has been put there; or why it could not be, or kept. */
  readonly onPut: (fault: Fault | undefined) => void
}

export class Address {
  readonly #parts: AddressParts
  readonly #program = new Resident(IP)
  readonly #announcer: Announcer
  #refreshing: NodeJS.Timeout | undefined
  /** Until then the kernel has one of them, as far as is known. */
  #thereUntil = millis(0)
  #isSaid = false

  constructor(parts: AddressParts) {
    this.#parts = parts
    this.#announcer = new Announcer(parts)
  }

  /** One of them at least. */
  get isThere(): boolean {
    return this.#parts.host.now() < this.#thereUntil
  }

  /** Before the gate opens: nobody is answered by it yet. */
  add(): void {
    if (this.#refreshing !== undefined) return
    this.#refreshing = setInterval(() => void this.#put(), REFRESH_EVERY_MS)
    void this.#put()
  }

  /** Once the gate is open: before, the neighbours would be sent to who does not answer. */
  announce(): void {
    this.#announcer.begin()
  }

  /** Somebody else says that it is elsewhere. */
  defend(): void {
    this.#announcer.repeat()
  }

  /** One of them was taken away by somebody else: true when it is put back. */
  async putBack(address: string): Promise<boolean> {
    if (this.#refreshing === undefined) return false
    if (!this.#parts.vip.addresses.some((each) => each.address === address)) return false
    await this.#put()
    return this.#refreshing !== undefined
  }

  /** As `check`. Unless that was refused they may still be there, and go by themselves. */
  remove(): Promise<Fault | undefined> {
    clearInterval(this.#refreshing)
    this.#refreshing = undefined
    this.#thereUntil = millis(0)
    this.#announcer.stop()
    return this.check()
  }

  /** What `ip` says when it is to take away what is not wanted there, and as a rule is not. */
  async check(): Promise<Fault | undefined> {
    if (this.#refreshing !== undefined) return undefined
    return this.#tell(this.#each((each) => `addr del ${placeOf(each)}`))
  }

  /** As `remove`, also of the length by which earlier releases, or people, put it there. */
  async removeAny(): Promise<Fault | undefined> {
    await this.#tell(this.#each(({ address, prefix }) => `addr del ${address}/${prefix}`))
    return this.remove()
  }

  /** Of the interface that has this name, among others perhaps; undefined while there is none. */
  async link(name: string): Promise<Link | undefined> {
    const answer = await this.#program.tell(`link show dev ${name}`)
    return typeof answer === 'string' ? linkIn(answer) : undefined
  }

  /** Lets go of `ip`; what is there goes by itself. */
  stop(): void {
    this.#program.stop()
  }

  async #put(): Promise<void> {
    if (this.#refreshing === undefined) return
    const lifetime = `valid_lft ${VALID_FOR} preferred_lft ${VALID_FOR}`
    const addresses = this.#each((each) => {
      // Nobody else has it, and waiting until that is certain takes a second (RFC 4862 §5.4).
      const nodad = isIPv6(each.address) ? 'nodad ' : ''
      return `addr replace ${placeOf(each)} ${nodad}${lifetime}`
    })
    const fault = await this.#tell([...addresses, ...this.#each(routeOf)])
    if (this.#refreshing === undefined) return
    this.#note(fault)
    this.#parts.onPut(fault)
  }

  /** Who has not answered has not said that what was put there before is gone. */
  #note(fault: Fault | undefined): void {
    if (fault !== undefined && fault.kind !== 'refused') return
    const isThere = fault === undefined || this.#isAnyThere()
    this.#thereUntil = isThere ? after(this.#parts.host.now(), seconds(VALID_FOR)) : millis(0)
  }

  /** Asked when `ip` has just been answered: both wait for whoever changes interfaces. */
  #isAnyThere(): boolean {
    const { host, vip } = this.#parts
    const all = ownInterfaces()
    if (!all.ok) {
      // It is hoped to be as it was.
      if (!this.#isSaid) host.log('warn', 'vip.interfaces-unknown', { why: all.error })
      this.#isSaid = true
      return this.isThere
    }
    const there = all.value[vip.interface] ?? []
    return vip.addresses.some(({ address }) => there.some((each) => each.address === address))
  }

  /** A line for each address that has one, for the interface. */
  #each(line: (address: VirtualAddress) => string | undefined): readonly string[] {
    const { addresses, interface: name } = this.#parts.vip
    return addresses.flatMap((each) => {
      const own = line(each)
      return own === undefined ? [] : [`${own} dev ${name}`]
    })
  }

  /** Undefined when it was done. What is refused does not keep the next line from it. */
  async #tell(lines: readonly string[]): Promise<Fault | undefined> {
    const answer = await this.#program.tell(lines.join('\n'))
    return typeof answer === 'string' ? undefined : answer
  }
}

/**
 * Of IPv4 alone, whatever its subnet: as the first one of that on the interface it would take the
 * host's own ones along when it goes (unless `promote_secondaries` is set), by whomever.
 */
function placeOf({ address, prefix }: VirtualAddress): string {
  return `${address}/${isIPv4(address) ? 32 : prefix}`
}

/** To its subnet, for a host without an address of its own there. Goes with the address. */
function routeOf(given: VirtualAddress): string | undefined {
  const { address, prefix } = given
  if (!isIPv4(address) || prefix === 32) return undefined
  return `route replace ${networkOf(given)}/${prefix} src ${address} metric ${METRIC}`
}
