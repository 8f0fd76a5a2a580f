//! The store's real tables, commands and sealing, in memory: committed after a simulated delay.

import type { Subscribe } from '../../src/base/host.ts'
import { err, ok, type Result } from '../../src/base/result.ts'
import type { Millis } from '../../src/base/time.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { sealed } from '../../src/store/replica/seal.ts'
import { apply, migrate } from '../../src/store/schema/schema.ts'
import type { Applied, Command, LogIndex, ProposeFailure, Store } from '../../src/store/store.ts'
import { Vault } from '../../src/store/vault.ts'
import type { World } from './world.ts'

export class MemoryStore implements Store {
  readonly vault = new Vault(new Uint8Array(32).fill(7))
  /** How long a commit takes, and whether it succeeds. */
  delay: Millis
  fails = false
  readonly #world: World
  readonly #database = WriteConnection.open(':memory:', { addon: undefined })
  readonly #listeners = new Set<(applied: Applied) => void>()
  /** Proposals that are on their way, oldest first. */
  #proposed: (() => void)[] = []
  #index = 0

  constructor(world: World, delay: Millis) {
    this.#world = world
    this.delay = delay
    migrate(this.#database)
  }

  readonly read: Store['read'] = (query) => query(this.#database)

  readLinearizable: Store['readLinearizable'] = (query) => Promise.resolve(ok(this.read(query)))

  readonly applied: Subscribe<Applied> = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  propose(command: Command): Promise<Result<LogIndex, ProposeFailure>> {
    const { promise, resolve } = Promise.withResolvers<Result<LogIndex, ProposeFailure>>()
    const run = (): void => {
      const index = this.#proposed.indexOf(run)
      if (index === -1) return
      this.#proposed.splice(index, 1)
      resolve(this.commit(command))
    }
    this.#proposed.push(run)
    this.#world.in(this.delay, run)
    return promise
  }

  /** Who proposes is killed: the first `kept` proposals on their way are committed, no others. */
  crash(kept: number): void {
    for (const run of this.#proposed.slice(0, kept)) run()
    this.#proposed = []
  }

  /** Proposals that are on their way. */
  get underWay(): number {
    return this.#proposed.length
  }

  /** At once, for setting the scene. */
  commit(asked: Command): Result<LogIndex, ProposeFailure> {
    if (this.fails) return err({ kind: 'timeout' })
    const command = sealed(asked, this.vault)
    const refusal = apply(this.#database, command)
    if (refusal !== undefined) return err({ kind: 'rejected', reason: refusal })
    const index = ++this.#index as LogIndex
    for (const listener of this.#listeners) listener({ index, command })
    return ok(index)
  }

  close(): Promise<void> {
    this.#database.close()
    return Promise.resolve()
  }
}
