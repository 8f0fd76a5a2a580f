//! Settings that people change while the system runs, by name. Class: durable.
//! What a process needs before its store opens is configuration, and lives in its file.

import type { TenantId } from '../../control/ids.ts'
import { text } from '../row.ts'
import {
  type Schema,
  type ReadOnlyDatabase,
  type Refusal,
  type WritableDatabase,
} from '../store.ts'

/** A tenant's own value goes before the one of the whole system. */
export type SettingScope = TenantId | typeof SYSTEM_SCOPE
export const SYSTEM_SCOPE = 'system'

export type SettingCommand =
  | {
      readonly kind: 'setting.put'
      readonly scope: SettingScope
      readonly name: string
      /** JSON. */
      readonly value: string
    }
  | { readonly kind: 'setting.remove'; readonly scope: SettingScope; readonly name: string }

const TABLES = `
CREATE TABLE settings (
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (scope, name)
) STRICT, WITHOUT ROWID;
`

export const settingSchema: Schema<SettingCommand> = {
  migrations: [{ version: 1, sql: TABLES }],
  apply,
}

function apply(db: WritableDatabase, command: SettingCommand): Refusal | undefined {
  const { scope, name } = command
  switch (command.kind) {
    case 'setting.put':
      db.run('INSERT OR REPLACE INTO settings VALUES (?, ?, ?)', scope, name, command.value)
      return undefined
    case 'setting.remove':
      db.run('DELETE FROM settings WHERE scope = ? AND name = ?', scope, name)
      return undefined
  }
}

/** JSON text of the tenant's own value, else of the system's. */
export function setting(
  db: ReadOnlyDatabase,
  scope: SettingScope,
  name: string,
): string | undefined {
  const sql = 'SELECT value FROM settings WHERE scope = ? AND name = ?'
  const row = db.get(sql, scope, name) ?? db.get(sql, SYSTEM_SCOPE, name)
  return row === undefined ? undefined : text(row, 'value')
}
