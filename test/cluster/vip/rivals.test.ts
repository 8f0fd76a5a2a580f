//! When another host that has the addresses as well is spoken of, and to whom.

import { expect, test } from 'vitest'
import { err, ok } from '../../../src/base/result.ts'
import { millis } from '../../../src/base/time.ts'
import { Rivals } from '../../../src/cluster/vip/rivals.ts'
import { World } from '../../harness/world.ts'

const FOUR = '192.0.2.100'
const SIX = '2001:db8::100'
const OWN = '02:00:00:00:00:01'
const OTHER = '02:00:00:00:00:02'
const MEND = 'take it from that host, or phones reach either of the two'

function scene() {
  const world = new World(1)
  /** Who answers for it. */
  const holders = new Map<string, string>()
  /** Who does by turns. */
  const turns = new Map<string, string[]>()
  const waiting = new Map<string, string>()
  const said: string[] = []
  const seen = { asked: 0, defended: 0 }
  let isOurs = true
  let canLook = true
  const rivals: Rivals = new Rivals({
    host: {
      now: () => world.now,
      wake: (at, run) => world.at(at, run),
      log: (level, event, fields) =>
        said.push(
          `${world.now} ${level} ${event} ${level === 'warn' ? fields?.['why'] : ''}`.trim(),
        ),
    },
    vip: {
      addresses: [
        { address: FOUR, prefix: 24 },
        { address: SIX, prefix: 64 },
      ],
      interface: 'eth0',
    },
    ears: {
      askForClaims: (_, address) => {
        seen.asked++
        const next = turns.get(address)?.shift()
        if (next !== undefined) turns.get(address)?.push(next)
        waiting.set(address, next ?? holders.get(address) ?? '')
        return ''
      },
      claims: (_, address) => {
        const heard = waiting.get(address) ?? ''
        waiting.delete(address)
        return heard
      },
      own: () => (canLook ? ok(new Set([OWN])) : err('EMFILE')),
    },
    isOurs: () => isOurs,
    defend: () => seen.defended++,
    onChanged: () => said.push(`${world.now} ${rivals.conflict ?? 'nobody else'}`),
  })
  const loses = (): unknown => (isOurs = false)
  const looks = (can: boolean): unknown => (canLook = can)
  return { world, rivals, holders, turns, waiting, said, seen, loses, looks }
}

test('who answers twice in a row is told of, and that it is gone, when it is twice', () => {
  const { world, rivals, holders, said, seen } = scene()
  rivals.begin()
  world.pass(millis(5_000))
  expect(said).toEqual([])
  holders.set(FOUR, `${OWN} ${OTHER}`)
  world.pass(millis(60_000))
  expect(said).toEqual(['13500 error vip.conflict', `13500 ${OTHER} has ${FOUR} as well: ${MEND}`])
  // Each time that it was heard.
  expect(seen.defended).toBe(6)
  said.length = 0
  holders.set(SIX, OTHER)
  world.pass(millis(15_000))
  expect(said.at(-1)).toContain(
    `${OTHER} has ${FOUR} as well; ${OTHER} has ${SIX} as well: ${MEND}`,
  )
  said.length = 0
  holders.clear()
  world.pass(millis(15_000))
  expect(said.map((line) => line.replace(/^\d+ /, ''))).toEqual([
    'info vip.conflict-over',
    'nobody else',
  ])
})

test('who had them before, and lets go of them, is not', () => {
  const { world, rivals, holders, waiting, said } = scene()
  // Still under way when they came here.
  waiting.set(FOUR, OTHER)
  rivals.begin()
  world.pass(millis(11_000))
  holders.set(FOUR, OTHER)
  world.pass(millis(1_000))
  holders.clear()
  world.pass(millis(60_000))
  expect(said).toEqual([])
})

test('this host answering at another of its interfaces is not', () => {
  const { world, rivals, holders, said, seen } = scene()
  holders.set(FOUR, OWN)
  rivals.begin()
  world.pass(millis(60_000))
  expect([said, seen.defended]).toEqual([[], 0])
})

test('who has them not any more asks and says nothing', () => {
  const { world, rivals, holders, said, seen, loses } = scene()
  holders.set(FOUR, OTHER)
  rivals.begin()
  world.pass(millis(1_200))
  loses()
  world.pass(millis(60_000))
  expect([said, seen]).toEqual([[], { asked: 2, defended: 0 }])
  rivals.stop()
})

test('two that are heard by turns are told of, and several by their number', () => {
  const { world, rivals, holders, turns, said } = scene()
  const others = Array.from({ length: 6 }, (_, at) => `02:00:00:00:00:0${at + 2}`)
  turns.set(FOUR, others.slice(0, 2))
  rivals.begin()
  world.pass(millis(60_000))
  const both = `${others[0]} and ${others[1]} have ${FOUR} as well: ${MEND}`
  expect(said).toEqual(['3000 error vip.conflict', `3000 ${both}`])
  turns.clear()
  holders.set(FOUR, others.join(' '))
  world.pass(millis(60_000))
  const some = others.slice(0, 3).join(', ')
  expect(rivals.conflict).toBe(`${some} and 3 more have ${FOUR} as well: ${MEND}`)
})

test('one at times does not hide another that is there all the time', () => {
  const { world, rivals, holders, turns } = scene()
  holders.set(FOUR, OTHER)
  turns.set(SIX, [OTHER, ''])
  rivals.begin()
  world.pass(millis(60_000))
  expect(rivals.conflict).toBe(`${OTHER} has ${FOUR} as well: ${MEND}`)
})

test('who this host is, is not known for a while: what was told stays, as is said once', () => {
  const { world, rivals, holders, said, looks } = scene()
  holders.set(FOUR, OTHER)
  rivals.begin()
  world.pass(millis(5_000))
  said.length = 0
  looks(false)
  world.pass(millis(60_000))
  expect(said.map((line) => line.replace(/^\d+ /, ''))).toEqual(['warn vip.not-asked EMFILE'])
  expect(rivals.conflict).toBe(`${OTHER} has ${FOUR} as well: ${MEND}`)
  looks(true)
  holders.clear()
  world.pass(millis(60_000))
  expect(rivals.conflict).toBeUndefined()
})
