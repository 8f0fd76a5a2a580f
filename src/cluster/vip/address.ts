//! The virtual addresses on their interface: put there for a short time, again and again, so that
//! the kernel takes them away when nobody does; and told to the neighbours.

import { isIPv6 } from 'node:net'
import { Announcer, type AnnouncerParts } from './announcer.ts'
import { IP } from './ip.ts'
import { Resident } from './resident.ts'

/** Seconds. The last resort, when everything else is stuck: the gate is shut long before. */
const VALID_FOR = 3
const REFRESH_EVERY_MS = 800

export type AddressParts = AnnouncerParts & {
  /** It could not be put there, or kept: this node cannot serve. */
  readonly onLost: (why: string) => void
}

export class Address {
  readonly #parts: AddressParts
  readonly #program = new Resident(IP)
  readonly #announcer: Announcer
  #refreshing: NodeJS.Timeout | undefined

  constructor(parts: AddressParts) {
    this.#parts = parts
    this.#announcer = new Announcer(parts)
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

  /** One of them was taken away by somebody else: true when it is put back. */
  async putBack(address: string): Promise<boolean> {
    if (this.#refreshing === undefined) return false
    if (!this.#parts.vip.addresses.some((each) => each.address === address)) return false
    await this.#put()
    return this.#refreshing !== undefined
  }

  async remove(): Promise<void> {
    clearInterval(this.#refreshing)
    this.#refreshing = undefined
    this.#announcer.stop()
    // Not there is what is wanted.
    await this.#ip('del')
  }

  /** Lets go of `ip`; what is there goes by itself. */
  stop(): void {
    this.#program.stop()
  }

  async #put(): Promise<void> {
    if (this.#refreshing === undefined) return
    const lifetime = ['valid_lft', String(VALID_FOR), 'preferred_lft', String(VALID_FOR)]
    const why = await this.#ip('replace', ...lifetime)
    if (why === undefined) return
    if (this.#refreshing !== undefined) this.#parts.onLost(why)
  }

  /** Undefined when it was done, else what `ip` says. */
  async #ip(what: 'replace' | 'del', ...more: readonly string[]): Promise<string | undefined> {
    const { addresses, interface: name } = this.#parts.vip
    const commands = addresses.map(({ address, prefix }) => {
      // Nobody else has it, and waiting until that is certain takes a second (RFC 4862 §5.4).
      const nodad = what === 'replace' && isIPv6(address) ? ['nodad'] : []
      return ['addr', what, `${address}/${prefix}`, 'dev', name, ...nodad, ...more].join(' ')
    })
    const answer = await this.#program.tell(commands.join('\n'))
    return typeof answer === 'string' ? undefined : answer.why
  }
}
