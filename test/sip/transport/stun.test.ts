//! STUN on the SIP port: RFC 5769's sample, and what is not answered.

import { expect, test } from 'vitest'
import { addressBytes, isPrivate, plainAddress } from '../../../src/sip/transport/address.ts'
import { answerStun, looksLikeStun } from '../../../src/sip/transport/stun.ts'

const TRANSACTION = 'b7e7a701bc34d686fa87dfae'
const REQUEST = `000100002112a442${TRANSACTION}`

function answer(hex: string, address: string, port: number): string | undefined {
  const bytes = addressBytes(address)
  const answered = bytes && answerStun(Buffer.from(hex, 'hex'), bytes, port)
  return answered && Buffer.from(answered).toString('hex')
}

test('RFC 5769 §2.2: the mapped address of the IPv4 sample response', () => {
  expect(answer(REQUEST, '192.0.2.1', 32853)).toBe(
    `0101000c2112a442${TRANSACTION}002000080001a147e112a643`,
  )
})

test('RFC 5769 §2.3: the mapped address of the IPv6 sample response', () => {
  expect(answer(REQUEST, '2001:db8:1234:5678:11:2233:4455:6677', 32853)).toBe(
    `010100182112a442${TRANSACTION}002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9`,
  )
})

test('attributes that may be passed over are, others are refused by name', () => {
  const software = '80220004abcdabcd'
  const username = '000600036162630a'
  const change = '0003000400000006'
  const with2 = `000100102112a442${TRANSACTION}${software}${username}`
  expect(answer(with2, '192.0.2.1', 1)?.slice(0, 4)).toBe('0101')
  const refused = answer(`000100082112a442${TRANSACTION}${change}`, '192.0.2.1', 1)
  expect(refused).toBe(`011100102112a442${TRANSACTION}0009000400000414000a000200030000`)
})

test.each([
  ['a binding response', `010100002112a442${TRANSACTION}`],
  ['an indication', `001100002112a442${TRANSACTION}`],
  ['no magic cookie', `000100002112a443${TRANSACTION}`],
  ['a length that lies', `000100042112a442${TRANSACTION}`],
  ['an attribute beyond the end', `000100042112a442${TRANSACTION}80220008`],
  ['too short', '000100002112a442'],
  ['nothing', ''],
])('not answered: %s', (_what, hex) => {
  expect(answer(hex, '192.0.2.1', 1)).toBeUndefined()
})

test('no SIP message looks like STUN', () => {
  for (const text of ['INVITE', 'SIP/2.0', '\r\n\r\n', ' ', '\t'])
    expect(looksLikeStun(text.charCodeAt(0))).toBe(false)
  expect(looksLikeStun(0)).toBe(true)
  expect(looksLikeStun(1)).toBe(true)
})

test.each([
  ['10.1.2.3', true],
  ['172.16.0.1', true],
  ['172.32.0.1', false],
  ['192.168.255.255', true],
  ['192.169.0.1', false],
  ['169.254.1.1', true],
  ['100.64.0.1', true],
  ['100.128.0.1', false],
  ['127.0.0.1', true],
  ['8.8.8.8', false],
  ['::1', true],
  ['fe80::1%eth0', true],
  ['fd00::1', true],
  ['2001:db8::1', false],
  ['::ffff:10.0.0.1', true],
  ['::ffff:8.8.8.8', false],
  ['no address', false],
])('%s is private: %s', (address, expected) => {
  expect(isPrivate(address)).toBe(expected)
})

test.each([
  ['192.0.2.1', 'c0000201'],
  ['192.0.2.256', undefined],
  ['192.0.2.01', undefined],
  ['192.0.2', undefined],
  ['::', '00000000000000000000000000000000'],
  ['1::8', '00010000000000000000000000000008'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
  ['::ffff:1.2.3.4', '00000000000000000000ffff01020304'],
  ['1:2:3:4:5:6:7', undefined],
  ['1:2:3:4:5:6:7:8:9', undefined],
  ['1::2::3', undefined],
  [':1', undefined],
  ['12345::', undefined],
  ['example.com', undefined],
])('the bytes of %s', (text, hex) => {
  const bytes = addressBytes(text)
  expect(bytes && Buffer.from(bytes).toString('hex')).toBe(hex)
})

test('an IPv4 address seen through IPv6 is an IPv4 address', () => {
  expect(plainAddress('::ffff:192.0.2.1')).toBe('192.0.2.1')
  expect(plainAddress('2001:db8::1')).toBe('2001:db8::1')
})
