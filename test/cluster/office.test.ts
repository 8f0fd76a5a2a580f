//! For how long a node may hold the address without serving.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { Office } from '../../src/cluster/office.ts'

const at = (seconds: number) => millis(seconds * 1_000)
const WHY = 'it has not begun to serve 15 s after its election'

test('who does not begin to serve gives up, and again when nobody else takes it', () => {
  const office = new Office()
  expect(office.overdue(at(100))).toBeUndefined()
  office.held(true, at(100))
  // Told all the time.
  office.held(true, at(114))
  expect(office.overdue(at(114.9))).toBeUndefined()
  expect(office.overdue(at(115))).toBe(WHY)
  expect(office.overdue(at(129.9))).toBeUndefined()
  expect(office.overdue(at(130))).toBe(WHY)
  office.held(false, at(131))
  expect(office.overdue(at(200))).toBeUndefined()
  office.held(true, at(200))
  expect(office.overdue(at(214))).toBeUndefined()
})

test('who serves may for as long as it likes; who stops serving and holds on may not', () => {
  const office = new Office()
  office.held(true, at(0))
  office.serves(true)
  expect(office.overdue(at(1_000))).toBeUndefined()
  office.held(false, at(1_000))
  office.serves(false)
  office.held(true, at(1_001))
  expect(office.overdue(at(1_016))).toBe(WHY)
})

test('who is known not to be able to serve is left alone, and has all the time once it is', () => {
  const office = new Office()
  office.held(true, at(0))
  office.isExcused = true
  expect(office.overdue(at(60))).toBeUndefined()
  office.isExcused = false
  expect(office.overdue(at(60.5))).toBeUndefined()
  expect(office.overdue(at(75))).toBe(WHY)
})
