//! What a simulated person does with a phone: everything a person does, at the wrong moment too.

import type { Random } from '../../src/base/random.ts'
import { millis } from '../../src/base/time.ts'
import type { SipRequest } from '../../src/sip/message/message.ts'
import type { PhoneCall } from '../harness/phone-call.ts'
import type { Direction } from '../harness/phone-sdp.ts'
import type { PhoneHabits, ScriptedPhone } from '../harness/phone.ts'
import type { World } from '../harness/world.ts'

const DIRECTIONS: readonly Direction[] = ['sendonly', 'inactive', 'c=0', 'sendrecv', 'sendrecv']
const REFUSALS = [486, 603, 480, 404, 500, 503]

export type Habits = PhoneHabits & {
  /** No more ideas: what is up stays up, and nothing new begins. */
  rest(): void
  /** Hangs up what is up. */
  retire(): void
  /** What was done, how often. */
  readonly done: Map<string, number>
}

export type Office = {
  readonly world: World
  readonly targets: readonly string[]
  /** Whose calls one may take over. */
  readonly phones: readonly ScriptedPhone[]
  /** After which a call that nobody answers is given up; a minute and a half. */
  readonly patience?: number
}

export function habitsOf(office: Office, phone: ScriptedPhone): Habits {
  return new Person(office, phone)
}

class Person implements Habits {
  readonly done = new Map<string, number>()
  readonly #world: World
  readonly #random: Random
  readonly #phone: ScriptedPhone
  readonly #office: Office
  readonly #seen = new Set<PhoneCall>()
  #resting = false
  #retired = false

  constructor(office: Office, phone: ScriptedPhone) {
    this.#world = office.world
    this.#phone = phone
    this.#random = phone.random
    this.#office = office
  }

  rest(): void {
    this.#resting = true
  }

  retire(): void {
    this.#retired = true
    for (const call of this.#phone.calls) this.#hangUp(call)
  }

  onIncoming(call: PhoneCall): void {
    const { random } = this
    if (this.#resting) return this.#soon(500, () => call.reject(480))
    if (random.chance(1, 12)) return this.#note('ignores')
    if (random.chance(1, 6)) {
      const status = random.chance(1, 3) ? 302 : this.#pick(REFUSALS)
      const headers = status === 302 ? [['contact', `<${this.#target()}>`] as const] : []
      return this.#soon(2_000, () => {
        this.#note(`rejects ${status}`)
        call.reject(status, headers)
      })
    }
    if (random.chance(3, 4)) this.#soon(300, () => call.ring())
    const reliably = this.#phone.options.supported.includes('100rel') && call.allowsReliable
    if (random.chance(1, 4)) this.#soon(900, () => call.ring(183, true, reliably))
    this.#soon(random.chance(1, 10) ? 30_000 : 4_000, () => call.answer())
  }

  onChange(call: PhoneCall): void {
    if (call.state === 'ended') return void this.#seen.delete(call)
    if (this.#retired && call.state === 'up') return this.#soon(200, () => this.#hangUp(call))
    if (call.state !== 'up' || this.#seen.has(call)) return
    this.#seen.add(call)
    this.#note(`${call.way} up`)
    for (let deed = this.random.below(5); deed > 0; deed--)
      this.#soon(12_000, () => this.#act(call))
    this.#soon(40_000, () => {
      if (!this.#resting) this.#hangUp(call)
    })
  }

  answerTo(request: SipRequest): number {
    if (request.method === 'OPTIONS') return 200
    return this.random.chance(1, 10) ? 0 : 200
  }

  get random(): Random {
    return this.#random
  }

  /** Dials somebody, and may think better of it. */
  dial(): void {
    if (this.#resting || this.#phone.calls.filter((call) => call.isLive).length > 1) return
    const headers: (readonly [string, string])[] = []
    if (this.random.chance(1, 8)) headers.push(['privacy', 'id'])
    const taken = this.random.chance(1, 6) ? this.#callOfAnother() : undefined
    if (taken !== undefined) headers.push(['replaces', taken.replaces])
    const call = this.#phone.call(this.#target(), { sdp: !this.random.chance(1, 6), headers })
    this.#note(taken === undefined ? 'dials' : `takes over ${taken.state}`)
    if (this.random.chance(1, 5)) this.#soon(3_000, () => call.cancel())
    // Nobody waits for ever.
    this.#soon(this.#office.patience ?? 90_000, () => call.cancel())
  }

  #act(call: PhoneCall): void {
    if (call.state !== 'up' || this.#resting) return
    const { random } = this
    const deed = random.below(12)
    if (deed < 5) {
      const update = this.#phone.options.allowsUpdate && random.chance(1, 2)
      const method = update ? 'UPDATE' : 'INVITE'
      if (call.offer(method, this.#pick(DIRECTIONS))) this.#note(`offers by ${method}`)
    } else if (deed < 7) {
      this.#note('sends INFO')
      call.send(random.chance(1, 2) ? 'INFO' : 'MESSAGE')
    } else if (deed < 9) {
      this.#note('transfers blindly')
      call.refer(`<${this.#target()}>`)
    } else if (deed < 11) this.#transferBetween(call)
    else call.send('OPTIONS')
  }

  #transferBetween(call: PhoneCall): void {
    const other = this.#phone.calls.find((each) => each !== call && each.state === 'up')
    if (other === undefined) return this.dial()
    this.#note('transfers attended')
    const replaces = encodeURIComponent(other.replaces)
    call.refer(`<${other.target}?Replaces=${replaces}>`)
  }

  #hangUp(call: PhoneCall): void {
    if (call.state === 'up') {
      // A 2xx that was not acknowledged yet: BYE has to wait (RFC 3261 §15).
      if (call.awaitingAck !== undefined) return this.#soon(1_000, () => this.#hangUp(call))
      call.bye()
    } else if (call.way === 'outgoing') call.cancel()
    else call.reject(480)
  }

  /** As a lamp on the desk shows it, a moment ago. */
  #callOfAnother(): PhoneCall | undefined {
    const other = this.#pick(this.#office.phones)
    return other === this.#phone ? undefined : other.calls.findLast((call) => call.isLive)
  }

  #target(): string {
    return this.#pick(this.#office.targets)
  }

  #pick<T>(from: readonly T[]): T {
    const found = from[this.random.below(from.length)]
    if (found === undefined) throw new Error('nothing to choose from')
    return found
  }

  #soon(within: number, run: () => void): void {
    this.#world.in(millis(1 + this.random.below(within)), run)
  }

  #note(what: string): void {
    this.done.set(what, (this.done.get(what) ?? 0) + 1)
  }
}

export function dial(habits: Habits): void {
  if (habits instanceof Person) habits.dial()
}
