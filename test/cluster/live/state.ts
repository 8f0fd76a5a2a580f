//! What a replica's database holds, to be compared between nodes.

import SqliteConnection from 'better-sqlite3'
import { createHash } from 'node:crypto'

/** Of one node alone: its own vote and log. */
const OWN_TABLES: ReadonlySet<string> = new Set(['raft', 'raft_log'])

export type State = {
  readonly applied: number
  /** A digest by table. */
  readonly tables: ReadonlyMap<string, string>
}

/** Of one moment, while the node may be running. */
export function stateOf(file: string): State {
  const db = new SqliteConnection(file, { readonly: true, timeout: 5_000 })
  try {
    return db.transaction(() => {
      const names = db
        .prepare<[], { name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table'")
        .all()
        .map(({ name }) => name)
        .filter((name) => !OWN_TABLES.has(name) && !name.startsWith('sqlite_'))
      const applied = db
        .prepare<[], { applied: number }>('SELECT applied_index AS applied FROM replica')
        .get()
      return {
        applied: applied?.applied ?? 0,
        tables: new Map(names.map((name) => [name, digestOf(db, name)])),
      }
    })()
  } finally {
    db.close()
  }
}

/** Rows as they come: by their key, in which all nodes agree. */
function digestOf(db: SqliteConnection.Database, table: string): string {
  const digest = createHash('sha256')
  for (const row of db.prepare<[], object>(`SELECT * FROM ${table}`).iterate())
    digest.update(`${JSON.stringify(row)}\n`)
  return digest.digest('hex').slice(0, 16)
}

/** In which tables they differ, or in how far they are. */
export function differences(states: readonly State[]): readonly string[] {
  const [first, ...others] = states
  if (first === undefined) return []
  const names = new Set(states.flatMap(({ tables }) => [...tables.keys()]))
  const differing = [...names].filter((name) =>
    others.some(({ tables }) => tables.get(name) !== first.tables.get(name)),
  )
  const isLevel = others.every(({ applied }) => applied === first.applied)
  const levels = states.map(({ applied }) => applied).join(', ')
  return isLevel ? differing : [...differing, `applied: ${levels}`]
}
