//! Numeric addresses: their bytes, and where they are.

import { expect, test } from 'vitest'
import {
  addressBytes,
  isLoopback,
  isPrivate,
  plainAddress,
  sharePrefix,
} from '../../src/base/address.ts'

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
  ['172.31.255.255', true],
  ['1.2.3', false],
  ['1:2:3', false],
  ['zz::1', false],
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

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['128.0.0.1', false],
  ['::', false],
  ['::12', false],
])('%s is loopback: %s', (address, expected) => {
  expect(isLoopback(address)).toBe(expected)
})

test.each([
  ['192.0.2.1', '192.0.2.254', 24, true],
  ['192.0.2.1', '192.0.3.1', 24, false],
  ['192.0.2.1', '192.0.3.1', 23, true],
  ['192.0.2.1', '192.0.2.1', 32, true],
  ['2001:db8::1', '2001:db8:0:0:ffff::', 64, true],
  ['2001:db8::1', '2001:db8:0:1::', 64, false],
  ['::', '0.0.0.0', 0, false],
  ['a host', 'a host', 8, false],
])('%s and %s share %d bits: %s', (one, other, length, expected) => {
  expect(sharePrefix(one, other, length)).toBe(expected)
})
