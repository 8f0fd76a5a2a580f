//! Bulk import through a real store.

import { expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import type { TenantId } from '../../src/control/ids.ts'
import { importExtensions, type BadLine } from '../../src/store/import.ts'
import { countExtensions, extensionByUser } from '../../src/store/schema/extension.ts'
import { allTenants } from '../../src/store/schema/tenant.ts'
import type { Store } from '../../src/store/store.ts'
import { ACME, acme } from './commands.ts'
import { newStore } from './home.ts'

async function run(store: Store, text: string) {
  const bad: BadLine[] = []
  const onBadLine = (line: BadLine): undefined => void bad.push(line)
  const options = { wall: () => wallTime(5), onBadLine }
  const result = await importExtensions(store, pieces(text), options)
  return { result, bad }
}

async function* pieces(text: string): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  // Cut inside of characters too.
  for (let at = 0; at < bytes.length; at += 1001) yield bytes.subarray(at, at + 1001)
}

test('bad lines are told by number and reason, the others are imported', async () => {
  const store = await newStore()
  await store.propose(acme)
  await store.propose({ kind: 'domain.add', tenant: ACME, domain: 'voice.acme.example' })
  const { result, bad } = await run(
    store,
    [
      'domain,extension,password,display_name',
      'acme.example,100,secret,Änne Größe',
      'ACME.example,101,secret',
      'acme.example,102',
      'acme.example,1 03,secret,X',
      ',104,secret,X',
      'acme.example,105,,X',
      'voice.acme.example,106,secret,"Doe, Jane"',
      'acme.example,107,"oops,X',
      'new.example,200,secret,New',
      'new.example;201;secret;New',
    ].join('\n'),
  )
  expect(result).toEqual({ ok: true, value: { lines: 10, imported: 4, bad: 6, weak: 4 } })
  expect(bad).toEqual([
    { line: 4, reason: '2 fields; expected domain,extension,password,display_name' },
    {
      line: 5,
      reason: `the extension "1 03" has characters other than A-Z a-z 0-9 ._~!*'()&=+$-`,
    },
    { line: 6, reason: 'the domain is empty' },
    { line: 7, reason: 'the password is empty' },
    { line: 9, reason: 'a quote is opened and not closed' },
    { line: 11, reason: expect.stringContaining('(commas between them, not semicolons)') },
  ])
  const named = (tenant: string, user: string): string | undefined => {
    return store.read((db) => extensionByUser(db, tenant as TenantId, user)?.displayName)
  }
  expect(named('acme', '100')).toBe('Änne Größe')
  expect(named('acme', '101')).toBe('101')
  expect(named('acme', '106')).toBe('Doe, Jane')
  expect(named('new.example', '200')).toBe('New')
  expect(store.read(allTenants).map(({ tenant }) => tenant)).toEqual(['acme', 'new.example'])
})

test('a domain that cannot be made costs its own lines only', async () => {
  const store = await newStore()
  const { result, bad } = await run(
    store,
    ['system,1,secret,A', 'acme.example,100,secret,B', 'System,2,secret,C'].join('\n'),
  )
  const reason = 'a tenant cannot be called system'
  expect(bad).toEqual([
    { line: 1, reason },
    { line: 3, reason },
  ])
  expect(result).toEqual({ ok: true, value: { lines: 3, imported: 1, bad: 2, weak: 1 } })
  expect(store.read(allTenants).map(({ tenant }) => tenant)).toEqual(['acme.example'])
})

test('many lines of a domain that cannot be made are one command', async () => {
  const store = await newStore()
  const before = await store.propose(acme)
  const { result } = await run(store, 'system,1,secret,A\n'.repeat(50))
  expect(result).toMatchObject({ ok: true, value: { bad: 50 } })
  const after = await store.propose(acme)
  expect(after.ok && before.ok && after.value - before.value).toBe(2)
})

test('the same file again updates, and several batches go at once', async () => {
  const store = await newStore()
  const file = (name: string): string => {
    return Array.from({ length: 4321 }, (_, n) => `d${n % 3}.example,${n},p${n},${name}\n`).join('')
  }
  expect((await run(store, file('Old'))).result).toMatchObject({ ok: true })
  expect((await run(store, file('New'))).result).toMatchObject({ ok: true })
  expect(store.read(countExtensions)).toBe(4321)
  const tenant = 'd1.example' as TenantId
  expect(store.read((db) => extensionByUser(db, tenant, '4'))?.displayName).toBe('New')
})

test('a store that gives up ends the import with its reason', async () => {
  const store = await newStore()
  async function* closedHalfway(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('acme.example,100,secret,A\n')
    await store.close()
    yield Buffer.from('acme.example,101,secret,B\n')
  }
  const options = { wall: () => wallTime(5), onBadLine: () => undefined }
  const result = await importExtensions(store, closedHalfway(), options)
  expect(result).toEqual({ ok: false, error: { kind: 'closed' } })
})
