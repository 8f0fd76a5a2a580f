//! The first channel of a WAV file of 16-bit PCM, at whatever rate a phone wrote it.

import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'

export type Recorded = { readonly rate: number; readonly samples: Int16Array }

export function readWav(path: string): Recorded {
  const bytes = readFileSync(path)
  const channels = bytes.readUInt16LE(22)
  const rate = bytes.readUInt32LE(24)
  let at = 12
  while (bytes.toString('latin1', at, at + 4) !== 'data') at += 8 + bytes.readUInt32LE(at + 4)
  // A phone that was stopped in the middle has left the length it began with.
  const length = Math.min(bytes.readUInt32LE(at + 4), bytes.length - at - 8)
  const frames = Math.floor(length / 2 / channels)
  const samples = new Int16Array(frames)
  for (let index = 0; index < frames; index++)
    samples[index] = bytes.readInt16LE(at + 8 + index * 2 * channels)
  return { rate, samples }
}

const HEAD_BYTES = 44

/** The last seconds of a file that is being written; undefined while it has fewer after `from`. */
export function lastOfWav(path: string, seconds: number, from: number): Recorded | undefined {
  const file = openSync(path, 'r')
  try {
    const head = Buffer.alloc(HEAD_BYTES)
    readSync(file, head, 0, HEAD_BYTES, 0)
    const [channels, rate] = [head.readUInt16LE(22), head.readUInt32LE(24)]
    const wanted = Math.round(rate * seconds) * channels * 2
    const { size } = fstatSync(file)
    const whole = size - ((size - HEAD_BYTES) % (2 * channels))
    if (wanted === 0 || whole - wanted < Math.max(from, HEAD_BYTES)) return undefined
    const bytes = Buffer.alloc(wanted)
    readSync(file, bytes, 0, wanted, whole - wanted)
    const samples = new Int16Array(wanted / 2 / channels)
    for (let index = 0; index < samples.length; index++)
      samples[index] = bytes.readInt16LE(index * 2 * channels)
    return { rate, samples }
  } finally {
    closeSync(file)
  }
}
