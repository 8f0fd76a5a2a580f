//! When a node tells that its host has not its address any more.

import { expect, test } from 'vitest'
import { err, ok } from '../../src/base/result.ts'
import { seconds } from '../../src/base/time.ts'
import { watchOwnAddress } from '../../src/cluster/own-address.ts'
import { World } from '../harness/world.ts'

const KNOWN = '192.0.2.133'

test('once each time, and what the kernel does not tell is no news', () => {
  const world = new World(1)
  const told: (string | undefined)[] = []
  const said: string[] = []
  let own: readonly string[] | undefined = ['192.0.2.143', KNOWN]
  const stop = watchOwnAddress({
    host: {
      now: () => world.now,
      wake: (at, run) => world.at(at, run),
      log: (level, event, fields) => said.push(`${level} ${event} ${fields?.['why']}`),
    },
    address: KNOWN,
    onChanged: (why) => told.push(why?.slice(0, 42)),
    addresses: () => (own === undefined ? err('EMFILE') : ok(own.map((at) => ({ address: at })))),
  })
  const forA20thOfAnHour = (): unknown => world.pass(seconds(180))
  forA20thOfAnHour()
  own = undefined
  forA20thOfAnHour()
  expect([told, said]).toEqual([[], ['warn node.address-unknown EMFILE']])
  own = ['192.0.2.143']
  forA20thOfAnHour()
  const missing = 'its host has not the address 192.0.2.133, '
  expect(told).toEqual([missing])
  own = undefined
  forA20thOfAnHour()
  expect(told).toEqual([missing])
  own = [KNOWN]
  forA20thOfAnHour()
  expect(told).toEqual([missing, undefined])
  stop()
  own = []
  forA20thOfAnHour()
  expect(told).toEqual([missing, undefined])
})
