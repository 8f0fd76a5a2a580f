//! A release that only tests know: one migration more than this one, and commands that do something
//! else once it is in force. Before that they do what this release does.

import { RELEASE, SCHEMA_VERSION } from '../../src/store/schema/schema.ts'
import { schemaVersion, type Release } from '../../src/store/schema/version.ts'
import type { Command, Refusal, WritableDatabase } from '../../src/store/store.ts'

export const NEXT = SCHEMA_VERSION + 1

/** What a migration may do: rows change and go, a table gets a column, is made, is made anew. */
const SQL = `
ALTER TABLE settings ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
UPDATE settings SET version = length(name);
CREATE TABLE notes (place INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT;
INSERT INTO notes SELECT row_number() OVER (ORDER BY scope, name), name FROM settings;
CREATE TABLE message_waiting_new (
  tenant TEXT NOT NULL,
  user TEXT NOT NULL,
  unheard INTEGER NOT NULL,
  heard INTEGER NOT NULL,
  urgent_unheard INTEGER NOT NULL,
  urgent_heard INTEGER NOT NULL,
  PRIMARY KEY (tenant, user)
) STRICT;
INSERT INTO message_waiting_new SELECT * FROM message_waiting WHERE unheard > 0;
DROP TABLE message_waiting;
ALTER TABLE message_waiting_new RENAME TO message_waiting;
DELETE FROM subscriptions WHERE event <> 'dialog';
`

export const NEXT_RELEASE: Release = {
  migrations: [...RELEASE.migrations, { version: NEXT, sql: SQL }],
  apply,
}

function apply(db: WritableDatabase, command: Command): Refusal | undefined {
  if (command.kind !== 'setting.put' || schemaVersion(db) < NEXT) return RELEASE.apply(db, command)
  const { scope, name, value } = command
  const row = db.get('SELECT version FROM settings WHERE scope = ? AND name = ?', scope, name)
  const version = Number(row?.['version'] ?? 0) + 1
  db.run('INSERT OR REPLACE INTO settings VALUES (?, ?, ?, ?)', scope, name, value, version)
  return undefined
}
