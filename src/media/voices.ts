//! The codecs this server can speak, each as an encoder of 20 ms frames.

import { toAlaw, toUlaw } from '../rtp/g711.ts'
import { G722Encoder } from '../rtp/g722.ts'
import type { Codec } from '../sdp/codec.ts'

export const FRAME_MS = 20

export type Encoder = {
  readonly encode: (frame: Int16Array) => Uint8Array
  readonly close: () => void
}

export type Voice = {
  readonly name: string
  /** RTP clock rate, which for G.722 and Opus is not the sample rate. */
  readonly clockRate: number
  /** Samples a second that the encoder takes. */
  readonly rate: 8000 | 16_000
  /** Does the encoder remember earlier frames, so that a loop must be led into? */
  readonly stateful: boolean
  /** Undefined when all encoders are in use. */
  readonly open: () => Encoder | undefined
}

export const PCMU: Voice = stateless('PCMU', toUlaw)
export const PCMA: Voice = stateless('PCMA', toAlaw)
export const G722: Voice = {
  name: 'G722',
  clockRate: 8000,
  rate: 16_000,
  stateful: true,
  open: () => {
    const encoder = new G722Encoder()
    return { encode: (frame) => encoder.encode(frame), close: nothing }
  },
}

export function speaks(voice: Voice, { name, clockRate }: Codec): boolean {
  return voice.name.toLowerCase() === name.toLowerCase() && voice.clockRate === clockRate
}

function stateless(name: string, encode: (frame: Int16Array) => Uint8Array): Voice {
  const encoder = { encode, close: nothing }
  return { name, clockRate: 8000, rate: 8000, stateful: false, open: () => encoder }
}

function nothing(): void {
  // Memory is all it has.
}
