//! What a prompt file may be, and what is said of one that may not.

import { expect, test } from 'vitest'
import { readRecordings } from '../../src/media/sounds.ts'
import { parseWav } from '../../src/media/wav.ts'

type Form = {
  readonly tag?: number
  readonly channels?: number
  readonly rate?: number
  readonly bits?: number
  readonly samples?: readonly number[]
  /** Chunks put before the sound. */
  readonly before?: readonly (readonly [name: string, bytes: readonly number[]])[]
  readonly size?: number
}

function wav({
  tag = 1,
  channels = 1,
  rate = 8000,
  bits = 16,
  samples = [1, -2],
  before = [],
  size,
}: Form): Buffer {
  const format = Buffer.alloc(16)
  format.writeUInt16LE(tag, 0)
  format.writeUInt16LE(channels, 2)
  format.writeUInt32LE(rate, 4)
  format.writeUInt16LE(bits, 14)
  const data = Buffer.from(Int16Array.from(samples).buffer)
  const chunk = (name: string, bytes: Uint8Array, length = bytes.length): Buffer => {
    const head = Buffer.alloc(8)
    head.write(name, 'latin1')
    head.writeUInt32LE(length, 4)
    return Buffer.concat([head, bytes, Buffer.alloc(bytes.length % 2)])
  }
  const chunks = [
    chunk('fmt ', format),
    ...before.map(([name, bytes]) => chunk(name, Buffer.from(bytes))),
    chunk('data', data, size),
  ]
  return Buffer.concat([Buffer.from('RIFF\0\0\0\0WAVE', 'latin1'), ...chunks])
}

test('16-bit mono at 8 or 16 kHz is read, other chunks passed over', () => {
  const before = [['LIST', [1, 2, 3]]] as const
  expect(parseWav(wav({ before }))).toEqual({
    ok: true,
    value: { rate: 8000, samples: Int16Array.of(1, -2) },
  })
  expect(parseWav(wav({ rate: 16_000 }))).toMatchObject({ value: { rate: 16_000 } })
})

test('a file whose size was never filled in is read to its end', () => {
  expect(parseWav(wav({ size: 0xffff_ffff }))).toMatchObject({
    value: { samples: Int16Array.of(1, -2) },
  })
})

test.each([
  [wav({ channels: 2 }), 'has 2 channels and must have one'],
  [wav({ rate: 44_100 }), 'is sampled at 44100 Hz and must be at 8000 or 16000'],
  [wav({ bits: 8 }), 'must be 16-bit PCM'],
  [wav({ tag: 7 }), 'must be 16-bit PCM'],
  [wav({ samples: [] }), 'holds no sound'],
  [Buffer.from('RIFF\0\0\0\0WAVE'), 'holds no sound'],
  [Buffer.from('ID3 and so on, an mp3'), 'is no WAV file'],
  [Buffer.alloc(0), 'is no WAV file'],
  [wav({}).subarray(0, 30), 'holds no sound'],
])('%#: %s', (bytes, said) => {
  expect(parseWav(bytes)).toMatchObject({ ok: false, error: expect.stringContaining(said) })
})

test('each prompt at fault is named', () => {
  const files = [
    ['en/good', wav({})],
    ['en/stereo', wav({ channels: 2 })],
    ['de/empty', Buffer.alloc(0)],
  ] as const
  expect(readRecordings(files)).toEqual({
    ok: false,
    error: [
      expect.stringMatching(/^prompt en\/stereo.wav has 2 channels .*sox IN.wav/),
      expect.stringMatching(/^prompt de\/empty.wav is no WAV file/),
    ],
  })
})
