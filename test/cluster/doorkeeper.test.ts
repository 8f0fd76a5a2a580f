//! Who may begin a handshake on the peer port.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { Doorkeeper, type Addresses } from '../../src/cluster/doorkeeper.ts'

const NODE = '10.0.0.1'
const SERVER = '10.0.0.2'
const there: Addresses = new Map([
  [NODE, 'node'],
  [SERVER, 'server'],
])
const now = millis(1_000)

/** How many of so many were let in. */
function crowd(keeper: Doorkeeper, count: number, addressOf: (place: number) => string): number {
  const places = Array.from({ length: count }, (_, place) => place)
  return places.filter((place) => keeper.enter(addressOf(place), now) !== undefined).length
}

test('one address gets few places, many addresses not many more, and nodes have their own', () => {
  const keeper = new Doorkeeper(() => there)
  expect(crowd(keeper, 100, () => '10.0.0.66')).toBe(4)
  expect(crowd(keeper, 1_000, (place) => `10.1.${place >> 8}.${place & 255}`)).toBe(28)
  expect(crowd(keeper, 100, () => NODE)).toBe(16)
})

test('a place is free again when its holder has proved itself, once', () => {
  const keeper = new Doorkeeper(() => there)
  const leaves = [1, 2, 3, 4].map(() => keeper.enter('10.0.0.66', now))
  expect(keeper.enter('10.0.0.66', now)).toBeUndefined()
  leaves[0]?.()
  leaves[0]?.()
  expect(keeper.enter('10.0.0.66', now)).toBeDefined()
  expect(keeper.enter('10.0.0.66', now)).toBeUndefined()
})

test('who comes and goes quickly is slowed down; nodes are not', () => {
  const keeper = new Doorkeeper(() => there)
  const comeAndGo = (address: string, at: number): boolean => {
    const leave = keeper.enter(address, millis(at))
    leave?.()
    return leave !== undefined
  }
  const tries = (address: string, from: number): number =>
    Array.from({ length: 1_000 }, (_, place) => comeAndGo(address, from + place)).filter(Boolean)
      .length
  // A second of a thousand: 40 in a row, 20 a second.
  expect(tries('10.0.0.66', 0)).toBe(59)
  expect(tries(NODE, 1_000)).toBe(1_000)
  // A server of its own: 10 in a row, 2 a second.
  expect(tries(SERVER, 2_000)).toBe(11)
  expect(tries('10.0.0.66', 5_000)).toBe(59)
})

test('it is looked up once a second whose the addresses are, however many come', () => {
  let looks = 0
  const addresses = new Map<string, 'node'>()
  const keeper = new Doorkeeper(() => {
    looks++
    return new Map(addresses)
  })
  for (let place = 0; place < 10_000; place++) keeper.enter(`10.1.${place >> 8}.1`, now)
  expect(looks).toBe(1)
  // A node that has joined is one within a second.
  addresses.set(NODE, 'node')
  const nodes = (at: number): number =>
    Array.from({ length: 100 }, () => keeper.enter(NODE, millis(at))).filter(Boolean).length
  expect(nodes(1_500)).toBe(0)
  expect(nodes(2_000)).toBe(16)
  expect(looks).toBe(2)
})
