//! Tones as samples: sums of sines, with the on and off times of a cadence.

export type Tone = {
  /** Hz. */
  readonly frequencies: readonly number[]
  /** dBFS of the whole sum, RMS against a full-scale sine's peak: 0 is the loudest square wave. */
  readonly level: number
  /** Milliseconds on, off, on, …; empty is steady. */
  readonly cadence: readonly number[]
}

/** Milliseconds of fade at each edge, so that an edge is no click. */
const FADE_MS = 2

/**
 * One period of the tone, `undefined` long tones cut to whole frames: played in a loop it has no
 * seam, since every frequency completes whole cycles or the period ends in silence.
 */
export function tonePeriodMs(tone: Tone, frameMs: number): number {
  const whole = tone.cadence.reduce((sum, each) => sum + each, 0)
  if (tone.cadence.length % 2 === 0 && whole > 0) return Math.ceil(whole / frameMs) * frameMs
  const fits = (ms: number): boolean =>
    tone.frequencies.every((hz) => Math.abs((hz * ms) / 1000 - Math.round((hz * ms) / 1000)) < 1e-6)
  return [1000, 2000, 5000, 10_000].find(fits) ?? 10_000
}

/** Samples `from` to `from + count` of the tone, counted from its beginning. */
export function toneSamples(tone: Tone, rate: number, from: number, count: number): Int16Array {
  const samples = new Int16Array(count)
  const parts = Math.max(1, tone.frequencies.length)
  const amplitude =
    32_767 * Math.min(1, Math.SQRT2 * 10 ** (tone.level / 20)) * Math.sqrt(1 / parts)
  for (let index = 0; index < count; index++) {
    const at = from + index
    const gate = gateAt(tone.cadence, (at * 1000) / rate)
    if (gate === 0) continue
    let sum = 0
    for (const hz of tone.frequencies) sum += Math.sin((2 * Math.PI * hz * at) / rate)
    samples[index] = Math.max(-32_768, Math.min(32_767, Math.round(gate * amplitude * sum)))
  }
  return samples
}

/** 1 within an on time, 0 within an off time, between at the edges. */
function gateAt(cadence: readonly number[], ms: number): number {
  const whole = cadence.reduce((sum, each) => sum + each, 0)
  if (whole <= 0) return 1
  let into = ms % whole
  for (const [index, length] of cadence.entries()) {
    if (into < length)
      return index % 2 === 1 ? 0 : Math.min(1, into / FADE_MS, (length - into) / FADE_MS)
    into -= length
  }
  return 0
}
