//! What goes over to the next schema besides the rows of a running group: a system that is alone,
//! readers, snapshots, backups, and the second database of litestream.

import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import type { NodeId } from '../../src/raft/entry.ts'
import { ReadConnection, WriteConnection } from '../../src/store/database.ts'
import { makeImage } from '../../src/store/image/make.ts'
import { openImage } from '../../src/store/image/read.ts'
import { ShadowDatabase } from '../../src/store/image/shadow.ts'
import { openReplica, type OpenReplica } from '../../src/store/replica/open-replica.ts'
import { StateDigest } from '../../src/store/replica/state-digest.ts'
import { setting } from '../../src/store/schema/setting.ts'
import { RELEASE, SCHEMA_VERSION } from '../../src/store/schema/schema.ts'
import { schemaVersion } from '../../src/store/schema/version.ts'
import type { Command, Row } from '../../src/store/store.ts'
import { openVault } from '../../src/store/vault.ts'
import { NEXT, NEXT_RELEASE } from '../harness/next-release.ts'
import { put } from './commands.ts'
import { Group, IDS } from './group.ts'
import { newHome } from './home.ts'

const OPTIONS = { addon: undefined }
const HOST = {
  onOutcomes: () => {},
  send: () => {},
  onFault: (error: unknown) => {
    throw error
  },
}

function open(home: string, release = RELEASE): OpenReplica {
  return openReplica(home, { ...OPTIONS, release }, HOST)
}

function propose({ replica }: OpenReplica, ...commands: readonly Command[]): void {
  replica.propose(commands.map((command) => ({ command, key: undefined })))
}

function read<T>(file: string, query: (db: ReadConnection) => T): T {
  const reader = ReadConnection.open(file, OPTIONS)
  try {
    return query(reader)
  } finally {
    reader.close()
  }
}

const settings = (db: ReadConnection): readonly Row[] => db.all('SELECT * FROM settings')

/** A system of this release with a setting in it, and its database. */
function made(): { home: string; file: string } {
  const home = newHome()
  const first = open(home)
  propose(first, put('a', '1'))
  first.close()
  return { home, file: join(home, 'pbx.db') }
}

test('a system that is alone goes over through its log, before anybody is served', () => {
  const { home, file } = made()
  const before = read(file, (db) => db.get('SELECT applied_index FROM replica'))
  const reader = ReadConnection.open(file, OPTIONS)
  expect(settings(reader)).toEqual([{ scope: 'system', name: 'a', value: '1' }])
  const next = open(home, NEXT_RELEASE)
  expect(next.replica.schema).toEqual({ inForce: NEXT, newest: NEXT, waitsFor: [] })
  const applied = read(file, (db) => db.get('SELECT applied_index FROM replica'))
  expect(Number(applied?.['applied_index'])).toBe(Number(before?.['applied_index']) + 2)
  // What was prepared before goes on, with the columns that there are now.
  expect(settings(reader)).toEqual([{ scope: 'system', name: 'a', value: '1', version: 1 }])
  propose(next, put('a', '2'))
  expect(settings(reader)).toEqual([{ scope: 'system', name: 'a', value: '2', version: 2 }])
  reader.close()
  next.close()
  expect(() => open(home)).toThrow(/of a newer release .*: start that one/)
})

test('the digest is that of the rows as they have become', () => {
  const { home, file } = made()
  const next = open(home, NEXT_RELEASE)
  propose(next, put('a', '2'), put('b', '3'))
  next.close()
  const db = WriteConnection.open(file, OPTIONS)
  const digest = new StateDigest(db)
  const kept = digest.value
  digest.count()
  expect(digest.value).toBe(kept)
  expect(kept).toMatch(new RegExp(`^${NEXT}:`))
  db.close()
})

const [A] = IDS as [NodeId]
const D = 'd' as NodeId
const groups: Group[] = []
afterEach(() => {
  for (const group of groups.splice(0)) for (const id of [...IDS, D]) group.stop(id)
})

/** Of three, with so many hundred commands. */
function begun(hundreds: number): Group {
  const group = new Group()
  groups.push(group)
  for (const id of IDS) group.start(id, NEXT_RELEASE)
  group.tick(300)
  for (let done = 0; done < hundreds; done++) {
    const proposals = Array.from({ length: 100 }, (_, place) => put(`k${place}`, String(done)))
    group.leader.propose(proposals.map((command) => ({ command, key: undefined })))
    group.tick(2)
  }
  return group
}

async function catchUp(group: Group, id: NodeId): Promise<void> {
  const applied = (): number | undefined => group.nodes.get(id)?.replica.status.applied
  for (let turns = 0; turns < 1_000 && applied() !== group.leader.status.applied; turns++) {
    await turn()
    group.tick(1)
  }
}

