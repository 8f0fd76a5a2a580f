//! Which address a leg is told, by where its signalling goes.

import { expect, test } from 'vitest'
import { boundAddresses, faceToward, type Interface } from '../../src/media/faces.ts'

const INTERFACES: readonly Interface[] = [
  { address: '127.0.0.1', family: 'IP4', internal: true, prefix: 8 },
  { address: '192.168.1.10', family: 'IP4', internal: false, prefix: 24 },
  { address: '10.8.0.1', family: 'IP4', internal: false, prefix: 16 },
  { address: '::1', family: 'IP6', internal: true, prefix: 128 },
  { address: '2001:db8:1::10', family: 'IP6', internal: false, prefix: 64 },
]

test.each([
  // bind, public address, toward, told, bound to
  ['0.0.0.0', undefined, '127.0.0.7', '127.0.0.1', '0.0.0.0'],
  ['0.0.0.0', undefined, '10.8.3.4', '10.8.0.1', '0.0.0.0'],
  ['0.0.0.0', undefined, '198.51.100.1', '192.168.1.10', '0.0.0.0'],
  ['0.0.0.0', undefined, undefined, '192.168.1.10', '0.0.0.0'],
  ['0.0.0.0', undefined, '2001:db8:1::99', undefined, undefined],
  ['0.0.0.0', '203.0.113.5', '198.51.100.1', '203.0.113.5', '0.0.0.0'],
  ['0.0.0.0', '203.0.113.5', '192.168.1.77', '192.168.1.10', '0.0.0.0'],
  ['0.0.0.0', '203.0.113.5', '172.20.0.1', '192.168.1.10', '0.0.0.0'],
  ['0.0.0.0', '203.0.113.5', undefined, '192.168.1.10', '0.0.0.0'],
  ['::', undefined, '2001:db8:1::99', '2001:db8:1::10', '::'],
  ['::', undefined, '2001:db8:ffff::1', '2001:db8:1::10', '::'],
  ['::', undefined, '192.168.1.77', '192.168.1.10', '0.0.0.0'],
  ['192.168.1.10', undefined, '198.51.100.1', '192.168.1.10', '192.168.1.10'],
  ['192.168.1.10', '203.0.113.5', '198.51.100.1', '203.0.113.5', '192.168.1.10'],
  ['192.168.1.10', '203.0.113.5', '192.168.1.3', '192.168.1.10', '192.168.1.10'],
  ['192.168.1.10', '2001:db8::1', '198.51.100.1', '192.168.1.10', '192.168.1.10'],
  ['198.51.100.9', undefined, '203.0.113.1', '198.51.100.9', '198.51.100.9'],
  ['2001:db8:1::10', undefined, '192.168.1.1', undefined, undefined],
])('bound to %s, public %s, toward %s: %s', (bind, publicAddress, toward, told, bound) => {
  const face = faceToward({ bind, publicAddress }, INTERFACES, toward)
  expect(face?.told.host).toBe(told)
  expect(face?.bind).toBe(bound)
})

test('the family of an offer is met when nothing is known of the signalling', () => {
  const addresses = { bind: '::', publicAddress: undefined }
  expect(faceToward(addresses, INTERFACES, undefined, 'IP6')?.told.host).toBe('2001:db8:1::10')
  expect(faceToward(addresses, INTERFACES, 'phone.invalid', 'IP4')?.told.host).toBe('192.168.1.10')
})

test('sockets are opened for each family served', () => {
  expect(boundAddresses({ bind: '::', publicAddress: undefined })).toEqual(['0.0.0.0', '::'])
  expect(boundAddresses({ bind: '10.0.0.1', publicAddress: undefined })).toEqual(['10.0.0.1'])
})

test('with one address of each family a phone is told the one of its own', () => {
  const both = { bind: '10.0.0.1', also: '2001:db8::1', publicAddress: undefined }
  expect(boundAddresses(both)).toEqual(['10.0.0.1', '2001:db8::1'])
  for (const [toward, own] of [
    ['10.0.0.7', '10.0.0.1'],
    ['2001:db8::7', '2001:db8::1'],
  ] as const)
    expect(faceToward(both, [], toward)).toMatchObject({ bind: own, told: { host: own } })
})
