//! Three replicas on real disks: what one is told is on all of them, byte by byte, also after one
//! was away for so long that the log does not reach back to where it was.

import { existsSync, rmSync, symlinkSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { assert } from '../../src/base/assert.ts'
import type { NodeId } from '../../src/raft/entry.ts'
import { put } from './commands.ts'
import { COMPARE_EVERY, Group, IDS, PATIENCE } from './group.ts'

let group = new Group()
afterEach(() => {
  for (const id of IDS) group.stop(id)
  group = new Group()
})

function begin(): void {
  for (const id of IDS) group.start(id)
  group.tick(300)
}

function isAbreast(id: NodeId): boolean {
  return group.nodes.get(id)?.replica.status.applied === group.leader.status.applied
}

function propose(from: number, to: number): void {
  const proposals = Array.from({ length: to - from }, (_, place) => {
    return { command: put(`k${(from + place) % 100}`, String(from + place)), key: undefined }
  })
  group.leader.propose(proposals)
  group.run()
}

/** The dump of all, when it is the same; else where the first difference is. */
function same(): string {
  const [first = '', ...others] = IDS.map((id) => group.dump(id))
  for (const other of others) {
    if (first === other) continue
    let at = 0
    while (first[at] === other[at]) at++
    return `${first.slice(at - 60, at + 60)} <> ${other.slice(at - 60, at + 60)}`
  }
  return first
}

test('a command is applied by all, and acknowledged once', () => {
  begin()
  propose(0, 50)
  expect(group.outcomes.flatMap(({ indexes }) => indexes)).toHaveLength(50)
  expect(group.outcomes.flatMap(({ failures }) => failures)).toEqual([])
  expect(same()).toContain('"k49"')
})

test('a follower does not take proposals', () => {
  begin()
  const follower = [...group.nodes.values()].find(({ replica }) => replica.status.role !== 'leader')
  follower?.replica.propose([{ command: put('k', '1'), key: undefined }])
  expect(group.outcomes.at(-1)?.failures).toEqual([{ place: 0, kind: 'no-leader' }])
})

test('who was away gets what it missed, entry by entry or as a snapshot', async () => {
  begin()
  propose(0, 10)
  const away = IDS.find((id) => group.nodes.get(id)?.replica !== group.leader)
  assert(away !== undefined, 'two follow')
  group.stop(away)
  propose(10, 200)
  group.start(away)
  group.tick(50)
  expect(same()).toContain('"199"')
  expect(group.chunks).toBe(0)

  group.stop(away)
  for (let from = 1_000; from < 2_000; from += 100) propose(from, from + 100)
  group.start(away)
  // A copy is made in steps, between other work.
  for (let turns = 0; turns < 1_000 && !isAbreast(away); turns++) {
    await turn()
    group.tick(1)
  }
  expect(same()).toContain('"1999"')
  expect(group.chunks).toBeGreaterThan(0)
  const home = group.homes.get(group.leader.status.id) ?? ''
  expect(existsSync(join(home, 'snapshot.db'))).toBe(true)
  group.tick(PATIENCE)
  expect(existsSync(join(home, 'snapshot.db'))).toBe(false)
})

test('a copy that cannot be written ends nobody, and is made when it can be', async () => {
  begin()
  propose(0, 10)
  const [away] = followers()
  assert(away !== undefined, 'two follow')
  group.stop(away)
  for (let from = 0; from < 1_000; from += 100) propose(from, from + 100)
  const copy = join(group.homes.get(group.leader.status.id) ?? '', 'snapshot.db')
  // Into a directory that there is not; what failed is removed.
  symlinkSync(join(copy, '..', 'nowhere', 'snapshot.db'), copy)
  group.start(away)
  for (let turns = 0; turns < 1_000 && group.leader.trouble === undefined; turns++) {
    await turn()
    group.tick(1)
  }
  expect(group.leader.trouble).toMatch(/^cannot use .*snapshot.db /)
  expect(isAbreast(away)).toBe(false)
  for (let turns = 0; turns < 1_000 && !isAbreast(away); turns++) {
    await turn()
    group.tick(1)
  }
  expect(same()).toContain('"999"')
})

test('a leader that is cut off says that it does not know, and goes on when it is back', () => {
  begin()
  const { id } = group.leader.status
  const old = group.leader
  group.cut = id
  old.propose([1, 2, 3].map((value) => ({ command: put('lost', String(value)), key: undefined })))
  group.run()
  const before = group.outcomes.length
  group.tick(300)
  const told = group.outcomes.slice(before)
  expect(told.flatMap(({ failures }) => failures.map(({ kind }) => kind))).toEqual([
    'timeout',
    'timeout',
    'timeout',
  ])
  propose(0, 2_000)
  group.cut = undefined
  group.tick(300)
  old.propose([{ command: undefined, key: undefined }])
  group.tick(10)
  expect(group.outcomes.at(-1)?.indexes).toHaveLength(1)
  expect(same()).not.toContain('"lost"')
})

test('with one left nothing is acknowledged, and with two again everything is', () => {
  begin()
  const others = IDS.filter((id) => group.nodes.get(id)?.replica !== group.leader)
  for (const id of others) group.stop(id)
  const before = group.outcomes.length
  group.leader.propose([{ command: put('k', 'alone'), key: undefined }])
  group.run()
  expect(group.outcomes).toHaveLength(before)
  const [back] = others
  assert(back !== undefined, 'two followed')
  group.start(back)
  group.tick(30)
  expect(group.outcomes.slice(before).flatMap(({ indexes }) => indexes)).toHaveLength(1)
  expect(group.dump(back)).toContain('"alone"')
})

test('what is proposed while office is handed over waits for what comes of that', () => {
  begin()
  const [to] = followers()
  assert(to !== undefined, 'two follow')
  const old = group.leader
  group.stop(to)
  propose(0, 10)
  const before = group.outcomes.length
  // It has to be brought up to date first, and is not there.
  old.ask((raft) => raft.transferTo(to))
  old.propose([{ command: put('late', '1'), key: undefined }])
  old.propose([{ command: put('late', '2'), key: undefined }])
  expect(group.outcomes).toHaveLength(before)
  group.tick(100)
  expect(old.status.role).toBe('leader')
  expect(group.outcomes.slice(before).flatMap(({ indexes }) => indexes)).toHaveLength(2)
  group.start(to)
  group.tick(100)
  expect(same()).toContain('"late"')

  const after = group.outcomes.length
  old.ask((raft) => raft.transferTo(to))
  old.propose([{ command: put('lost', '1'), key: undefined }])
  expect(group.outcomes).toHaveLength(after)
  group.run()
  expect(group.leader.status.id).toBe(to)
  const told = group.outcomes.slice(after).flatMap(({ failures }) => failures)
  expect(told).toEqual([{ place: 0, kind: 'no-leader' }])
  expect(same()).not.toContain('"lost"')
})

function followers(): NodeId[] {
  return IDS.filter((id) => group.nodes.get(id)?.replica !== group.leader)
}

test('states are compared, after a restart and a snapshot too', async () => {
  begin()
  propose(0, 100)
  const [away] = followers()
  assert(away !== undefined, 'two follow')
  group.stop(away)
  for (let from = 100; from < 1_100; from += 100) propose(from, from + 100)
  group.start(away)
  for (let turns = 0; turns < 1_000 && !isAbreast(away); turns++) {
    await turn()
    group.tick(1)
  }
  expect(group.chunks).toBeGreaterThan(0)
  propose(1_100, 1_150)
  for (const { replica } of group.nodes.values())
    expect(replica.compared).toBeGreaterThan(replica.status.applied - 2 * COMPARE_EVERY)
})

test("a node whose state is not the leader's stops, and does not begin again", () => {
  begin()
  propose(0, 100)
  const [id] = followers()
  assert(id !== undefined, 'two follow')
  group.tamper(id, "UPDATE settings SET value = 'x' WHERE name = 'k1'")
  // Until the row is changed the digest does not know: it is kept, not counted.
  propose(100, 101)
  const found =
    /^this node's state after entry \d+ is .*, the leader's is .*: run pbx cluster rejoin/
  expect(() => propose(101, 140)).toThrow(found)
  group.stop(id)
  expect(() => group.start(id)).toThrow(found)
})

test('a snapshot that is not what was sent is not taken over', async () => {
  begin()
  const [away] = followers()
  assert(away !== undefined, 'two follow')
  propose(0, 10)
  group.stop(away)
  for (let from = 0; from < 1_000; from += 100) propose(from, from + 100)
  const { id } = group.leader.status
  group.tamper(id, "UPDATE settings SET value = 'x' WHERE name = 'k1'")
  group.start(away)
  await expect(async () => {
    for (let turns = 0; turns < 1_000 && !isAbreast(away); turns++) {
      await turn()
      group.tick(1)
    }
  }).rejects.toThrow(/^a snapshot of the state .* has arrived as .*: check the disks/)
})

test.each(['emptied', 'removed'] as const)(
  'a node whose database was %s does not begin as another would',
  (what) => {
    begin()
    propose(0, 10)
    const [id] = followers()
    assert(id !== undefined, 'two follow')
    group.stop(id)
    const file = group.file(id)
    for (const name of [`${file}-wal`, `${file}-shm`]) rmSync(name, { force: true })
    if (what === 'emptied') truncateSync(file)
    else rmSync(file)
    const lost = /has lost the database of this node, .*: run pbx cluster rejoin --data/
    expect(() => group.start(id)).toThrow(lost)
    // Not the next time either.
    expect(() => group.start(id)).toThrow(lost)
    expect(existsSync(file)).toBe(what === 'emptied')
  },
)
