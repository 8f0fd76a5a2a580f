//! When the neighbours are told where the addresses are. A process that is stopped comes to its
//! timers late, and its clock has gone on.

import { expect, test } from 'vitest'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import { Announcer } from '../../../src/cluster/vip/announcer.ts'
import { World } from '../../harness/world.ts'

const FOUR = '192.0.2.100'
const SIX = '2001:db8::100'
const OFTEN = [0, 60, 200, 500, 1_000, 2_000, 4_000]

/** `told`: what was announced, and when. */
function scene() {
  const world = new World(1)
  const told: string[] = []
  let stoppedFor = 0
  let takes = 0
  let heldUntil = Number.POSITIVE_INFINITY
  const now = (): Millis => after(world.now, millis(stoppedFor))
  const announcer = new Announcer({
    host: {
      now,
      wake: (at, run) => world.at(millis(at - stoppedFor), run),
      log: world.host('node-1').log,
    },
    vip: {
      addresses: [
        { address: FOUR, prefix: 24 },
        { address: SIX, prefix: 64 },
      ],
      interface: 'eth0',
    },
    announce: (interfaceName, address) => {
      told.push(`${now()} ${address} ${interfaceName}`)
      stoppedFor += takes
      return ''
    },
    isOurs: () => now() < heldUntil,
  })
  return {
    announcer,
    told,
    world,
    /** The clock goes on, and nothing else. */
    stop: (ms: number) => (stoppedFor += ms),
    holds: (until: number) => (heldUntil = until),
    /** An announcement, before it comes back. */
    takes: (ms: number) => (takes = ms),
  }
}

const both = (at: number): string[] => [`${at} ${FOUR} eth0`, `${at} ${SIX} eth0`]

test('they are told often at first', () => {
  const { announcer, told, world } = scene()
  announcer.begin()
  world.pass(millis(5_000))
  expect(told).toEqual(OFTEN.flatMap(both))
})

test('then every ten seconds, for as long as they are here', () => {
  const { announcer, told, world, holds } = scene()
  announcer.begin()
  world.pass(millis(5_000))
  told.length = 0
  world.pass(millis(30_000))
  expect(told).toEqual([14_000, 24_000, 34_000].flatMap(both))
  // Held up for a moment: the lease is renewed.
  holds(40_000)
  world.pass(millis(10_000))
  holds(60_000)
  world.pass(millis(30_000))
  expect(told.slice(6)).toEqual(both(54_000))
  announcer.stop()
  holds(Number.POSITIVE_INFINITY)
  world.pass(millis(60_000))
  expect(told).toHaveLength(8)
})

test('nothing is told once it has been given up, and all of it when it begins again', () => {
  const { announcer, told, world } = scene()
  announcer.begin()
  world.pass(millis(100))
  announcer.stop()
  world.pass(millis(9_900))
  expect(told).toEqual([0, 60].flatMap(both))
  announcer.begin()
  world.pass(millis(5_000))
  announcer.begin()
  expect(told.slice(4)).toEqual([...OFTEN, 5_000].flatMap((at) => both(10_000 + at)))
})

test('who was stopped for longer than the lease says nothing when it goes on', () => {
  const { announcer, told, world, stop, holds } = scene()
  holds(400)
  announcer.begin()
  world.pass(millis(300))
  stop(10_000)
  world.pass(millis(60_000))
  expect(told).toEqual([0, 60, 200].flatMap(both))
})

test('who is stopped between one address and the other does not tell the other', () => {
  const { announcer, told, holds, takes } = scene()
  holds(400)
  takes(10_000)
  announcer.begin()
  expect(told).toEqual(both(0).slice(0, 1))
})

test('who was stopped for less goes on, without making up for what was missed', () => {
  const { announcer, told, world, stop } = scene()
  announcer.begin()
  world.pass(millis(199))
  stop(1_500)
  world.pass(millis(500))
  expect(told).toEqual([0, 60, 1_700, 2_000].flatMap(both))
})
