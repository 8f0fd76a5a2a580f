//! A backup of one store restored into another: what was configured is there, readable with the key
//! of the one that it came to, and what is of the running system stays.

import SqliteConnection from 'better-sqlite3'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import type { TenantId } from '../../src/control/ids.ts'
import { toJson } from '../../src/store/bytes-json.ts'
import { openCredentials } from '../../src/store/credentials.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { ImageReader, makeImage } from '../../src/store/image/client.ts'
import { restoreImage } from '../../src/store/restore.ts'
import { bindingsOf } from '../../src/store/schema/binding.ts'
import { countExtensions, extensionByUser } from '../../src/store/schema/extension.ts'
import { allTenants } from '../../src/store/schema/tenant.ts'
import { isRestoring, type Part, PARTS } from '../../src/store/schema/restore.ts'
import { migrate, SCHEMA_VERSION } from '../../src/store/schema/schema.ts'
import type { Command, Store } from '../../src/store/store.ts'
import { openVault } from '../../src/store/vault.ts'
import { Backups } from '../../src/backup/backups.ts'
import { answering } from '../harness/answering-store.ts'
import { ACME, acme, binding, ended, extension } from './commands.ts'
import { newHome, newStore } from './home.ts'
import { realHost } from './host.ts'

const OTHER = 'other' as TenantId

async function image(home: string): Promise<string> {
  const file = join(newHome(), 'image.db')
  await makeImage({ file, directory: home, addon: undefined }, undefined)
  return file
}

function read(file: string, from: string, to: string): ReturnType<typeof ImageReader.open> {
  const key = readFileSync(join(from, 'secret.key'))
  return ImageReader.open({ file, directory: to, addon: undefined }, key, undefined)
}

let restores = 0

function begun(restore: string, schema = SCHEMA_VERSION): Command {
  return { kind: 'restore.begun', restore, schema }
}

async function restore(store: Store, file: string, from: string, to: string): Promise<void> {
  const opened = await read(file, from, to)
  if (!opened.ok) throw new Error(opened.error)
  const name = `restore-${++restores}`
  const options = { name, onProgress: () => {}, pause: () => sleep(1) }
  const done = await restoreImage(store, opened.value, options)
  if (!done.ok) throw new Error(JSON.stringify(done.error))
  await opened.value.close()
}

async function put(store: Store, user: string): Promise<void> {
  const done = await store.propose(extension(user))
  if (!done.ok) throw new Error(JSON.stringify(done.error))
}

test('all that is configured comes over, sealed with the key that is here', async () => {
  const [from, to] = [newHome(), newHome()]
  const [source, target] = [await newStore(from), await newStore(to)]
  await source.propose(acme)
  const users = Array.from({ length: 1_300 }, (_, place) => String(100 + place))
  await Promise.all(users.map((user) => put(source, user)))
  const other = { tenant: OTHER, name: 'other', primaryDomain: 'other.example', at: wallTime(1) }
  await target.propose({ kind: 'tenant.put', ...other })
  const file = await image(from)
  await restore(target, file, from, to)
  expect(target.read(allTenants).map(({ tenant }) => tenant)).toEqual([ACME])
  expect(target.read(countExtensions)).toBe(1_300)
  const row = target.read((db) => extensionByUser(db, ACME, '1399'))
  const open = (home: string) =>
    row && openCredentials(openVault(home), { tenant: ACME, user: '1399' }, row.sealed)
  expect(open(to)?.md5).toMatch(/^[0-9a-f]{32}$/)
  expect(open(from)).toBeUndefined()
  expect(target.read(isRestoring)).toBe(false)
})

test('registrations stay of whom there is, and go of whom there is not', async () => {
  const [from, to] = [newHome(), newHome()]
  const [source, target] = [await newStore(from), await newStore(to)]
  for (const store of [source, target]) await store.propose(acme)
  await put(source, '100')
  for (const user of ['100', '200']) {
    await put(target, user)
    await target.propose(binding(user))
  }
  await restore(target, await image(from), from, to)
  const bound = (user: string): number =>
    target.read((db) => bindingsOf(db, `sip:${user}@acme.example`)).length
  expect([bound('100'), bound('200')]).toEqual([1, 0])
})

