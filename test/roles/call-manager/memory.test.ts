//! What is kept outside of the heap against what JavaScript keeps in it: random work on both.

import { expect, test } from 'vitest'
import { seededRandom, type Random } from '../../../src/base/random.ts'
import { millis } from '../../../src/base/time.ts'
import { packed, unpacked } from '../../../roles/call-manager/memory/fields.ts'
import { SlotChains } from '../../../roles/call-manager/memory/slot-chains.ts'
import { SlotHeap } from '../../../roles/call-manager/memory/slot-heap.ts'
import { TextMap } from '../../../roles/call-manager/memory/text-map.ts'
import { TEXT_MAX, Texts, type Place } from '../../../roles/call-manager/memory/texts.ts'

const STEPS = 40_000

/** Any bytes, mostly few. */
function textOf(random: Random): string {
  const length = random.chance(1, 100) ? random.below(5_000) : random.below(120)
  const from = random.below(256)
  const bytes = Array.from({ length }, (_, index) => (from + index * 7) & 0xff)
  return String.fromCharCode(...bytes)
}

test('texts are what they were, wherever they come to lie', () => {
  const random = seededRandom(1)
  const texts = new Texts()
  const kept: { place: Place; text: string }[] = []
  for (let n = 0; n < STEPS; n++) {
    const text = textOf(random)
    const entry = kept[random.below(kept.length || 1)]
    const dice = random.below(4)
    if (entry === undefined || dice < 2) kept.push({ place: texts.put(text), text })
    else if (dice === 2) {
      entry.place = texts.replace(entry.place, text)
      entry.text = text
    } else {
      texts.drop(entry.place)
      kept.splice(kept.indexOf(entry), 1)
    }
  }
  expect(kept.length).toBeGreaterThan(1_000)
  for (const { place, text } of kept) expect(texts.get(place)).toBe(text)
})

test('a page is filled to its last byte, and the next one begun', () => {
  const texts = new Texts()
  const whole = 'w'.repeat(TEXT_MAX)
  const places = [texts.put(whole), texts.put('a'), texts.put(whole), texts.put('b')]
  expect(places.map((place) => texts.get(place))).toEqual([whole, 'a', whole, 'b'])
  expect(() => texts.put(`${whole}!`)).toThrow('more than a page')
})

test('a text that grows leaves room that is used again', () => {
  const texts = new Texts()
  let place = texts.put('')
  const grow = (): void => {
    for (let length = 0; length < 30_000; length += 32)
      place = texts.replace(place, 'p'.repeat(length))
  }
  grow()
  // Block after block lies one behind the other: four times the largest, where it was 470 times.
  expect(texts.bytes).toBeLessThanOrEqual(1 << 20)
  const places = Array.from({ length: 20 }, () => texts.put('q'))
  const before = texts.bytes
  for (let length = 29_000; length > 23_000; length -= 32) {
    for (const [index, each] of places.entries())
      places[index] = texts.replace(each, 'q'.repeat(length))
  }
  for (const each of places) texts.drop(each)
  for (let length = 23_000; length < 29_000; length += 32) texts.drop(texts.put('r'.repeat(length)))
  expect(texts.bytes - before).toBeLessThanOrEqual(1 << 20)
})

test('a map of texts is a map', () => {
  const random = seededRandom(2)
  const map = new TextMap()
  const model = new Map<string, string>()
  for (let n = 0; n < STEPS; n++) {
    const key = `sip:u${random.below(3_000)}@x.example`
    if (random.chance(2, 3)) {
      const value = textOf(random)
      map.set(key, value)
      model.set(key, value)
    } else {
      map.delete(key)
      model.delete(key)
    }
    if (n % 1_000 === 0) expect(map.size).toBe(model.size)
  }
  for (let user = 0; user < 3_000; user++) {
    const key = `sip:u${user}@x.example`
    expect(map.get(key)).toBe(model.get(key))
  }
  map.clear()
  expect([map.size, map.get('sip:u1@x.example')]).toEqual([0, undefined])
})

test('fields come apart as they were put together', () => {
  const random = seededRandom(3)
  for (let n = 0; n < 1_000; n++) {
    const fields = Array.from({ length: random.below(300) }, () => textOf(random))
    expect(unpacked(packed(fields))).toEqual(fields)
  }
})

test('the soonest deadline is first, whatever was moved or taken out', () => {
  const random = seededRandom(4)
  const heap = new SlotHeap()
  const model = new Map<number, number>()
  for (let n = 0; n < 5_000; n++) {
    const slot = random.below(200)
    if (random.chance(1, 3)) {
      heap.remove(slot)
      model.delete(slot)
    } else {
      const at = random.below(1_000)
      heap.set(slot, millis(at))
      model.set(slot, at)
    }
    const first = heap.first()
    expect(first === undefined ? undefined : heap.at(first)).toBe(
      model.size === 0 ? undefined : Math.min(...model.values()),
    )
  }
})

test('slots of a key are in the order in which they came', () => {
  const random = seededRandom(5)
  const chains = new SlotChains<string, number>()
  const model = new Map<string, number[]>()
  const keyOf = new Map<number, string>()
  for (let n = 0; n < 5_000; n++) {
    const slot = random.below(50)
    const before = keyOf.get(slot)
    if (before === undefined) {
      const key = `k${random.below(10)}`
      keyOf.set(slot, key)
      model.set(key, [...(model.get(key) ?? []), slot])
      chains.append(key, slot)
    } else {
      keyOf.delete(slot)
      model.set(before, model.get(before)?.filter((each) => each !== slot) ?? [])
      chains.drop(before, slot)
    }
    for (const [key, slots] of model) expect(chains.of(key)).toEqual(slots)
  }
})

test('a hundred thousand slots of one key come and go as fast as of many', () => {
  const chains = new SlotChains<string, number>()
  const count = 100_000
  const began = performance.now()
  for (let slot = 0; slot < count; slot++) chains.append('one connection', slot)
  expect(chains.of('one connection').length).toBe(count)
  // From the last to the first: the way of those that stand far behind.
  for (let slot = count - 1; slot >= 0; slot--) chains.drop('one connection', slot)
  expect(chains.has('one connection')).toBe(false)
  // A walk along the chain takes 10 s and more, links take some 10 ms.
  expect(performance.now() - began).toBeLessThan(2_000)
})
