//! All calls of the load: when they begin, who takes part, which have ended as planned.

import { performance } from 'node:perf_hooks'
import type { Random } from '../../src/base/random.ts'
import { Wire } from '../bench/load/wire.ts'
import type { Call } from './call.ts'
import { Callees } from './callee.ts'
import { Callers } from './caller.ts'
import type { Desk } from './desk.ts'
import { Ledger } from './ledger.ts'
import { drawPlan, expectedOf } from './plans.ts'
import { Repeats } from './repeats.ts'
import { Sound } from './sound.ts'
import { Tally } from './tally.ts'
import { Times } from './times.ts'

export type CallsOptions = {
  readonly server: { readonly address: string; readonly port: number }
  readonly domain: string
  readonly random: Random
  /** Pair p is caller `u{2p}` and callee `u{2p+1}`; a pair has one call at a time. */
  readonly pairs: number
  /** Calls at most, in all. */
  readonly capacity: number
  readonly hold: { readonly min: number; readonly max: number }
  /** One answered call in so many has real packets; 0 for none. */
  readonly soundEvery: number
  /** Others send to the phones too: what none of these calls explains is no failure. */
  readonly strangers: boolean
}

/** Longer than anything in SIP takes that is not rung out. */
const STUCK_MS = 70_000
/** Long enough to tell lost packets from late ones. */
const SOUND_HOLD = { min: 2_500, max: 4_000 }
const ADDRESS = '127.0.0.1'

export class Calls {
  readonly failures = new Tally()
  readonly answerTimes = new Times()
  readonly ledger: Ledger
  readonly calleePort: number
  #done = 0
  #failed = 0
  #skipped = 0
  #turnedAway = 0
  readonly #repeated: Record<string, number> = {}
  readonly #options: CallsOptions
  readonly #wires: readonly Wire[]
  readonly #sound: Sound
  readonly #repeats: Repeats
  readonly #callers: Callers
  readonly #callees: Callees
  readonly #live = new Map<number, Call>()
  readonly #byPair: (Call | undefined)[] = []
  readonly #free: number[] = []
  readonly #watch: NodeJS.Timeout

