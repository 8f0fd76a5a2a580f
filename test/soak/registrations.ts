//! Phones that register over and over: digest from a fresh challenge each time, mostly refreshes,
//! some leave and come back.

import { performance } from 'node:perf_hooks'
import type { Random } from '../../src/base/random.ts'
import { Digest, header, statusOf } from '../bench/load/text.ts'
import { Wire } from '../bench/load/wire.ts'
import { Repeats } from './repeats.ts'
import { Tally } from './tally.ts'
import { Times } from './times.ts'

export type RegistrationsOptions = {
  readonly server: { readonly address: string; readonly port: number }
  readonly domain: string
  readonly random: Random
  /** Users `u{first}` … `u{last}`, taken in turn. */
  readonly first: number
  readonly last: number
  /** These never leave, and their contact is at `calleePort`. */
  readonly callees: (user: number) => boolean
  readonly calleePort: number
}

type Phone = {
  readonly user: number
  cseq: number
  /** What the last 200 said. */
  isBound: boolean
  /** A REGISTER is under way that wants this. */
  wants: boolean | undefined
  text: string
  since: number
}

const ADDRESS = '127.0.0.1'
const EXPIRES = 600

export class Registrations {
  readonly failures = new Tally()
  readonly times = new Times()
  #done = 0
  #skipped = 0
  #turnedAway = 0
  readonly #options: RegistrationsOptions
  readonly #digest: Digest
  readonly #repeats: Repeats
  readonly #wire: Wire
  readonly #run = Math.floor(performance.timeOrigin + performance.now()).toString(36)
  readonly #phones: Phone[] = []
  /** Turned away; `since` is when they may come back. */
  #returning: Phone[] = []
  #next = 0

  private constructor(options: RegistrationsOptions, wire: Wire) {
    this.#options = options
    this.#wire = wire
    this.#digest = new Digest(options.domain, (user) => `pw-${user}`)
    this.#repeats = new Repeats({
      now: () => performance.now(),
      onGivenUp: (key) => this.#fail(key, 'no answer'),
    })
    for (let user = options.first; user <= options.last; user++)
      this.#phones.push({ user, cseq: 0, isBound: false, wants: undefined, text: '', since: 0 })
  }

  static async open(options: RegistrationsOptions): Promise<Registrations> {
    const opened: { it?: Registrations } = {}
    const wire = await Wire.open(ADDRESS, options.server, (text) => opened.it?.onText(text))
    opened.it = new Registrations(options, wire)
    return opened.it
  }

  get done(): number {
    return this.#done
  }
  get sentAgain(): number {
    return this.#repeats.sentAgain
  }
  /** By overload control. */
  get turnedAway(): number {
    return this.#turnedAway
  }
  /** Turns of phones whose last REGISTER was still under way. */
  get skipped(): number {
    return this.#skipped
  }
  get open(): number {
    return this.#phones.filter(({ wants }) => wants !== undefined).length
  }

  /** Users by what the last 200 said of them; those with a REGISTER under way are in neither. */
  acknowledged(): { readonly bound: readonly number[]; readonly gone: readonly number[] } {
    const settled = this.#phones.filter(({ wants, isBound }) => (wants ?? isBound) === isBound)
    const heard = settled.filter(({ cseq }) => cseq > 1)
    return {
      bound: heard.filter(({ isBound }) => isBound).map(({ user }) => user),
      gone: heard.filter(({ isBound }) => !isBound).map(({ user }) => user),
    }
  }

  contactOf(user: number): string {
    const { callees, calleePort } = this.#options
    return `sip:u${user}@${ADDRESS}:${callees(user) ? calleePort : this.#wire.port}`
  }

  /** Every callee has been told that it is registered. */
  get isReady(): boolean {
    return this.#phones.every(({ user, isBound }) => isBound || !this.#options.callees(user))
  }

  /** The next phone's turn, or that of one that was turned away. */
  one(): void {
    const phone = this.#returned() ?? this.#phones[this.#next]
    if (phone === this.#phones[this.#next]) this.#next = (this.#next + 1) % this.#phones.length
    if (phone === undefined) return
    if (phone.wants !== undefined) return void this.#skipped++
    const { callees, random } = this.#options
    const leaves = phone.isBound && !callees(phone.user) && random.chance(3, 100)
    phone.wants = !leaves
    phone.since = performance.now()
    this.#send(phone, '')
  }

  #returned(): Phone | undefined {
    const now = performance.now()
    const at = this.#returning.findIndex(({ since }) => since <= now)
    return at === -1 ? undefined : this.#returning.splice(at, 1)[0]
  }

  async close(): Promise<void> {
    this.#repeats.close()
    await this.#wire.close()
  }

  onText(text: string): void {
    const status = statusOf(text)
    if (status < 200) return
    const callId = header(text, 'Call-ID')
    const phone = this.#phones[Number.parseInt(callId, 10) - this.#options.first]
    // An answer to a message sent again, or to an earlier run.
    if (phone?.wants === undefined || !callId.endsWith(this.#run)) return
    if (Number.parseInt(header(text, 'CSeq'), 10) !== phone.cseq) return
    this.#repeats.stop(String(phone.user))
    if (status === 401 && !phone.text.includes('\r\nAuthorization: ')) {
      const uri = `sip:${this.#options.domain}`
      return this.#send(phone, this.#digest.credentials(text, phone.user, 'REGISTER', uri))
    }
    if (status === 503 && text.includes('\r\nRetry-After: ')) {
      const seconds = Number.parseInt(header(text, 'Retry-After'), 10)
      phone.since = performance.now() + 1000 * seconds
      phone.wants = undefined
      this.#returning.push(phone)
      return void this.#turnedAway++
    }
    if (status !== 200) return this.#fail(String(phone.user), String(status))
    const isBound = text.includes(`<${this.contactOf(phone.user)}>`)
    if (isBound !== phone.wants) return this.#fail(String(phone.user), 'wrong contacts in the 200')
    phone.isBound = isBound
    phone.wants = undefined
    this.#done++
    this.times.add(performance.now() - phone.since)
  }

  #fail(key: string, why: string): void {
    const phone = this.#phones[Number(key) - this.#options.first]
    if (phone !== undefined) phone.wants = undefined
    this.failures.add(`REGISTER: ${why}`, `u${key}`)
  }

  #send(phone: Phone, authorization: string): void {
    const { domain } = this.#options
    const { user, wants } = phone
    const cseq = ++phone.cseq
    const branch = `z9hG4bK${this.#run}.${user}.${cseq}`
    phone.text =
      `REGISTER sip:${domain} SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP ${ADDRESS}:${this.#wire.port};branch=${branch}\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:u${user}@${domain}>;tag=${cseq}\r\n` +
      `To: <sip:u${user}@${domain}>\r\nCall-ID: ${user}.${this.#run}\r\n` +
      `CSeq: ${cseq} REGISTER\r\n` +
      `Contact: <${this.contactOf(user)}>;expires=${wants === true ? EXPIRES : 0}\r\n` +
      `User-Agent: soak\r\n${authorization}Content-Length: 0\r\n\r\n`
    this.#repeats.start(String(user), () => this.#wire.send(phone.text))
  }
}
