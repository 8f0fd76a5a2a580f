//! The digest that is kept from change to change is the one that counting all rows gives.

import { expect, test } from 'vitest'
import { join } from 'node:path'
import { seededRandom } from '../../src/base/random.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { StateDigest } from '../../src/store/replica/state-digest.ts'
import { insertReplica, remember } from '../../src/store/schema/replica.ts'
import { apply, migrate } from '../../src/store/schema/schema.ts'
import type { Command, IdempotencyKey, LogIndex } from '../../src/store/store.ts'
import { randomCommand } from '../harness/random-command.ts'
import { newHome } from './home.ts'

function open(file: string): { db: WriteConnection; digest: StateDigest } {
  const db = WriteConnection.open(file, { addon: undefined })
  migrate(db)
  if (db.get('SELECT 1 FROM replica') === undefined) db.transaction(() => insertReplica(db, 'key'))
  return { db, digest: new StateDigest(db) }
}

function commands(seed: number, count: number): readonly Command[] {
  const random = seededRandom(seed)
  return Array.from({ length: count }, () => randomCommand(random))
}

test('kept, it is what counting gives, whatever is applied', () => {
  const { db, digest } = open(join(newHome(), 'pbx.db'))
  const empty = digest.value
  for (const [place, command] of commands(7, 2_000).entries()) {
    apply(db, command)
    remember(db, `k${place}` as IdempotencyKey, (place * 1_000) as LogIndex, undefined)
    if (place % 100 !== 0) continue
    const kept = digest.value
    digest.count()
    expect(digest.value, `after ${place} commands`).toBe(kept)
  }
  expect(digest.value).not.toBe(empty)
  db.close()
})

test('the same rows in another order have the same digest, and others do not', () => {
  const values = [
    ['a', 'b'],
    ['ab', ''],
    ['', 'ab'],
  ] as const
  const digests = [values, values.toReversed(), values.slice(1)].map((pairs) => {
    const { db, digest } = open(join(newHome(), 'pbx.db'))
    for (const [name, value] of pairs)
      apply(db, { kind: 'setting.put', scope: 'system', name: `n${name}`, value })
    db.close()
    return digest.value
  })
  expect(digests[1]).toBe(digests[0])
  expect(digests[2]).not.toBe(digests[0])
})

test('what one has lost to the other is seen: values change places, texts their ends', () => {
  const seen = new Set<string>()
  const pairs = [
    ['x', '1', 'y', '2'],
    ['x', '2', 'y', '1'],
    ['x', '12', 'y', ''],
    ['x1', '2', 'y', ''],
  ]
  for (const [a = '', b = '', c = '', d = ''] of pairs) {
    const { db, digest } = open(join(newHome(), 'pbx.db'))
    apply(db, { kind: 'setting.put', scope: 'system', name: a, value: b })
    apply(db, { kind: 'setting.put', scope: 'system', name: c, value: d })
    seen.add(digest.value)
    db.close()
  }
  expect(seen.size).toBe(pairs.length)
})

const REMADE = `
  CREATE TABLE made (tenant TEXT, user TEXT, unheard, heard, urgent_unheard, urgent_heard);
  INSERT INTO made SELECT * FROM message_waiting WHERE unheard > 2;
  DROP TABLE message_waiting;
  ALTER TABLE made RENAME TO message_waiting`

/** With rows in all tables. */
function filled(file: string): { db: WriteConnection; digest: StateDigest } {
  const opened = open(file)
  for (const command of commands(11, 400)) apply(opened.db, command)
  return opened
}

test.each([
  'ALTER TABLE settings ADD COLUMN more TEXT; UPDATE settings SET more = name',
  'ALTER TABLE bindings DROP COLUMN user_agent',
  'ALTER TABLE extensions RENAME COLUMN display_name TO shown',
  'ALTER TABLE settings RENAME TO preferences',
  REMADE,
  'DROP TABLE cdrs',
  'CREATE INDEX settings_by_value ON settings (value); DELETE FROM calls WHERE call > 5',
  '',
])('kept over a migration, it is what counting gives: %s', (sql) => {
  const { db, digest } = filled(join(newHome(), 'pbx.db'))
  db.transaction(() => digest.migrated(() => db.script(sql)))
  const kept = digest.value
  digest.count()
  expect(digest.value).toBe(kept)
  // And followed from now on.
  for (const table of ['subscriptions', 'extensions', 'bindings', 'calls', 'idempotency'])
    db.script(`DELETE FROM ${table}`)
  const after = digest.value
  expect(after).not.toBe(kept)
  digest.count()
  expect(digest.value).toBe(after)
  db.close()
})

test('rows of tables that a migration leaves as they are are not counted', () => {
  const file = join(newHome(), 'pbx.db')
  const { db, digest } = filled(file)
  const before = digest.value
  const tamperer = WriteConnection.open(file, { addon: undefined })
  tamperer.script("UPDATE cdrs SET cause = 'x'")
  tamperer.close()
  db.transaction(() => digest.migrated(() => db.script('CREATE TABLE notes (id TEXT)')))
  expect(digest.value).toBe(before)
  digest.count()
  expect(digest.value).not.toBe(before)
  db.close()
})