  private constructor(options: CallsOptions, caller: Wire, callee: Wire, sound: Sound) {
    this.#options = options
    this.#wires = [caller, callee]
    this.#sound = sound
    this.calleePort = callee.port
    const run = `c${Math.floor(performance.timeOrigin + performance.now()).toString(36)}`
    this.ledger = new Ledger(run, options.capacity)
    this.#repeats = new Repeats({
      now: () => performance.now(),
      onGivenUp: (key) => this.#giveUp(key),
    })
    const desk = this.#desk()
    this.#callers = new Callers(desk, caller)
    this.#callees = new Callees(desk, callee)
    for (let pair = 0; pair < options.pairs; pair++) this.#free.push(pair)
    this.#watch = setInterval(() => this.#lookForStuck(), 1_000)
  }

  static async open(options: CallsOptions): Promise<Calls> {
    const opened: { it?: Calls } = {}
    const { server } = options
    const caller = await Wire.open(ADDRESS, server, (text) => opened.it?.onCallerText(text))
    const callee = await Wire.open(ADDRESS, server, (text) => opened.it?.onCalleeText(text))
    opened.it = new Calls(options, caller, callee, await Sound.open())
    return opened.it
  }

  get done(): number {
    return this.#done
  }
  get failed(): number {
    return this.#failed
  }
  /** Calls that never began: no pair was free. */
  get skipped(): number {
    return this.#skipped
  }
  /** By overload control. */
  get turnedAway(): number {
    return this.#turnedAway
  }
  get open(): number {
    return this.#live.size
  }
  get sentAgain(): number {
    return this.#repeats.sentAgain
  }
  get packets(): number {
    return this.#sound.packets
  }
  /** What the product has sent again. */
  get repeated(): Readonly<Record<string, number>> {
    return this.#repeated
  }

  one(): void {
    const { random, domain, soundEvery } = this.#options
    const pair = this.#free.shift()
    if (pair === undefined || this.ledger.isFull) return void this.#skipped++
    const plan = drawPlan(random)
    const serial = this.ledger.begin(plan)
    const callee = plan === 'unknown' ? `nobody${pair}` : `u${2 * pair + 1}`
    const caller = {
      callId: this.ledger.callId(serial),
      local: `<sip:u${2 * pair}@${domain}>;tag=${serial}r`,
      remote: `<sip:${callee}@${domain}>`,
      target: `sip:${callee}@${domain}`,
      routes: '',
      cseq: 1,
    }
    const sounds = soundEvery > 0 && serial % soundEvery === 0 && expectedOf(plan).answered
    const rest = { invite: '', ack: '', answer: '', refusal: '', ringing: false, sounds }
    const over = { callerOver: false, calleeOver: plan === 'unknown', calleeLeaves: false }
    const since = performance.now()
    const call: Call = {
      serial,
      pair,
      plan,
      since,
      caller,
      callee: undefined,
      phase: 'calling',
      ...rest,
      ...over,
    }
    this.#live.set(serial, call)
    this.#byPair[pair] = call
    this.#callers.begin(call)
  }

  onCallerText(text: string): void {
    this.#callers.onText(text)
  }

  onCalleeText(text: string): void {
    this.#callees.onText(text)
  }

  async close(): Promise<void> {
    clearInterval(this.#watch)
    this.#repeats.close()
    this.#sound.close()
    this.#live.clear()
    for (const wire of this.#wires) await wire.close()
  }

  #desk(): Desk {
    const { domain, random, hold } = this.#options
    return {
      domain,
      random,
      hold: ({ sounds }) => (sounds ? SOUND_HOLD : hold),
      ledger: this.ledger,
      repeats: this.#repeats,
      failures: this.failures,
      answerTimes: this.answerTimes,
      sound: this.#sound,
      unasked: (what, callId) => {
        if (!this.#options.strangers) this.failures.add(what, callId)
      },
      repeated: (what) => void (this.#repeated[what] = (this.#repeated[what] ?? 0) + 1),
      call: (serial) => this.#live.get(serial),
      callOfPair: (pair) => this.#byPair[pair],
      fail: (call, why) => this.#fail(call, why),
      turnedAway: (call) => {
        this.#turnedAway++
        if (this.#remove(call)) this.ledger.turnedAway(call.serial)
      },
      over: (call, end) => this.#over(call, end),
      later: (call, min, max, run) => {
        setTimeout(
          () => {
            if (this.#live.get(call.serial) === call) run()
          },
          min + random.below(max - min + 1),
        )
      },
    }
  }

  #over(call: Call, end: 'caller' | 'callee'): void {
    if (end === 'caller') call.callerOver = true
    else call.calleeOver = true
    if (!call.callerOver || !call.calleeOver || !this.#remove(call)) return
    const wrong = call.sounds ? this.#sound.stop(call.serial) : undefined
    if (wrong !== undefined)
      this.failures.add(wrong.fault, `${call.caller.callId}: ${wrong.detail}`)
    this.ledger.ended(call.serial)
    this.#done++
  }

  #fail(call: Call, why: string): void {
    if (!this.#remove(call)) return
    this.#sound.stop(call.serial)
    this.ledger.failed(call.serial)
    this.failures.add(why, call.caller.callId)
    this.#failed++
  }

  /** False when it is gone already. The pair rests at the end of the queue. */
  #remove(call: Call): boolean {
    if (!this.#live.delete(call.serial)) return false
    if (this.#byPair[call.pair] === call) this.#byPair[call.pair] = undefined
    this.#free.push(call.pair)
    for (const what of ['INVITE', 'CANCEL', 'BYE', '200'])
      this.#repeats.stop(`${what} ${call.serial}`)
    return true
  }

  #giveUp(key: string): void {
    const [what = '', serial = ''] = key.split(' ')
    const call = this.#live.get(Number(serial))
    if (call !== undefined) this.#fail(call, `${what} was never answered`)
  }

  #lookForStuck(): void {
    const long = performance.now() - STUCK_MS
    for (const call of this.#live.values()) {
      if (call.since > long) break
      const { plan, phase, callerOver, calleeOver } = call
      const sides = `${callerOver ? '' : ' caller'}${calleeOver ? '' : ' callee'}`
      this.#fail(call, `"${plan}" stuck in ${phase}, missing${sides}`)
    }
  }
}