test('who gets a snapshot gets its schema', async () => {
  const group = begun(10)
  group.join(D, NEXT_RELEASE)
  await catchUp(group, D)
  expect(group.chunks).toBeGreaterThan(0)
  expect(group.dump(D)).toBe(group.dump(A))
  expect(read(group.file(D), schemaVersion)).toBe(NEXT)
  group.leader.propose([{ command: put('k0', 'x'), key: undefined }])
  group.tick(30)
  expect(group.dump(D)).toBe(group.dump(A))
})

test('a snapshot of a schema that is not known here stops the node', async () => {
  const group = begun(10)
  group.join(D, RELEASE)
  await expect(catchUp(group, D)).rejects.toThrow(/of a newer release .*: start that one/)
  expect(group.chunks).toBeGreaterThan(0)
  expect(read(group.file(D), schemaVersion)).toBe(SCHEMA_VERSION)
})

test('so does an entry, until the node is of the release that knows it', () => {
  const group = begun(1)
  group.join(D, RELEASE)
  const stopped = new RegExp(`the log goes over to schema ${NEXT}, .* knows ${SCHEMA_VERSION}: `)
  expect(() => group.tick(300)).toThrow(stopped)
  group.stop(D)
  group.start(D, NEXT_RELEASE)
  group.tick(300)
  expect(group.chunks).toBe(0)
  expect(group.dump(D)).toBe(group.dump(A))
})

test('a learner has to know it as well', () => {
  const group = new Group()
  groups.push(group)
  for (const id of IDS) group.start(id)
  group.tick(300)
  group.join(D, RELEASE)
  for (const id of IDS) group.start(id, NEXT_RELEASE)
  group.tick(300)
  const [waiting] = [group.leader.schema.waitsFor]
  expect(waiting).toEqual([{ id: D, knows: SCHEMA_VERSION }])
  expect(group.leader.schema.inForce).toBe(SCHEMA_VERSION)
  group.start(D, NEXT_RELEASE)
  group.tick(300)
  for (const id of [...IDS, D]) expect(read(group.file(id), schemaVersion), id).toBe(NEXT)
})

test('who comes in while it is on its way has to know it', () => {
  const group = new Group()
  groups.push(group)
  const [, , c] = IDS as [NodeId, NodeId, NodeId]
  for (const id of IDS) group.start(id, id === c ? RELEASE : NEXT_RELEASE)
  group.tick(300)
  const { leader } = group
  expect(leader.promised).toBe(SCHEMA_VERSION)
  group.start(c, NEXT_RELEASE)
  // It says so to the others, who have not answered yet.
  leader.tick()
  expect([leader.schema.inForce, leader.promised]).toEqual([SCHEMA_VERSION, NEXT])
  group.tick(30)
  expect([leader.schema.inForce, leader.promised]).toEqual([NEXT, NEXT])
})

async function imageOf(file: string): Promise<string> {
  const image = join(newHome(), 'image.db')
  const { schema } = await makeImage(file, image, OPTIONS)
  expect(schema).toBe(read(file, schemaVersion))
  return image
}

test('a backup is brought to the schema in force; of a later one it is refused', async () => {
  const { home, file } = made()
  const keys = { from: openVault(home), to: openVault(home) }
  const [before, into] = [await imageOf(file), { schema: NEXT, release: NEXT_RELEASE }]
  const image = openImage(before, keys, OPTIONS, into)
  expect([...image.batches].map(({ part }) => part)).toEqual(['settings'])
  image.close()
  expect(read(before, settings)).toEqual([{ scope: 'system', name: 'a', value: '1', version: 1 }])

  open(home, NEXT_RELEASE).close()
  const after = await imageOf(file)
  const early = { schema: SCHEMA_VERSION, release: NEXT_RELEASE }
  expect(() => openImage(after, keys, OPTIONS, early)).toThrow('which node waits to be updated')
  expect(() => openImage(after, keys, OPTIONS, { schema: SCHEMA_VERSION })).toThrow('update pbx')
})

test("litestream's database follows", () => {
  const { home, file } = made()
  const shadow = join(newHome(), 'shadow.db')
  const kept = new ShadowDatabase(shadow, file, OPTIONS, NEXT_RELEASE)
  expect(kept.copy()).toBe(true)
  expect(read(shadow, schemaVersion)).toBe(SCHEMA_VERSION)
  const next = open(home, NEXT_RELEASE)
  propose(next, put('b', '2'))
  expect(kept.copy()).toBe(true)
  kept.close()
  next.close()
  expect(read(shadow, settings)).toEqual(read(file, settings))
  expect(read(shadow, (db) => setting(db, 'system', 'b'))).toBe('2')
})
