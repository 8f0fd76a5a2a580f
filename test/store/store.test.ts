//! The store as its users see it, replica thread and all.

import { chmodSync, copyFileSync, existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { wallTime } from '../../src/base/time.ts'
import { openCredentials } from '../../src/store/credentials.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { StoreFault } from '../../src/store/errors.ts'
import { openStore } from '../../src/store/open.ts'
import { extensionByUser } from '../../src/store/schema/extension.ts'
import { setting } from '../../src/store/schema/setting.ts'
import type { Applied, Command, IdempotencyKey } from '../../src/store/store.ts'
import { openVault } from '../../src/store/vault.ts'
import { ACME, acme, put } from './commands.ts'
import { newHome, newStore } from './home.ts'
import { realHost } from './host.ts'

describe('propose', () => {
  test('is readable by the time it resolves, and has the next index', async () => {
    const store = await newStore()
    // The first entry of all is the leader's own.
    expect(await store.propose(put('a', '1'))).toEqual({ ok: true, value: 2 })
    expect(store.read((db) => setting(db, 'system', 'a'))).toBe('1')
    expect(await store.propose(put('a', '2'))).toEqual({ ok: true, value: 3 })
  })

  test('keeps the order of proposing, across batches', async () => {
    const store = await newStore()
    const all = Array.from({ length: 20_000 }, (_, n) => store.propose(put('a', String(n))))
    const indexes = (await Promise.all(all)).map((result) => (result.ok ? result.value : -1))
    expect(indexes).toEqual(Array.from({ length: 20_000 }, (_, n) => n + 2))
    expect(store.read((db) => setting(db, 'system', 'a'))).toBe('19999')
  })

  test('tells the reason of a refusal, and goes on', async () => {
    const store = await newStore()
    const gone = { kind: 'extension.remove', tenant: ACME, user: '9' } as const
    const [refused, taken] = await Promise.all([store.propose(gone), store.propose(put('a', '1'))])
    const reason = 'there is no extension 9'
    expect(refused).toEqual({ ok: false, error: { kind: 'rejected', reason } })
    expect(taken.ok).toBe(true)
  })

  test('applies an intent once, whenever it is repeated', async () => {
    const home = newHome()
    const store = await newStore(home)
    const key = 'k' as IdempotencyKey
    const first = await store.propose(put('a', '1'), key)
    await store.propose(put('a', '2'))
    expect(await store.propose(put('a', '1'), key)).toEqual(first)
    await store.close()
    const again = await newStore(home)
    expect(await again.propose(put('a', '1'), key)).toEqual(first)
    expect(again.read((db) => setting(db, 'system', 'a'))).toBe('2')
  })

  test('beyond the bound is refused at once, not queued', async () => {
    const store = await newStore()
    const all = Array.from({ length: 50_010 }, () => store.propose(put('a', '1')))
    const results = await Promise.all(all)
    expect(results.filter(({ ok }) => ok).length).toBe(50_000)
    expect(results.at(-1)).toEqual({ ok: false, error: { kind: 'overloaded' } })
  })
})

describe('applied', () => {
  test('is told in log order, before the proposer; no refusals, no passwords', async () => {
    const store = await newStore()
    const told: Applied[] = []
    store.applied((applied) => told.push(applied))
    const secret = { kind: 'password', realm: 'acme.example', password: 'hush' } as const
    const at = wallTime(2)
    const user = { tenant: ACME, user: '100', displayName: 'A', enabled: true, at }
    const rows = [['101', 'B', 'hush']] as const
    const realm = 'acme.example'
    void store.propose(put('a', '1'))
    void store.propose(acme)
    void store.propose({ kind: 'extension.remove', tenant: ACME, user: '7' })
    void store.propose({ kind: 'extension.put', ...user, secret })
    const last = store.propose({ kind: 'extension.import', tenant: ACME, realm, rows, at })
    const seen = last.then(() => told.length)
    expect(await seen).toBe(4)
    expect(told.map(({ index }) => index)).toEqual([2, 3, 5, 6])
    expect(JSON.stringify(told)).not.toContain('hush')
  })
})

describe('readLinearizable', () => {
  test('sees everything proposed before it', async () => {
    const store = await newStore()
    void store.propose(put('a', '1'))
    const read = await store.readLinearizable((db) => setting(db, 'system', 'a'))
    expect(read).toEqual({ ok: true, value: '1' })
  })
})

describe('close', () => {
  test('finishes what was proposed, and refuses more', async () => {
    const home = newHome()
    const store = await newStore(home)
    const last = store.propose(put('a', '1'))
    const closed = store.close()
    expect(await store.propose(put('a', '2'))).toEqual({ ok: false, error: { kind: 'closed' } })
    expect((await last).ok).toBe(true)
    await closed
    // Merged into the database: nothing is left for the next start to recover.
    expect(existsSync(join(home, 'pbx.db-wal'))).toBe(false)
    const again = await newStore(home)
    expect(again.read((db) => setting(db, 'system', 'a'))).toBe('1')
    expect(await again.propose(put('b', '1'))).toEqual({ ok: true, value: 4 })
  })
})

describe('secrets', () => {
  test('are sealed with a key that only its owner can read', async () => {
    const home = newHome()
    const store = await newStore(home)
    expect(statSync(join(home, 'secret.key')).mode & 0o777).toBe(0o600)
    await store.propose(acme)
    const secret = { kind: 'password', realm: 'acme.example', password: 'hush' } as const
    const user = { tenant: ACME, user: '100', displayName: 'A', enabled: true, at: wallTime(2) }
    await store.propose({ kind: 'extension.put', ...user, secret })
    const row = store.read((db) => extensionByUser(db, ACME, '100'))
    expect(row).toBeDefined()
    if (row === undefined) return
    const vault = openVault(home)
    expect(openCredentials(vault, row, row.sealed)).toEqual({
      md5: '60d096476564bdb311e7534e326d03e8',
      sha256: '4939a0315b137b64b16456e0f57c07247a891ebc5f9325c794830f6c6bc4b510',
    })
    expect(openCredentials(vault, { tenant: ACME, user: '101' }, row.sealed)).toBeUndefined()
  })
})

describe('a directory that cannot be used is refused with how to mend it', () => {
  const open = (directory: string): Promise<StoreFault | undefined> => {
    const opening = openStore({ host: realHost(), directory, onFault: () => undefined })
    return opening.then(
      async (store) => {
        await store.close()
        return undefined
      },
      (fault: unknown) => (fault instanceof StoreFault ? fault : undefined),
    )
  }

  test('in use', async () => {
    const home = newHome()
    await newStore(home)
    const fault = await open(home)
    expect(fault?.code).toBe('data-in-use')
    expect(fault?.exitCode).toBe(2)
    expect(fault?.message).toContain('stop it, or name another directory')
  })

  test('missing', async () => {
    const fault = await open('/nowhere/at/all')
    expect(fault?.code).toBe('data-unusable')
  })

  test('of a newer release', async () => {
    const home = newHome()
    await (await newStore(home)).close()
    const database = WriteConnection.open(join(home, 'pbx.db'), { addon: undefined })
    database.script('PRAGMA user_version = 999')
    database.close()
    const fault = await open(home)
    expect(fault?.code).toBe('newer-schema')
    expect(fault?.message).toContain('start that one')
  })

  test('with a command of a newer release in its log', async () => {
    const directory = newHome()
    const faults: StoreFault[] = []
    const onFault = (each: StoreFault): void => void faults.push(each)
    const store = await openStore({ host: realHost(), directory, onFault })
    await store.propose(put('a', '1'))
    const newer = { kind: 'meeting.planned' } as unknown as Command
    expect(await store.propose(newer)).toMatchObject({ ok: false, error: { kind: 'timeout' } })
    expect(faults.map(({ code, message }) => [code, message.slice(0, 32)])).toEqual([
      ['newer-schema', 'the log has meeting.planned, whi'],
    ])
    await store.close()
    // Nothing of it was applied: the release that knows it goes on from here.
    const database = WriteConnection.open(join(directory, 'pbx.db'), { addon: undefined })
    const row = database.get('SELECT applied_index FROM replica')
    expect(row).toEqual({ applied_index: 2 })
    database.close()
  })

  test('without its key, with another one, or with one that others can read', async () => {
    const home = newHome()
    await (await newStore(home)).close()
    const key = join(home, 'secret.key')
    copyFileSync(key, join(home, 'saved'))
    rmSync(key)
    expect((await open(home))?.message).toContain('restore the key')
    writeFileSync(key, new Uint8Array(32), { mode: 0o600 })
    expect((await open(home))?.message).toContain('is not that of the database')
    copyFileSync(join(home, 'saved'), key)
    chmodSync(key, 0o644)
    expect((await open(home))?.message).toContain('chmod 600')
    chmodSync(key, 0o600)
    expect(await open(home)).toBeUndefined()
  })

  test('damaged', async () => {
    const home = newHome()
    await (await newStore(home)).close()
    writeFileSync(
      join(home, 'pbx.db'),
      'this is not a database, whatever its name says '.repeat(99),
    )
    const fault = await open(home)
    expect(fault?.code).toBe('corrupt')
    expect(fault?.message).toContain('restore a backup')
  })
})

test('commits are synced to the disk, one by one: WAL, synchronous FULL', async () => {
  const home = newHome()
  await (await newStore(home)).close()
  const database = WriteConnection.open(join(home, 'pbx.db'), { addon: undefined })
  expect(database.get('PRAGMA journal_mode')).toEqual({ journal_mode: 'wal' })
  expect(database.get('PRAGMA synchronous')).toEqual({ synchronous: 2 })
  database.close()
})
