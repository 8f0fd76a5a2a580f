//! RTP and RTCP packets, read and written.

import { expect, test } from 'vitest'
import {
  marker,
  packetKind,
  payloadStart,
  payloadType,
  sequence,
  ssrc,
  timestamp,
  writeHeader,
} from '../../src/rtp/packet.ts'
import { buildRtcp, parseRtcp } from '../../src/rtp/rtcp.ts'

const HEADER = {
  payloadType: 111,
  marker: true,
  sequence: 0xfffe,
  timestamp: 0xfedc_ba98,
  ssrc: 0x89ab_cdef,
}

test('§5.1 a header reads back as it was written, anywhere in memory', () => {
  const bytes = new Uint8Array(40).fill(0xff)
  writeHeader(bytes, 5, HEADER)
  expect({
    payloadType: payloadType(bytes, 5),
    marker: marker(bytes, 5),
    sequence: sequence(bytes, 5),
    timestamp: timestamp(bytes, 5),
    ssrc: ssrc(bytes, 5),
  }).toEqual(HEADER)
  expect(payloadStart(bytes, 5, 40)).toBe(17)
})

test.each([
  ['a plain packet', '8000000100000002000000030a0b', 'rtp', 12],
  ['two CSRCs', '820000010000000200000003aaaaaaaabbbbbbbb0a', 'rtp', 20],
  ['an extension of one word', '900000010000000200000003bede000101020304ff', 'rtp', 20],
  ['padding of two', 'a00000010000000200000003010203040502', 'rtp', 12],
  ['no payload', '800000010000000200000003', 'rtp', 12],
  ['more padding than packet', 'a000000100000002000000030102ff', 'other', undefined],
  ['an extension that is cut', '900000010000000200000003bede0001', 'other', undefined],
  ['a header that is cut', '8000000100000002000000', 'other', undefined],
  ['version 1', '4000000100000002000000030a0b', 'other', undefined],
  ['RTCP', '80c9000100000003', 'rtcp', undefined],
  ['STUN', '000100002112a442000000000000000000000000', 'other', undefined],
  ['ZRTP', '100000015a5254500000000750505050', 'zrtp', undefined],
  ['nothing', '', 'other', undefined],
])('%s', (_, hex, kind, start) => {
  const bytes = Buffer.from(hex, 'hex')
  expect(packetKind(bytes, 0, bytes.length)).toBe(kind)
  if (kind === 'rtp') expect(payloadStart(bytes, 0, bytes.length)).toBe(start)
})

test('§6 what is built reads back: sender report, SDES, BYE', () => {
  const sender = { ntpHigh: 1, ntpLow: 2, timestamp: 3, packets: 4, octets: 5 }
  const block = { ssrc: 9, fractionLost: 200, lost: -2, highest: 70_000, jitter: 11 }
  const bytes = buildRtcp({ ssrc: 7, name: 'me@here', sender, block, bye: true })
  expect(bytes.length % 4).toBe(0)
  expect(parseRtcp(bytes, 0, bytes.length)).toEqual([
    { kind: 'sender-report', ssrc: 7, sender, blocks: [block] },
    { kind: 'description', ssrc: 7, name: 'me@here' },
    { kind: 'bye', sources: [7] },
  ])
})

test('§6.4.2 without anything sent it is a receiver report', () => {
  const bytes = buildRtcp({ ssrc: 7, name: '', sender: undefined, block: undefined, bye: false })
  expect(parseRtcp(bytes, 0, bytes.length)).toEqual([
    { kind: 'receiver-report', ssrc: 7, blocks: [] },
    { kind: 'description', ssrc: 7, name: '' },
  ])
})

test('A.2 a compound is read up to the packet that does not fit', () => {
  const whole = buildRtcp({ ssrc: 7, name: 'x', sender: undefined, block: undefined, bye: true })
  for (let end = 0; end <= whole.length; end++) {
    const kinds = parseRtcp(whole, 0, end).map(({ kind }) => kind)
    expect(['receiver-report', 'description', 'bye'].slice(0, kinds.length)).toEqual(kinds)
  }
  expect(parseRtcp(Buffer.from('80cd0001000000070bad', 'hex'), 0, 8)).toEqual([
    { kind: 'other', type: 205 },
  ])
  const liar = Buffer.from('9fc90001000000079fcb0000', 'hex')
  expect(parseRtcp(liar, 0, liar.length)).toEqual([
    { kind: 'receiver-report', ssrc: 7, blocks: [] },
    { kind: 'bye', sources: [] },
  ])
})
