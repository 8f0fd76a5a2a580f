//! When another host that has the addresses as well is spoken of, and to whom.

import { expect, test } from 'vitest'
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
  const waiting = new Map<string, string>()
  const said: string[] = []
  const seen = { asked: 0, defended: 0 }
  let isOurs = true
  const rivals: Rivals = new Rivals({
    host: {
      now: () => world.now,
      wake: (at, run) => world.at(at, run),
      log: (level, event) => said.push(`${world.now} ${level} ${event}`),
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
        waiting.set(address, holders.get(address) ?? '')
        return ''
      },
      claims: (_, address) => {
        const heard = waiting.get(address) ?? ''
        waiting.delete(address)
        return heard
      },
      own: () => new Set([OWN]),
    },
    isOurs: () => isOurs,
    defend: () => seen.defended++,
    onChanged: () => said.push(`${world.now} ${rivals.conflict ?? 'nobody else'}`),
  })
  return { world, rivals, holders, waiting, said, seen, loses: () => (isOurs = false) }
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
