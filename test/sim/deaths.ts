//! The process that holds the calls is killed, at any instant, and another one goes on.

import { millis, type Millis } from '../../src/base/time.ts'
import type { SipMessage } from '../../src/sip/message/message.ts'
import { callId, cseq } from '../../src/sip/message/views.ts'
import type { CallCounters } from '../../roles/call-manager/call/host/call-counters.ts'
import type { ScriptedPhone } from '../harness/phone.ts'
import type { SimPbx } from '../harness/sim-pbx.ts'
import type { World } from '../harness/world.ts'

/** Longer than a failover may take. */
const DOWN_MAX = 3_000
/** Who is connected notices, and registers anew. */
const BACK_MAX = 5_000

export class Deaths {
  count = 0
  readonly #world: World
  readonly #pbx: SimPbx
  /** Calls that the store has heard of. */
  readonly #known = new Set<string>()
  readonly #before: CallCounters[] = []
  #stackBugs = 0
  /** BYEs without an answer, by Call-ID. */
  readonly #hungUp = new Set<string>()
  /** Calls that ended with their process, before the phone at one end had its BYE. */
  readonly unaware = new Set<string>()

  constructor(world: World, pbx: SimPbx) {
    this.#world = world
    this.#pbx = pbx
    pbx.store.applied(({ command }) => {
      if (command.kind === 'call.saved') this.#known.add(command.id)
      if (command.kind === 'call.ended') this.#known.add(command.id)
    })
  }

  onMessage(direction: 'in' | 'out', message: SipMessage): void {
    if (cseq(message)?.method !== 'BYE') return
    const id = callId(message) ?? ''
    if (direction === 'out' && message.kind === 'request') this.#hungUp.add(id)
    if (direction === 'in' && message.kind === 'response') this.#hungUp.delete(id)
  }

  /** In one world of two, once or more often. */
  plan(phones: readonly ScriptedPhone[], within: Millis): void {
    const { random } = this.#world
    const times = random.chance(1, 2) ? 0 : 1 + random.below(3)
    for (let index = 0; index < times; index++)
      this.#world.in(millis(random.below(within)), () => this.#die(phones))
  }

  /** Calls of which each is to have one record. */
  get accepted(): number {
    return this.#known.size
  }

  counted(what: keyof CallCounters): number {
    let sum = this.#pbx.role.counters().call[what]
    for (const counters of this.#before) sum += counters[what]
    return sum
  }

  get stackBugs(): number {
    return this.#stackBugs + this.#pbx.stack.counters.bugs
  }

  #die(phones: readonly ScriptedPhone[]): void {
    const { random } = this.#world
    const pbx = this.#pbx
    if (!pbx.alive) return
    this.#before.push({ ...pbx.role.counters().call })
    this.#stackBugs += pbx.stack.counters.bugs
    pbx.kill(random.below(pbx.store.underWay + 1))
    pbx.endpoint.reset()
    this.count++
    for (const id of this.#hungUp) this.unaware.add(id)
    this.#world.record(`killed, the ${this.count}. time`)
    this.#world.in(millis(random.below(DOWN_MAX)), () => {
      pbx.start()
      for (const phone of phones)
        if (phone.options.transport !== 'udp')
          this.#world.in(millis(random.below(BACK_MAX)), () => phone.register(7_200))
    })
  }
}
