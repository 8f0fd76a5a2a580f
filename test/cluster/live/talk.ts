//! Two real phones that talk, and whether each hears the other now.

import { statSync } from 'node:fs'
import { Baresip } from '../../harness/baresip.ts'
import { measureTone } from '../../harness/sound.ts'
import { lastOfWav } from '../../harness/wav.ts'
import type { Trio } from './trio.ts'

/** Each end's own, so that nobody takes an echo for the other. */
const TONES = { caller: 1_017, callee: 1_433 } as const
const LISTEN_SECONDS = 1
/** Of that second, in milliseconds. */
const HEARD_MIN = 700

export type TalkOptions = {
  readonly numbers: readonly [caller: string, callee: string]
  /** Last bytes of their addresses. */
  readonly hosts: readonly [number, number]
  readonly transport: 'udp' | 'tcp'
}

type Ends = { readonly caller: Baresip; readonly callee: Baresip }

export class Talk {
  readonly #trio: Trio
  readonly #callee: string
  readonly #ends: Ends
  readonly transport: TalkOptions['transport']

  private constructor(trio: Trio, options: TalkOptions, ends: Ends) {
    this.#trio = trio
    this.#callee = options.numbers[1]
    this.#ends = ends
    this.transport = options.transport
  }

  static async begin(trio: Trio, options: TalkOptions): Promise<Talk> {
    const { numbers, hosts, transport } = options
    const caller = await trio.phone(numbers[0], hosts[0], transport, TONES.caller)
    const callee = await trio.phone(numbers[1], hosts[1], transport, TONES.callee)
    const talk = new Talk(trio, options, { caller, callee })
    await talk.dial()
    return talk
  }

  async dial(): Promise<void> {
    const { caller, callee } = this.#ends
    caller.dial(this.#callee)
    await callee.event('CALL_INCOMING')
    callee.accept()
    await caller.event('CALL_ESTABLISHED')
  }

  /** Ends what there may be, on both sides. */
  hangUp(): void {
    for (const phone of Object.values(this.#ends)) phone.hangup()
  }

  /** Rejects when somebody does not hear the other within the time. */
  async heard(patience: number): Promise<void> {
    const { caller, callee } = this.#ends
    const [callerHears, calleeHears] = [hears(caller, TONES.callee), hears(callee, TONES.caller)]
    await this.#trio.until(
      `phones over ${this.transport} hear each other`,
      () => callerHears() && calleeHears(),
      patience,
    )
  }

  async end(): Promise<void> {
    this.#ends.caller.hangup()
    await this.#ends.callee.event('CALL_CLOSED')
  }

  async stop(): Promise<void> {
    for (const phone of Object.values(this.#ends)) {
      await phone.stop()
      phone.remove()
    }
  }
}

/** In what was recorded since it was asked first: a recording that has ended says nothing. */
export function hears(phone: Baresip, hz: number): () => boolean {
  const sizes = new Map(phone.heard().map((path) => [path, statSync(path).size]))
  return () =>
    phone.heard().some((path) => {
      const last = lastOfWav(path, LISTEN_SECONDS, sizes.get(path) ?? 0)
      if (last === undefined) return false
      return measureTone(last.samples, last.rate, hz).heardMs >= HEARD_MIN
    })
}
