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
