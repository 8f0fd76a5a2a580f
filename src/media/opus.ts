//! Opus as a voice, by libopus compiled to WebAssembly.

import { Application, createEncoder, type OpusEncoderHandle } from 'libopus-wasm'
import type { Voice } from './voices.ts'

/** Encoders kept ready: making one is asynchronous, and a track is begun within a request. */
const READY = 8
const OPTIONS = {
  sampleRate: 16_000,
  channels: 1,
  frameSize: 320,
  application: Application.Voip,
  bitrate: 32_000,
  complexity: 4,
} as const

/** Loads the module; call once. */
export async function opusVoice(): Promise<Voice> {
  const ready: OpusEncoderHandle[] = []
  for (let count = 0; count < READY; count++) ready.push(await createEncoder(OPTIONS))
  return {
    name: 'opus',
    clockRate: 48_000,
    rate: 16_000,
    stateful: true,
    open: () => {
      const encoder = ready.pop()
      if (encoder === undefined) return undefined
      // It only allocates: out of memory is the one way to fail, and then there is one less.
      void createEncoder(OPTIONS).then((fresh) => ready.push(fresh))
      return {
        // A view of the module's memory, overwritten by the next frame.
        encode: (frame) => encoder.encode(frame).slice(),
        close: () => encoder.free(),
      }
    },
  }
}
