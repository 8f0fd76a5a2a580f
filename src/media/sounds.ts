//! The tones and prompts of this server as tracks, one for each codec they are asked for in.

import { err, ok, type Result } from '../base/result.ts'
import type { MediaSource } from '../control/media-control.ts'
import { doubleRate, halveRate } from '../rtp/resample.ts'
import { tonePeriodMs, toneSamples } from '../rtp/tone.ts'
import type { Codec } from '../sdp/codec.ts'
import { Track } from './track.ts'
import { FRAME_MS, speaks, type Voice } from './voices.ts'
import { parseWav, type Recording } from './wav.ts'

export type MadeSource = Exclude<MediaSource, { readonly kind: 'echo' }>
/** A recording at both rates that voices take. */
type Prompt = Readonly<Record<Recording['rate'], Int16Array>>

const TRACKS_MAX = 256
const LANGUAGE = 'en'

export class Sounds {
  readonly #voices: readonly Voice[]
  /** By name with language, `en/not-available`. */
  readonly #prompts: ReadonlyMap<string, Prompt>
  readonly #tracks = new Map<string, Track>()

  constructor(voices: readonly Voice[], recordings: ReadonlyMap<string, Recording>) {
    this.#voices = voices
    this.#prompts = new Map([...recordings].map(([name, each]) => [name, bothRates(each)]))
  }

  get codecs(): readonly string[] {
    return this.#voices.map(({ name }) => name)
  }

  canMake(codec: Codec): boolean {
    return this.#voices.some((voice) => speaks(voice, codec))
  }

  /** Is there a prompt of this name, with a language or in the default one? */
  has(name: string): boolean {
    return this.#prompt(name) !== undefined
  }

  /** Undefined when the codec cannot be made now or there is no such prompt. */
  track(source: MadeSource, codec: Codec): Track | undefined {
    const voice = this.#voices.find((each) => speaks(each, codec))
    if (voice === undefined) return undefined
    const key = `${voice.name} ${JSON.stringify(source)}`
    const known = this.#tracks.get(key)
    if (known !== undefined) return known
    const track = source.kind === 'tone' ? toneTrack(source, voice) : this.#say(source, voice)
    if (track === undefined) return undefined
    this.#makeRoom()
    this.#tracks.set(key, track)
    return track
  }

  /** The oldest goes whose encoder is done; who listens to it keeps it. */
  #makeRoom(): void {
    if (this.#tracks.size < TRACKS_MAX) return
    for (const [key, track] of this.#tracks)
      if (track.isWhole) {
        this.#tracks.delete(key)
        return
      }
  }

  #prompt(name: string): Prompt | undefined {
    return this.#prompts.get(name) ?? this.#prompts.get(`${LANGUAGE}/${name}`)
  }

  #say(source: MadeSource & { kind: 'prompt' }, voice: Voice): Track | undefined {
    const samples = this.#prompt(source.name)?.[voice.rate]
    const encoder = samples && voice.open()
    if (samples === undefined || encoder === undefined) return undefined
    const count = frameSamples(voice)
    return new Track({
      length: Math.ceil(samples.length / count),
      loopFrom: source.repeat ? 0 : undefined,
      step: stepOf(voice),
      encoder,
      samples: (index) => {
        const frame = new Int16Array(count)
        frame.set(samples.subarray(index * count, (index + 1) * count))
        return frame
      },
    })
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

/**
 * One period, looped. A stateful encoder plays the first as it begins and loops the second, which
 * joins its own end without a seam.
 */
function toneTrack(source: MadeSource & { kind: 'tone' }, voice: Voice): Track | undefined {
  const encoder = voice.open()
  if (encoder === undefined) return undefined
  const period = tonePeriodMs(source, FRAME_MS) / FRAME_MS
  const count = frameSamples(voice)
  return new Track({
    length: voice.stateful ? 2 * period : period,
    loopFrom: voice.stateful ? period : 0,
    step: stepOf(voice),
    encoder,
    samples: (index) => toneSamples(source, voice.rate, (index % period) * count, count),
  })
}

function bothRates({ rate, samples }: Recording): Prompt {
  return rate === 8000
    ? { 8000: samples, 16000: doubleRate(samples) }
    : { 8000: halveRate(samples), 16000: samples }
}

function frameSamples(voice: Voice): number {
  return (voice.rate * FRAME_MS) / 1000
}

function stepOf(voice: Voice): number {
  return (voice.clockRate * FRAME_MS) / 1000
}
