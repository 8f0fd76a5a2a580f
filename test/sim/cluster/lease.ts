//! The virtual address in the simulation: the production machine (`src/cluster/vip/lease.ts`) and a
//! model of the kernel's gate, with elements that expire by themselves.

import { millis } from '../../../src/base/time.ts'
import {
  Lease as Machine,
  type LeaseInput,
  type LeaseOutput,
} from '../../../src/cluster/vip/lease.ts'
import type { RaftMessage } from '../../../src/raft/message.ts'
import type { Process } from './process.ts'

const LEASE = millis(200)
/** Between the process and the kernel, at most. */
const COMMAND_MS = 2

export type LeaseHost = {
  /** The gate has been opened, or for longer. */
  readonly opened: () => void
  /** Whether this process is to serve at the address. */
  readonly held: (isHeld: boolean) => void
  readonly resign: () => void
}

export class Lease {
  readonly #process: Process
  readonly #host: LeaseHost
  #machine = new Machine(LEASE)
  /** In the kernel, by the world's time. It outlives the process, not the host. */
  #openUntil = 0
  #pendingUntil = 0
  /** What nft has been told and has not done, in order. */
  #commands: (() => void)[] = []
  opened = 0

  constructor(process: Process, host: LeaseHost) {
    this.#process = process
    this.#host = host
  }

  /** The kernel lets traffic through. */
  get isOpen(): boolean {
    return this.#process.world.now < this.#openUntil
  }

  roundBegins(round: number): void {
    this.#step({ kind: 'round-begins', round })
  }

  /** On a planned move the gate has closed before the message leaves. */
  beforeSending(messages: readonly RaftMessage[]): void {
    if (!messages.some(({ kind }) => kind === 'timeout-now')) return
    this.#step({ kind: 'confirmed', round: undefined })
    for (const run of this.#commands.splice(0)) run()
  }

  look(round: number | undefined): void {
    this.#step({ kind: 'confirmed', round })
  }

  /** The process is gone: what is open stays so until it expires. */
  killed(): void {
    this.#machine = new Machine(LEASE)
    this.#commands = []
  }

  /** The host has gone down, or a new process begins: it makes the rules anew, shut. */
  shut(): void {
    this.#openUntil = 0
    this.#pendingUntil = 0
  }

  #step(input: LeaseInput): void {
    for (const output of this.#machine.step(input, millis(this.#process.clock)))
      this.#carryOut(output)
  }

  #carryOut(output: LeaseOutput): void {
    switch (output.kind) {
      case 'close':
        return this.#tell(() => this.shut())
      case 'held':
        this.opened++
        return this.#host.held(true)
      case 'lost':
        return this.#host.held(false)
      case 'resign':
        return this.#process.soon(millis(0), this.#host.resign)
      case 'pend':
      case 'open':
      case 'renew': {
        const { kind, timeout } = output
        return this.#tell(() => this.#step({ kind: 'done', ok: this.#kernel(kind, timeout) }))
      }
    }
  }

  #kernel(kind: 'pend' | 'open' | 'renew', timeout: number): boolean {
    const { now } = this.#process.world
    if (kind === 'pend') {
      this.#pendingUntil = now + timeout
      return true
    }
    if (now >= (kind === 'open' ? this.#pendingUntil : this.#openUntil)) return false
    this.#openUntil = now + timeout
    this.#host.opened()
    return true
  }

  /** One after the other. The process may be stopped before it has told. */
  #tell(command: () => void): void {
    this.#commands.push(command)
    if (this.#commands.length === 1) this.#doNext()
  }

  #doNext(): void {
    const { random } = this.#process.world
    this.#process.soon(millis(random.below(COMMAND_MS + 1)), () => {
      this.#commands.shift()?.()
      if (this.#commands.length > 0) this.#doNext()
    })
  }
}
