//! Opus as a voice, by libopus compiled to WebAssembly. Frames are made once and shared by all
//! listeners, so its speed is not on the path of a call.

import { Application, createEncoder } from 'libopus-wasm'
import type { Voice } from './voices.ts'

/** Frames of silence that wipe what the shared encoder remembers of the sound before. */
const WIPE_FRAMES = 5
const FRAME_SAMPLES = 320

/** Loads the module; call once. */
export async function opusVoice(): Promise<Voice> {
  const encoder = await createEncoder({
    sampleRate: 16_000,
    channels: 1,
    frameSize: FRAME_SAMPLES,
    application: Application.Voip,
    bitrate: 32_000,
  })
  return {
    name: 'opus',
    clockRate: 48_000,
    rate: 16_000,
    stateful: true,
    open: () => {
      const silence = new Int16Array(FRAME_SAMPLES)
      for (let count = 0; count < WIPE_FRAMES; count++) encoder.encode(silence)
      // The view is into the module's memory and overwritten by the next frame.
      return (frame) => encoder.encode(frame).slice()
    },
  }
}
