//! A state machine that forgets nothing: all commands it has seen, in order, under a hash that
//! tells two histories apart. Never changed once made.

import { fnv1a } from '../../src/base/fnv.ts'
import type { Entry } from '../../src/raft/entry.ts'

const SHOWN = 6

export class Applied {
  static readonly nothing = new Applied(undefined, '', 0, 0)

  readonly #before: Applied | undefined
  readonly #command: string
  readonly hash: number
  readonly count: number

  private constructor(before: Applied | undefined, command: string, hash: number, count: number) {
    this.#before = before
    this.#command = command
    this.hash = hash
    this.count = count
  }

  static from(bytes: Uint8Array): Applied {
    const [commands] = JSON.parse(Buffer.from(bytes).toString('utf8')) as [string[]]
    return commands.reduce((state, command) => state.with(command), Applied.nothing)
  }

  after({ payload }: Entry): Applied {
    return payload.kind === 'command' ? this.with(Buffer.from(payload.data).toString('utf8')) : this
  }

  with(command: string): Applied {
    return new Applied(this, command, fnv1a(`${this.hash} ${command}`), this.count + 1)
  }

  bytes(): Uint8Array {
    return Buffer.from(JSON.stringify([this.commands()]))
  }

  commands(): readonly string[] {
    const before = this.#before
    if (before === undefined) return []
    const commands = [this.#command]
    for (let at = before; at.#before !== undefined; at = at.#before) commands.push(at.#command)
    return commands.reverse()
  }

  shown(): string {
    const commands = this.commands()
    const shown = commands.slice(-SHOWN).join(' ')
    return commands.length > SHOWN ? `${commands.length}: … ${shown}` : shown
  }
}
