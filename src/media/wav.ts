//! WAV files as prompts are kept: 16-bit PCM, mono, 8 or 16 kHz. Pure; errors say how to mend.

import { err, ok, type Result } from '../base/result.ts'

export type Recording = { readonly rate: 8000 | 16_000; readonly samples: Int16Array }

const MEND = 'convert it with: sox IN.wav -r 16000 -c 1 -b 16 OUT.wav'
const PCM = 1
const EXTENSIBLE = 0xfffe

export function parseWav(bytes: Uint8Array): Result<Recording, string> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || name(bytes, 0) !== 'RIFF' || name(bytes, 8) !== 'WAVE')
    return err(`is no WAV file; ${MEND}`)
  let format: Format | undefined
  for (let at = 12; at + 8 <= bytes.length;) {
    const size = view.getUint32(at + 4, true)
    const start = at + 8
    if (name(bytes, at) === 'fmt ' && size >= 16 && start + size <= bytes.length)
      format = readFormat(view, start, size)
    if (name(bytes, at) === 'data') {
      // A recorder that was killed leaves the size open: the file's end counts.
      const end = Math.min(start + size, bytes.length)
      return format === undefined
        ? err('has sound before its format')
        : decode(view, start, end, format)
    }
    at = start + size + (size % 2)
  }
  return err('holds no sound: it has no data chunk')
}

type Format = {
  readonly tag: number
  readonly channels: number
  readonly rate: number
  readonly bits: number
}

function readFormat(view: DataView, at: number, size: number): Format {
  const tag = view.getUint16(at, true)
  return {
    tag: tag === EXTENSIBLE && size >= 26 ? view.getUint16(at + 24, true) : tag,
    channels: view.getUint16(at + 2, true),
    rate: view.getUint32(at + 4, true),
    bits: view.getUint16(at + 14, true),
  }
}

function decode(
  view: DataView,
  start: number,
  end: number,
  { tag, channels, rate, bits }: Format,
): Result<Recording, string> {
  if (tag !== PCM || bits !== 16) return err(`must be 16-bit PCM; ${MEND}`)
  if (channels !== 1) return err(`has ${channels} channels and must have one; ${MEND}`)
  if (rate !== 8000 && rate !== 16_000)
    return err(`is sampled at ${rate} Hz and must be at 8000 or 16000; ${MEND}`)
  const samples = new Int16Array((end - start) >> 1)
  for (let index = 0; index < samples.length; index++)
    samples[index] = view.getInt16(start + 2 * index, true)
  if (samples.length === 0) return err('holds no sound: its data chunk is empty')
  return ok({ rate, samples })
}

function name(bytes: Uint8Array, at: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + 4))
}
