//! Tones and prompts as encoded frames, made once for each codec and shared by all listeners.

import { err, ok, type Result } from '../base/result.ts'
import { Lru } from '../base/lru.ts'
import type { MediaSource } from '../control/media-control.ts'
import { doubleRate, halveRate } from '../rtp/resample.ts'
import { tonePeriodMs, toneSamples } from '../rtp/tone.ts'
import type { Codec } from '../sdp/codec.ts'
import { FRAME_MS, speaks, type Voice } from './voices.ts'
import { parseWav, type Recording } from './wav.ts'

/** Frames of 20 ms, ready to be sent. */
export type Track = {
  readonly frames: readonly Uint8Array[]
  /** RTP clock ticks a frame. */
  readonly step: number
  readonly repeat: boolean
}
export type MadeSource = Exclude<MediaSource, { readonly kind: 'echo' }>

const TRACKS_MAX = 512
const LANGUAGE = 'en'

export class Sounds {
  readonly #voices: readonly Voice[]
  /** By name with language, `en/not-available`. */
  readonly #recordings: ReadonlyMap<string, Recording>
  readonly #tracks = new Lru<string, Track>(TRACKS_MAX)

  constructor(voices: readonly Voice[], recordings: ReadonlyMap<string, Recording>) {
    this.#voices = voices
    this.#recordings = recordings
  }

  get codecs(): readonly string[] {
    return this.#voices.map(({ name }) => name)
  }

  canMake(codec: Codec): boolean {
    return this.#voices.some((voice) => speaks(voice, codec))
  }

  /** Is there a prompt of this name, with a language or in the default one? */
  has(name: string): boolean {
    return this.#recording(name) !== undefined
  }

  /** Undefined when the codec cannot be made or there is no such prompt. */
  track(source: MadeSource, codec: Codec): Track | undefined {
    const voice = this.#voices.find((each) => speaks(each, codec))
    if (voice === undefined) return undefined
    const key = `${voice.name} ${JSON.stringify(source)}`
    const known = this.#tracks.get(key)
    if (known !== undefined) return known
    const track =
      source.kind === 'tone' ? toneTrack(source, voice) : this.#promptTrack(source, voice)
    if (track !== undefined) this.#tracks.set(key, track)
    return track
  }

  #recording(name: string): Recording | undefined {
    return this.#recordings.get(name) ?? this.#recordings.get(`${LANGUAGE}/${name}`)
  }

  #promptTrack(source: MadeSource & { kind: 'prompt' }, voice: Voice): Track | undefined {
    const recording = this.#recording(source.name)
    if (recording === undefined) return undefined
    const samples = atRate(recording, voice.rate)
    return { frames: encode(samples, voice), step: stepOf(voice), repeat: source.repeat }
  }
}

/** Reads every prompt, or says what is wrong with each that cannot be. */
export function readRecordings(
  files: Iterable<readonly [name: string, bytes: Uint8Array]>,
): Result<ReadonlyMap<string, Recording>, readonly string[]> {
  const recordings = new Map<string, Recording>()
  const faults: string[] = []
  for (const [name, bytes] of files) {
    const read = parseWav(bytes)
    if (read.ok) recordings.set(name, read.value)
    else faults.push(`prompt ${name}.wav ${read.error}`)
  }
  return faults.length === 0 ? ok(recordings) : err(faults)
}

/** One period, looped. A stateful encoder is led through it once, so that the seam is none. */
function toneTrack(source: MadeSource & { kind: 'tone' }, voice: Voice): Track {
  const period = tonePeriodMs(source, FRAME_MS)
  const count = (voice.rate * period) / 1000
  const samples = toneSamples(source, voice.rate, 0, count)
  const frames = voice.stateful
    ? encode(Int16Array.from([...samples, ...samples]), voice).slice(period / FRAME_MS)
    : encode(samples, voice)
  return { frames, step: stepOf(voice), repeat: true }
}

function encode(samples: Int16Array, voice: Voice): readonly Uint8Array[] {
  const encoder = voice.open()
  const length = (voice.rate * FRAME_MS) / 1000
  const frames: Uint8Array[] = []
  for (let at = 0; at < samples.length; at += length) {
    const frame = new Int16Array(length)
    frame.set(samples.subarray(at, at + length))
    frames.push(encoder(frame))
  }
  return frames
}

function stepOf(voice: Voice): number {
  return (voice.clockRate * FRAME_MS) / 1000
}

function atRate({ rate, samples }: Recording, wanted: number): Int16Array {
  if (rate === wanted) return samples
  return rate > wanted ? halveRate(samples) : doubleRate(samples)
}
