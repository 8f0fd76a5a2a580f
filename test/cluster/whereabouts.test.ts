//! What a node says whose host has another address than the others know.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { Whereabouts } from '../../src/cluster/whereabouts.ts'

const KNOWN = '192.0.2.133'
const WHY =
  'its host has not the address 192.0.2.133, by which the others know it: see its cable, ' +
  'or stop it and name the one it has with pbx cluster change --address'

test('from its start at once', () => {
  const whereabouts = new Whereabouts(KNOWN)
  expect(whereabouts.look(['127.0.0.1', '192.0.2.143'], millis(0))).toBe(WHY)
  expect(whereabouts.look(['192.0.2.143', KNOWN], millis(1))).toBeUndefined()
})

test('later not for an interface that is up again soon', () => {
  const whereabouts = new Whereabouts(KNOWN)
  const at = (now: number, ...own: readonly string[]) => whereabouts.look(own, millis(now))
  expect([at(0, KNOWN), at(1), at(9_999), at(10_000)]).toEqual([
    undefined,
    undefined,
    undefined,
    WHY,
  ])
  expect([at(11_000, KNOWN), at(20_999), at(21_000)]).toEqual([undefined, undefined, WHY])
})
