//! The store's real tables and commands in memory, applied at once: what is proposed is there.

import { err, ok } from '../../../../src/base/result.ts'
import type { WallTime } from '../../../../src/base/time.ts'
import type { TenantId } from '../../../../src/control/ids.ts'
import { WriteConnection } from '../../../../src/store/database.ts'
import { apply, migrate } from '../../../../src/store/schema/schema.ts'
import type { Applied, Command, LogIndex, Store } from '../../../../src/store/store.ts'

export class OfficeStore implements Pick<Store, 'read' | 'propose' | 'applied'> {
  readonly #database = WriteConnection.open(':memory:', { addon: undefined })
  readonly #listeners = new Set<(applied: Applied) => void>()
  #index = 0

  constructor(tenant: TenantId, primaryDomain: string, at: WallTime) {
    migrate(this.#database)
    this.run({ kind: 'tenant.put', tenant, name: tenant, primaryDomain, at })
  }

  readonly read: Store['read'] = (query) => query(this.#database)

  readonly applied: Store['applied'] = (listener) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  readonly propose: Store['propose'] = (command) => {
    const refusal = this.run(command)
    if (refusal !== undefined)
      return Promise.resolve(err({ kind: 'rejected', reason: refusal } as const))
    return Promise.resolve(ok(this.#index as LogIndex))
  }

  run(command: Command): string | undefined {
    const refusal = apply(this.#database, command)
    if (refusal !== undefined) return refusal
    const index = ++this.#index as LogIndex
    for (const listener of this.#listeners) listener({ index, command })
    return undefined
  }

  count(table: 'subscriptions'): number {
    return Number(this.#database.get(`SELECT count(*) AS n FROM ${table}`)?.['n'])
  }
}
