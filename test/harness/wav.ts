//! The first channel of a WAV file of 16-bit PCM, at whatever rate a phone wrote it.

import { readFileSync } from 'node:fs'

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
