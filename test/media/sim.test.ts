//! The engine under seeded chaos: legs offer, answer, withdraw, join, leave in any order, datagrams
//! of all sorts come from everywhere. Checked all along: SDP's duties towards every leg, and that
//! no port is lost.

import { expect, test } from 'vitest'
import { seededRandom, type Random } from '../../src/base/random.ts'
import { millis } from '../../src/base/time.ts'
import type { CallId } from '../../src/control/ids.ts'
import type { MediaId, Sdp } from '../../src/control/media-control.ts'
import type { Answer, MediaRequest } from '../../src/media/protocol.ts'
import { LegDuties } from './leg-duties.ts'
import { ScriptWorld } from './script-world.ts'

const SEEDS = 30
const STEPS = 400
const LEGS = 8

test(`${SEEDS} worlds of ${STEPS} steps`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const chaos = new Chaos(seed)
    await chaos.world.engine.start()
    try {
      for (let step = 0; step < STEPS; step++) {
        chaos.step()
        await opened()
      }
      await chaos.end()
    } catch (error) {
      throw new Error(`seed ${seed}: ${chaos.trail.slice(-12).join('; ')}`, { cause: error })
    }
  }
})

/** The engine opens ports between requests; simulated ones are open by the next turn. */
function opened(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

class Chaos {
  readonly world = new ScriptWorld()
  readonly trail: string[] = []
  readonly #random: Random
  readonly #duties = new LegDuties()

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  step(): void {
    const dice = this.#random.below(100)
    if (dice < 25) this.#offer()
    else if (dice < 45) this.#answer()
    else if (dice < 50) this.#ask({ method: 'withdrawOffer', request: this.#pair() })
    else if (dice < 55) this.#connect()
    else if (dice < 63) this.#answerHere()
    else if (dice < 66) this.#release(this.#leg())
    else if (dice < 70) this.world.world.pass(millis(this.#random.below(4000)))
    else this.#datagram()
  }

  /** All legs gone: every port is back, and every socket accounted for. */
  async end(): Promise<void> {
    for (let number = 0; number < LEGS; number++) this.#release(`leg${number}` as MediaId)
    await opened()
    const status = this.world.engine.status()
    expect(status).toMatchObject({ sessions: 0, playing: 0, ports: { lent: 0 } })
    expect(this.world.hub?.openCount).toBe(2 * (status.ports.ready + status.ports.resting))
  }

  #offer(): void {
    const { call, from, to } = this.#pair()
    const sdp = this.#sdp()
    const restated = this.#random.chance(1, 5)
    const request = { call, from, to, sdp, restated }
    const answer = this.#ask({ method: 'relayOffer', request })
    if (answer !== undefined) this.#duties.told(to, answer)
  }

  #answer(): void {
    const { call, from, to } = this.#pair()
    const sdp = this.#sdp()
    const answer = this.#ask({ method: 'relayAnswer', request: { call, from, to, sdp } })
    if (answer !== undefined) this.#duties.told(to, answer)
  }

  #connect(): void {
    const { call, from, to } = this.#pair()
    const answer = this.#ask({ method: 'connect', request: { call, a: from, b: to } })
    if (answer !== undefined) this.#duties.told(from, answer)
  }

  #answerHere(): void {
    const media = this.#leg()
    const offer = this.#sdp()
    const source = this.#random.chance(1, 2)
      ? ({ kind: 'echo' } as const)
      : ({ kind: 'prompt', name: 'sorry', repeat: this.#random.chance(1, 2) } as const)
    const request = { call: 'call' as CallId, media, offer, source }
    const answer = this.#ask({ method: 'answerHere', request })
    if (answer !== undefined) this.#duties.answeredHere(media, offer, answer)
  }

  #release(media: MediaId): void {
    this.#ask({ method: 'release', media: [media] })
    this.#duties.gone(media)
  }

  #datagram(): void {
    const ports = this.#duties.ports()
    const port = ports[this.#random.below(Math.max(1, ports.length))] ?? 20_000
    const address = `10.0.0.${20 + this.#random.below(4)}`
    const bytes = Buffer.from(Array.from({ length: this.#random.below(60) }, () => this.#byte()))
    if (bytes.length > 1 && this.#random.chance(4, 5)) {
      bytes[0] = this.#random.chance(9, 10) ? 0x80 : 0x80 | this.#random.below(64)
      bytes[1] = this.#random.chance(1, 4) ? 200 + this.#random.below(5) : this.#random.below(128)
    }
    const to = this.#random.chance(1, 5) ? port + 1 : port
    this.world.hub?.deliver(to, address, 4000 + this.#random.below(3), bytes)
  }

  /** The text told, or undefined when there is none or it was refused. */
  #ask(request: MediaRequest): string | undefined {
    const answer: Answer = this.world.ask(request)
    this.trail.push(`${request.method} ${JSON.stringify(answer)?.slice(0, 60)}`)
    if (typeof answer !== 'object' || !('ok' in answer)) return undefined
    return answer.ok && typeof answer.value === 'string' ? answer.value : undefined
  }

  #pair(): { call: CallId; from: MediaId; to: MediaId } {
    return { call: 'call' as CallId, from: this.#leg(), to: this.#leg() }
  }

  #leg(): MediaId {
    return `leg${this.#random.below(LEGS)}` as MediaId
  }

  #byte(): number {
    return this.#random.below(256)
  }

  #sdp(): Sdp {
    const host = this.#random.chance(1, 8) ? '0.0.0.0' : `10.0.0.${20 + this.#random.below(4)}`
    const lines = Array.from({ length: this.#random.below(4) }, () => this.#line())
    const head = `v=0\r\no=- 1 1 IN IP4 ${host}\r\ns=-\r\nc=IN IP4 ${host}\r\nt=0 0\r\n`
    return (head + lines.join('')) as Sdp
  }

  #line(): string {
    const kind = this.#random.chance(2, 3) ? 'audio' : 'video'
    const port = this.#random.chance(1, 6) ? 0 : 4000 + this.#random.below(3)
    const protocol = this.#random.chance(1, 8) ? 'RTP/SAVP' : 'RTP/AVP'
    const formats = ['0', '8', '0 8', '9 8', '18'][this.#random.below(5)]
    const direction = ['', '', '', 'a=sendonly\r\n', 'a=inactive\r\n'][this.#random.below(5)]
    return `m=${kind} ${port} ${protocol} ${formats}\r\n${direction}`
  }
}
