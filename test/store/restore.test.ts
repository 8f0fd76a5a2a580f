//! A backup of one store restored into another: what was configured is there, readable with the key
//! of the one that it came to, and what is of the running system stays.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import type { TenantId } from '../../src/control/ids.ts'
import { openCredentials } from '../../src/store/credentials.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { ImageReader, makeImage } from '../../src/store/image/client.ts'
import { restoreImage } from '../../src/store/restore.ts'
import { bindingsOf } from '../../src/store/schema/binding.ts'
import { countExtensions, extensionByUser } from '../../src/store/schema/extension.ts'
import { allTenants } from '../../src/store/schema/tenant.ts'
import { isRestoring } from '../../src/store/schema/restore.ts'
import { SCHEMA_VERSION } from '../../src/store/schema/schema.ts'
import type { Command, Store } from '../../src/store/store.ts'
import { openVault } from '../../src/store/vault.ts'
import { Backups } from '../../src/backup/backups.ts'
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
  const done = await restoreImage(store, opened.value, { name, onProgress: () => {} })
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
