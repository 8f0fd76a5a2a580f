//! All that a database of ours holds, to be compared with another.

import { ReadConnection } from '../../src/store/database.ts'

/** All rows of all tables but Raft's own. */
export function dumpOf(file: string): string {
  const reader = ReadConnection.open(file, { addon: undefined })
  const tables = reader
    .all("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    .map(({ name }) => String(name))
    .filter((name) => !name.startsWith('raft'))
  const rows = tables.map((name) => [name, reader.all(`SELECT * FROM ${name} ORDER BY 1`)])
  reader.close()
  return JSON.stringify(rows)
}
