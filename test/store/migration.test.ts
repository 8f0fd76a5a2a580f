//! Databases of earlier releases: brought up to date when they are opened, with what is in them.

import { join } from 'node:path'
import { expect, test } from 'vitest'
import { WriteConnection } from '../../src/store/database.ts'
import { integer } from '../../src/store/row.ts'
import { bindingsOf } from '../../src/store/schema/binding.ts'
import { ACME, acme } from './commands.ts'
import { newHome, newStore } from './home.ts'

const USER = '100'
const AOR = `sip:${USER}@acme.example`

/** Takes back what came after version 1. */
const BACK_TO_1 = `
CREATE INDEX bindings_by_user ON bindings (tenant, user);
DROP TABLE nodes;
DROP TABLE files;
DROP TABLE file_changes;
DROP TABLE restore;
DROP TABLE restore_batches;
DROP TABLE servers;
DROP TABLE used_tokens;
DROP TABLE raft;
DROP TABLE raft_log;
ALTER TABLE replica DROP COLUMN applied_term;
ALTER TABLE replica DROP COLUMN digest;
ALTER TABLE replica DROP COLUMN diverged;
PRAGMA user_version = 1;
`
const BINDING = `
INSERT INTO bindings VALUES ('${AOR}', 'k', '${ACME}', '${USER}', 'sip:100@10.0.0.1', 1000, NULL,
  NULL, 'udp', '10.0.0.1', 5060, '[]', 0, '', 'c', 1, 0, 1, 2);
`

test('version 1: the index of bindings by user goes, the bindings stay', async () => {
  const home = newHome()
  const first = await newStore(home)
  await first.propose(acme)
  await first.close()
  const database = WriteConnection.open(join(home, 'pbx.db'), { addon: undefined })
  database.script(BACK_TO_1 + BINDING)
  database.close()

  const store = await newStore(home)
  const indexes = store.read((db) =>
    db.all("SELECT 1 FROM sqlite_schema WHERE name LIKE '%by_user'"),
  )
  expect(indexes).toEqual([])
  const version = store.read((db) => db.get('PRAGMA user_version'))
  expect(version && integer(version, 'user_version')).toBeGreaterThan(1)
  expect(store.read((db) => bindingsOf(db, AOR)).map(({ contact }) => contact)).toEqual([
    'sip:100@10.0.0.1',
  ])
})
