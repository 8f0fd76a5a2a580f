import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { FRAME_MAX, FrameReader, headOf, type Channel } from '../../src/cluster/frames.ts'

function framed(channel: Channel, data: Uint8Array): Uint8Array {
  return Buffer.concat([headOf(channel, data.length), data])
}

test('frames come out whole, whatever pieces they come in', () => {
  const random = seededRandom(1)
  const frames = Array.from({ length: 200 }, (_, place) => ({
    channel: (['ping', 'raft', 'rpc'] as const)[place % 3] ?? 'ping',
    data: Uint8Array.from({ length: random.below(300) }, () => random.below(256)),
  }))
  const stream = Buffer.concat(frames.map(({ channel, data }) => framed(channel, data)))
  const reader = new FrameReader()
  const read: unknown[] = []
  for (let at = 0; at < stream.length;) {
    const piece = stream.subarray(at, at + 1 + random.below(random.chance(1, 4) ? 2_000 : 7))
    at += piece.length
    for (const { channel, data } of reader.read(piece) ?? [])
      read.push({ channel, data: Uint8Array.from(data) })
  }
  expect(read).toEqual(frames)
})

test('what a later release says on a channel of its own is passed over', () => {
  const stream = Uint8Array.from([0, 0, 0, 1, 250, 1, 0, 0, 0, 2, 1, 7, 8])
  expect(new FrameReader().read(stream)).toEqual([
    { channel: 'raft', data: Uint8Array.from([7, 8]) },
  ])
})

test('a frame that is too long ends the reading', () => {
  expect(new FrameReader().read(headOf('raft', FRAME_MAX + 1))).toBeUndefined()
  expect(new FrameReader().read(headOf('raft', FRAME_MAX))).toEqual([])
})

test('a frame that comes byte by byte is put together', () => {
  const stream = framed(
    'rpc',
    Uint8Array.from({ length: 50_000 }, (_, at) => at % 251),
  )
  const reader = new FrameReader()
  const frames = [...stream].flatMap((byte) => reader.read(Uint8Array.of(byte)) ?? [])
  expect(frames.map(({ data }) => Buffer.compare(data, stream.subarray(5)))).toEqual([0])
})