test('an image holds nothing of a node: no log, no calls, no registrations', async () => {
  const home = newHome()
  const store = await newStore(home)
  await store.propose(acme)
  await put(store, '100')
  await store.propose(binding('100'))
  const file = await image(home)
  const bytes = readFileSync(file).toString('latin1')
  expect(bytes).not.toContain('10.0.0.1')
  const db = WriteConnection.open(file, { addon: undefined })
  for (const table of ['raft', 'raft_log', 'bindings', 'nodes', 'idempotency'])
    expect(db.all(`SELECT * FROM ${table}`), table).toEqual([])
  expect(db.all('SELECT * FROM extensions')).toHaveLength(1)
  db.close()
  expect(existsSync(`${file}.whole`)).toBe(false)
})

test.each([
  ['PRAGMA user_version = 99', /newer release \(schema 99/],
  ['CREATE TRIGGER t AFTER DELETE ON settings BEGIN DELETE FROM cdrs; END', /other tables/],
  ["UPDATE replica SET key_check = 'x'", /secret\.key in the backup is not that/],
  ['UPDATE extensions SET sealed = zeroblob(77)', /the password of 100 in the backup is damaged/],
  [
    "PRAGMA foreign_keys = OFF; INSERT INTO domains VALUES ('orphan.example', 'nobody')",
    /contradicts itself: there is none of tenants for a row of domains/,
  ],
  ['UPDATE tenants SET created_at = 9223372036854775807', /tenants .* too large a number/],
])('%s: the image is refused, and nothing changes', async (sql, why) => {
  const [from, to] = [newHome(), newHome()]
  const [source, target] = [await newStore(from), await newStore(to)]
  await source.propose(acme)
  await put(source, '100')
  const file = await image(from)
  const db = WriteConnection.open(file, { addon: undefined })
  db.script(sql)
  db.close()
  await expect(restore(target, file, from, to)).rejects.toThrow(why)
  expect(target.read(allTenants)).toEqual([])
  expect(target.read(isRestoring)).toBe(false)
})

/** Two tokens of one hash: what a damaged index lets through. */
function withTokenTwice(file: string): void {
  const db = new SqliteConnection(file).unsafeMode()
  const insert = db.prepare("INSERT INTO api_tokens VALUES (?, '', 'user', NULL, ?, 1, NULL)")
  for (const id of ['one', 'two']) insert.run(id, Buffer.from(id))
  const where = "FROM sqlite_schema WHERE name = 'api_tokens'"
  const [table] = db.prepare<[], { sql: string }>(`SELECT sql ${where}`).all()
  const sql = table?.sql ?? ''
  const index = "WHERE name = 'sqlite_autoindex_api_tokens_2'"
  const [row] = db.prepare<[], object>(`SELECT * FROM sqlite_schema ${index}`).all()
  db.pragma('writable_schema = ON')
  const update = "UPDATE sqlite_schema SET sql = ? WHERE name = 'api_tokens'"
  db.prepare(update).run(sql.replace(' UNIQUE', ''))
  db.exec(`DELETE FROM sqlite_schema ${index}`)
  db.pragma('schema_version = 1000')
  db.close()
  const open = new SqliteConnection(file).unsafeMode()
  open.exec("UPDATE api_tokens SET token_hash = x'00'")
  open.pragma('writable_schema = ON')
  open.prepare(update).run(sql)
  open
    .prepare('INSERT INTO sqlite_schema VALUES (@type, @name, @tbl_name, @rootpage, @sql)')
    .run(row ?? {})
  open.pragma('schema_version = 1001')
  open.close()
}

test('one with rows that a UNIQUE forbids is refused', async () => {
  const [from, to] = [newHome(), newHome()]
  const [source, target] = [await newStore(from), await newStore(to)]
  await source.propose(acme)
  const file = await image(from)
  withTokenTwice(file)
  await expect(restore(target, file, from, to)).rejects.toThrow(/is damaged: .*api_tokens/)
  expect(target.read(allTenants)).toEqual([])
})

function staged(part: Part, place: number, rows: readonly unknown[]): Command {
  const batch = new Uint8Array(deflateRawSync(toJson(rows)))
  return { kind: 'restore.staged', restore: 'x', place, part, rows: batch }
}

const TENANT_ROW = ['t', 'T', 't.example', 1]
const REPLACED = PARTS.filter((part) => part !== 'cdrs')
const token = (id: string, hash: number): readonly unknown[] => {
  return [id, '', 'user', null, new Uint8Array([hash]), 1, null]
}

/** What no image lets through any more may be in the log of an older release's restore. */
test.each<[string, Part, readonly unknown[]]>([
  ['of no tenant', 'domains', [['orphan.example', 'nobody']]],
  ['twice', 'domains', [1, 2].map(() => ['t.example', 't'])],
  ['twice by another key', 'api_tokens', [token('one', 7), token('two', 7)]],
  ['without a value', 'domains', [[null, 't']]],
  ['with another type', 'extensions', [['t', '100', '', 'x', new Uint8Array(1), 1, 1]]],
  ['with a number too large', 'extensions', [['t', '1', '', 1, new Uint8Array(1), 2 ** 63, 1]]],
  ['too short', 'domains', [['t.example']]],
])('rows %s are refused by every node alike, and the store goes on', async (_, part, rows) => {
  const home = newHome()
  const store = await newStore(home)
  await store.propose(acme)
  await store.propose(begun('x'))
  await store.propose(staged('tenants', 0, [TENANT_ROW]))
  await store.propose(staged(part, 1, rows))
  const finished = { kind: 'restore.finished', restore: 'x', places: 2 } as const
  expect(await store.propose({ ...finished, replaced: REPLACED })).toMatchObject({
    error: {
      kind: 'rejected',
      reason: expect.stringMatching(`contradicts itself: .* of ${part}`) as unknown,
    },
  })
  expect(store.read(allTenants).map(({ tenant }) => tenant)).toEqual([ACME])
  expect(await store.propose({ kind: 'restore.dropped' })).toMatchObject({ ok: true })
  await restore(store, await image(home), home, home)
})

test('a record that does not fit is passed over', async () => {
  const store = await newStore()
  await store.propose(ended('good'))
  const [row = {}] = store.read((db) => db.all('SELECT * FROM cdrs'))
  const bad = { ...row, call: 'bad', started_at: 'yesterday' }
  const other = { ...row, call: 'other' }
  await store.propose(begun('x'))
  const rows = [bad, { ...row, call: null }, other].map((each) => Object.values(each))
  await store.propose(staged('cdrs', 0, rows))
  const finished = { kind: 'restore.finished', restore: 'x', places: 1, replaced: [] } as const
  expect(await store.propose(finished)).toMatchObject({ ok: true })
  expect(await store.propose({ kind: 'restore.added' })).toMatchObject({ ok: true })
  expect(store.read((db) => db.all('SELECT call FROM cdrs ORDER BY call'))).toEqual([
    { call: 'good' },
    { call: 'other' },
  ])
})

/** What `constraints.ts` does not look at: whoever adds it to a table teaches it that. */
test('the tables of a backup have no constraints but those that are looked at', () => {
  const db = WriteConnection.open(':memory:', { addon: undefined })
  migrate(db)
  const tables = db.all("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")
  const isPart = (name: unknown): boolean => PARTS.some((part) => part === name)
  for (const { name, sql } of tables) {
    const references = db.all(`PRAGMA foreign_key_list(${String(name)})`)
    for (const { table, seq } of references)
      expect([isPart(name), isPart(table), seq]).toEqual([true, true, 0])
    if (!isPart(name)) continue
    expect(sql).not.toMatch(/CHECK|COLLATE|GENERATED/)
    expect(sql).toMatch(/STRICT/)
    for (const index of db.all(`PRAGMA index_list(${String(name)})`)) {
      if (index['unique'] === 0) continue
      expect(index['partial']).toBe(0)
      const columns = db.all(`PRAGMA index_info(${String(index['name'])})`)
      const info = db.all(`PRAGMA table_info(${String(name)})`)
      for (const column of columns)
        expect(info).toContainEqual(expect.objectContaining({ name: column['name'], notnull: 1 }))
    }
  }
  db.close()
})

function count(store: Store, table: string): number {
  return store.read((db) => Number(db.get(`SELECT count(*) AS n FROM ${table}`)?.['n']))
}

async function withRecords(from: string, many: number): Promise<string> {
  const source = await newStore(from)
  await source.propose(acme)
  await put(source, '100')
  await Promise.all(Array.from({ length: many }, (_, n) => source.propose(ended(`theirs-${n}`))))
  return image(from)
}

test('records of calls come to those that are there', async () => {
  const [from, to] = [newHome(), newHome()]
  const target = await newStore(to)
  await target.propose(acme)
  for (const call of ['ours', 'theirs-7']) await target.propose(ended(call))
  await restore(target, await withRecords(from, 2_600), from, to)
  expect(count(target, 'cdrs')).toBe(2_601)
  expect(target.read(isRestoring)).toBe(false)
})

test('the next node that serves adds the records that are left', async () => {
  const [from, to] = [newHome(), newHome()]
  const first = await newStore(to)
  const opened = await read(await withRecords(from, 2_600), from, to)
  if (!opened.ok) throw new Error(opened.error)
  const { value: reader } = opened
  await first.propose({ kind: 'restore.begun', restore: 'x', schema: reader.schema })
  let place = 0
  for (let next = await reader.next(); next.ok && next.value; next = await reader.next())
    await first.propose({ kind: 'restore.staged', restore: 'x', place: place++, ...next.value })
  const { replaced } = reader
  await first.propose({ kind: 'restore.finished', restore: 'x', places: place, replaced })
  await reader.close()
  expect([count(first, 'extensions'), count(first, 'cdrs')]).toEqual([1, 0])
  for (const another of [{ kind: 'restore.dropped' }, begun('y')] as const)
    expect(await first.propose(another)).toMatchObject({ ok: false })
  await first.close()

  const next = await newStore(to)
  const tls = { certificate: '', key: '' }
  const parts = { data: to, name: 'n', version: '1', tls, worker: undefined, addon: undefined }
  await new Backups({ host: realHost(), store: next, ...parts }).begin()
  await expect.poll(() => next.read(isRestoring), { timeout: 20_000 }).toBe(false)
  expect(count(next, 'cdrs')).toBe(2_600)
})

test('the last command is said again until it is known what became of it', async () => {
  const [from, to] = [newHome(), newHome()]
  const target = await newStore(to)
  const file = await withRecords(from, 1)
  const busy = answering(target, 'restore.finished', ['timeout', 'overloaded'])
  await restore(busy, file, from, to)
  expect([count(target, 'extensions'), count(target, 'cdrs')]).toEqual([1, 1])
})

test('after a timeout nobody is told that nothing was changed', async () => {
  const [from, to] = [newHome(), newHome()]
  const target = await newStore(to)
  const file = await withRecords(from, 1)
  const lost = answering(target, 'restore.finished', ['timeout', 'no-leader'])
  await expect(restore(lost, file, from, to)).rejects.toThrow('"isLast":true')
})

test('a restore that another has followed is given up', async () => {
  const store = await newStore()
  const rows = new Uint8Array(0)
  await store.propose(begun('one'))
  await store.propose(begun('two'))
  const staged = {
    kind: 'restore.staged',
    restore: 'one',
    place: 0,
    part: 'settings',
    rows,
  } as const
  expect(await store.propose(staged)).toMatchObject({ ok: false, error: { kind: 'rejected' } })
  const finished = { kind: 'restore.finished', restore: 'two', places: 1, replaced: [] } as const
  expect(await store.propose(finished)).toMatchObject({
    error: { reason: 'a part of the backup has not arrived' },
  })
})

test('rows of another schema than the one in force are not restored', async () => {
  const store = await newStore()
  for (const schema of [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
    expect(await store.propose(begun('x', schema))).toMatchObject({
      error: { reason: expect.stringContaining('another schema') as unknown },
    })
})
