//! What a host that cannot have the address is said to need.

import { expect, test } from 'vitest'
import { err, ok } from '../../../src/base/result.ts'
import { whyNoAddress, whyNoAnnouncing, whyNoGate } from '../../../src/cluster/vip/mend.ts'

const ABSENT = [
  'Error: ipv4: Address not found.',
  'Error: ipv6: address not found.',
  'RTNETLINK answers: Cannot assign requested address',
]

test.each(ABSENT)('%s: what is to be taken away is not there, and could be', (why) => {
  expect(whyNoAddress({ kind: 'refused', why }, 'eth0')).toBeUndefined()
})

test.each([
  ['refused', 'RTNETLINK answers: Operation not permitted', /^it may not .*CAP_NET_ADMIN/],
  ['refused', 'Cannot find device "eth0"', /^its host has no interface eth0: .*cluster change/],
  ['refused', 'Error: ipv4: Device not found.', /^its host has no interface eth0/],
  ['refused', 'Error: ipv6: Unable to find the interface.', /^its host has no interface eth0/],
  ['refused', 'RTNETLINK answers: No such device or address', /^ip says: RTNETLINK/],
  ['gone', 'sh: 1: exec: ip: not found', /install iproute2/],
  ['silent', 'ip did not answer within 2000 ms', /^ip says: ip did not answer/],
] as const)('ip, %s: %s', (kind, why, mend) => {
  const told = whyNoAddress({ kind, why }, 'eth0') ?? ''
  expect(told).toMatch(mend)
  // As much as the others are told.
  expect(told.length).toBeLessThanOrEqual(200)
})

test.each([
  ['refused', 'Operation not permitted (you must be root)', /^give pbx CAP_NET_ADMIN/],
  ['gone', 'sh: 1: exec: nft: not found', /^install nftables/],
  ['refused', 'No such file or directory', /^nft says: No such file/],
] as const)('nft, %s: %s', (kind, why, mend) => {
  expect(whyNoGate({ kind, why })).toMatch(mend)
})

test('who lacks CAP_NET_RAW or the add-on cannot announce; what is not known is hoped', () => {
  const status = (set: string): string => `Name:\tnode\nCapInh:\t0\nCapEff:\t${set}\n`
  const all = status('000001fffeffffff')
  expect(whyNoAnnouncing(ok(0), all)).toBeUndefined()
  expect(whyNoAnnouncing(ok(0), status('000001fffeffdfff'))).toMatch(/CAP_NET_RAW/)
  expect(whyNoAnnouncing(ok(0), '')).toBeUndefined()
  expect(whyNoAnnouncing(err('g++ did not build it: none\nmore'), all)).toBe(
    'it cannot tell its neighbours where the address is: give pbx its native add-on and ' +
      'restart it (g++ did not build it: none)',
  )
})
