//! STUN on the SIP port: RFC 5769's sample, and what is not answered.

import { expect, test } from 'vitest'
import { addressBytes } from '../../../src/base/address.ts'
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
