//! A sound as encoded frames of 20 ms, made as they are first needed and shared by all listeners:
//! encoding a whole prompt at once would hold up everybody's packets.

import type { Encoder } from './voices.ts'

export type TrackOptions = {
  /** Frames until its end, or until it goes back to `loopFrom`. */
  readonly length: number
  /** Undefined for what is played once. */
  readonly loopFrom: number | undefined
  /** RTP clock ticks a frame. */
  readonly step: number
  readonly encoder: Encoder
  /** The samples of frame `index`. */
  readonly samples: (index: number) => Int16Array
}

export class Track {
  readonly step: number
  readonly #options: TrackOptions
  readonly #frames: Uint8Array[] = []

  constructor(options: TrackOptions) {
    this.step = options.step
    this.#options = options
  }

  /** Frame `position`; listeners go from one to `next`, so at most one frame is made at a call. */
  frame(position: number): Uint8Array {
    const { encoder, length, samples } = this.#options
    while (this.#frames.length <= position) {
      this.#frames.push(encoder.encode(samples(this.#frames.length)))
      if (this.#frames.length === length) encoder.close()
    }
    return this.#frames[position] ?? EMPTY
  }

  /** What comes after `position`; undefined at the end. */
  next(position: number): number | undefined {
    const { length, loopFrom } = this.#options
    return position + 1 < length ? position + 1 : loopFrom
  }

  /** Every frame is made, and the encoder given back. */
  get isWhole(): boolean {
    return this.#frames.length === this.#options.length
  }
}

const EMPTY = new Uint8Array(0)
