//! Half-received WebSocket messages, against frames made here and cut at random.

import { expect, test } from 'vitest'
import { seededRandom } from '../../../src/base/random.ts'
import { WsParts } from '../../../src/sip/transport/ws-parts.ts'

const TEXT = 0x1
const CONTINUED = 0x0
const PING = 0x9

function frame(opcode: number, length: number, fin: boolean): Buffer {
  const head = [(fin ? 0x80 : 0) | opcode]
  if (length < 126) head.push(0x80 | length)
  else if (length < 65_536) head.push(0x80 | 126, length >> 8, length & 0xff)
  else head.push(0x80 | 127, 0, 0, 0, 0, ...[24, 16, 8, 0].map((by) => (length >> by) & 0xff))
  return Buffer.concat([Buffer.from([...head, 1, 2, 3, 4]), Buffer.alloc(length, 0xff)])
}

test('what is not whole counts with its heads, whatever came in one piece with it', () => {
  const parts = new WsParts()
  const open = frame(TEXT, 1_000, false)
  expect(parts.take(Buffer.concat([frame(TEXT, 4, true), open]))).toBe(open.length)
  expect(parts.take(frame(PING, 0, true))).toBe(open.length)
  expect(parts.take(frame(PING, 125, true))).toBe(open.length)
  expect(parts.take(frame(CONTINUED, 0, false))).toBe(open.length + 6)
  const last = frame(CONTINUED, 70_000, true)
  expect(parts.take(last.subarray(0, 5))).toBe(open.length + 6 + 5)
  expect(parts.take(last.subarray(5, -1))).toBe(open.length + 6 + last.length - 1)
  expect(parts.take(last.subarray(-1))).toBe(0)
})

test('however it is cut', () => {
  const random = seededRandom(7)
  const frames: { bytes: Buffer; held: number }[] = []
  let message = 0
  for (let count = 0; count < 500; count++) {
    const opcode = random.chance(1, 4) ? PING : message === 0 ? TEXT : CONTINUED
    const fin = opcode === PING || random.chance(1, 2)
    const bytes = frame(opcode, random.below(opcode === PING ? 126 : 300), fin)
    if (opcode !== PING) message = fin ? 0 : message + bytes.length
    frames.push({ bytes, held: message })
  }
  const parts = new WsParts()
  for (const { bytes, held } of frames) {
    const cut = random.below(bytes.length)
    parts.take(bytes.subarray(0, cut))
    expect(parts.take(bytes.subarray(cut))).toBe(held)
  }
  const again = new WsParts()
  expect(again.take(Buffer.concat(frames.map(({ bytes }) => bytes)))).toBe(message)
})
