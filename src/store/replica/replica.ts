//! One replica's state: what was proposed goes through the log, what is committed is applied.
//!
//!     proposals -> seal -> log -> committed entries -> one transaction, one fsync -> outcomes
//!
//! Synchronous; the thread around it decides how many proposals make a batch.

import { assert } from '../../base/assert.ts'
import type { WriteConnection } from '../database.ts'
import { remember, remembered, setAppliedIndex } from '../schema/replica.ts'
import { apply } from '../schema/schema.ts'
import type { Command, LogIndex } from '../store.ts'
import type { Vault } from '../vault.ts'
import type { Entry, Log, Sealed } from './log.ts'
import type { Outcomes, Proposal, Refused } from './protocol.ts'
import { sealed } from './seal.ts'

export class Replica {
  readonly #db: WriteConnection
  readonly #vault: Vault
  readonly #log: Log
  #applied: LogIndex

  constructor(db: WriteConnection, vault: Vault, log: Log, applied: LogIndex) {
    this.#db = db
    this.#vault = vault
    this.#log = log
    this.#applied = applied
  }

  /** Applied and on disk when this returns. A fault is thrown, and then nothing was. */
  commit(proposals: readonly Proposal[]): Outcomes {
    const commands: Sealed[] = []
    for (const { command, key } of proposals)
      if (command !== undefined) commands.push({ command: sealed(command, this.#vault), key })
    this.#log.propose(commands)
    return this.#outcomes(proposals, this.#applyAll(this.#log.committed()))
  }

  #applyAll(entries: readonly Entry[]): readonly Done[] {
    const last = entries.at(-1)
    if (last === undefined) return []
    const done = this.#db.transaction(() => {
      const results = entries.map((entry) => this.#applyOne(entry))
      setAppliedIndex(this.#db, last.index)
      return results
    })
    this.#applied = last.index
    return done
  }

  #applyOne({ command, key, index }: Entry): Done {
    if (key === undefined) return { index, refusal: this.#change(command) }
    const before = remembered(this.#db, key)
    if (before !== undefined) return before
    const refusal = this.#change(command)
    remember(this.#db, key, index, refusal)
    return { index, refusal }
  }

  #change(command: Command): string | undefined {
    const changes = this.#db.changes
    const refusal = apply(this.#db, command)
    const wrote = this.#db.changes !== changes
    assert(refusal === undefined || !wrote, `${command.kind} was refused after it had written`)
    return refusal
  }

  #outcomes(proposals: readonly Proposal[], done: readonly Done[]): Outcomes {
    const indexes: number[] = []
    const refusals: Refused[] = []
    let next = 0
    for (const [place, { command }] of proposals.entries()) {
      const result = command === undefined ? this.#reached() : done[next++]
      assert(result !== undefined, 'a proposal was not committed')
      indexes.push(result.index)
      if (result.refusal !== undefined) refusals.push({ place, reason: result.refusal })
    }
    return { indexes, refusals }
  }

  #reached(): Done {
    return { index: this.#applied, refusal: undefined }
  }
}

type Done = { readonly index: LogIndex; readonly refusal: string | undefined }
