//! The phones of the measurement, on a host of their own, and what they have done so far.

import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import type { Trio } from '../../cluster/live/trio.ts'

const USERS = 20
/** More than the time in which a client tells that it hears something. */
const SILENT_MS = 1_500

export const MEASURES = [
  'register-udp',
  'register-tcp',
  'register-tls',
  'register-wss',
  'call',
] as const
const SOUND = ['sound-to-caller', 'sound-to-callee'] as const

type Line = { readonly measure: string; readonly from: number; readonly to: number }

export class Phones {
  readonly #child: ChildProcess
  #said = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stdout?.on('data', (piece: Buffer) => (this.#said += piece.toString()))
    child.stderr?.on('data', (piece: Buffer) => process.stderr.write(piece))
  }

  static async start(trio: Trio): Promise<Phones> {
    await trio.provision(USERS)
    const host = trio.lan.host('phones', 150)
    const program = join(import.meta.dirname, 'client.ts')
    const phones = new Phones(host.spawn(process.execPath, program, trio.vip, host.address))
    await trio.until('all phones do what they try', () => {
      const done = phones.#lines()
      return Promise.resolve(MEASURES.every((each) => done.some(({ measure }) => measure === each)))
    })
    return phones
  }

  /** The longest time between two successes, in milliseconds; undefined when there were none. */
  gap(measure: (typeof MEASURES)[number], from: number): number | undefined {
    const times = this.#lines()
      .filter((line) => line.measure === measure && line.to >= from)
      .map(({ to }) => to)
    const gaps = times.slice(1).map((at, place) => at - (times[place] ?? at))
    return gaps.length === 0 ? undefined : Math.max(...gaps)
  }

  /** The longest pause that either end has heard; undefined when one hears nothing at the end. */
  pause(from: number): number | undefined {
    const pauses = SOUND.map((end) => this.#lines().filter(({ measure }) => measure === end))
    const isSilent = pauses.some((each) => Date.now() - (each.at(-1)?.to ?? 0) > SILENT_MS)
    if (isSilent) return undefined
    const since = pauses.flat().filter(({ to }) => to >= from)
    return Math.max(0, ...since.map(({ from: began, to }) => to - began))
  }

  /** What was answered with a refusal, or broken off; by measure and why. */
  refused(from: number): readonly string[] {
    return this.#said
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, how, began]) => (how === 'refused' || how === 'late') && Number(began) >= from)
      .map(([measure, how, , why]) => [measure, why ?? how].join(' '))
  }

  stop(): void {
    this.#child.kill('SIGTERM')
  }

  #lines(): readonly Line[] {
    return this.#said
      .split('\n')
      .slice(0, -1)
      .map((line) => {
        const [measure = '', from, to] = line.split(' ')
        return { measure, from: Number(from), to: Number(to) }
      })
      .filter(({ from, to }) => !Number.isNaN(from) && !Number.isNaN(to))
  }
}
