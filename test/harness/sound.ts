//! Sound made and measured: a sine out, and of a recording whether it is there, how loud, at what
//! frequency, with what gaps and slips. Use 1017 Hz: a lost 20 ms frame of 1000 Hz leaves no trace.

export type Measured = {
  /** Milliseconds in which the tone was heard. */
  readonly heardMs: number
  /** Hz, from how the phase advances. */
  readonly frequency: number
  /** dBFS, RMS against a full-scale sine's peak: a full-scale sine is -3. */
  readonly level: number
  /** Power of the tone over everything else, in dB. */
  readonly snr: number
  /** Milliseconds of silence between the first and the last time it was heard. */
  readonly gapMs: number
  /** Jumps of the phase: samples lost, repeated or made up. */
  readonly slips: number
}

const FRAME_MS = 10
/** A frame is heard when its tone is this loud and most of what is there. */
const HEARD_DBFS = -45
const HEARD_SHARE = 0.6
/** Radians the phase may stray from one frame to the next. */
const SLIP = 0.5

export function sine(hz: number, level: number, rate: number, seconds: number): Int16Array {
  const amplitude = 32_767 * Math.SQRT2 * 10 ** (level / 20)
  const samples = new Int16Array(Math.round(rate * seconds))
  for (let index = 0; index < samples.length; index++)
    samples[index] = Math.round(amplitude * Math.sin((2 * Math.PI * hz * index) / rate))
  return samples
}

export function measureTone(samples: Int16Array, rate: number, hz: number): Measured {
  const frames = analyse(samples, rate, hz)
  const first = frames.findIndex(({ heard }) => heard)
  const last = frames.findLastIndex(({ heard }) => heard)
  const within = first === -1 ? [] : frames.slice(first, last + 1)
  const on = within.filter(({ heard }) => heard)
  const steps = phaseSteps(within)
  const drift = median(steps)
  const tone = mean(on.map((frame) => frame.tone))
  const rest = mean(on.map((frame) => Math.max(0, frame.power - frame.tone)))
  return {
    heardMs: on.length * FRAME_MS,
    frequency: hz + (drift * 1000) / (2 * Math.PI * FRAME_MS),
    level: decibels(tone),
    snr: decibels(tone) - decibels(rest),
    gapMs: (within.length - on.length) * FRAME_MS,
    slips: steps.filter((step) => Math.abs(wrapped(step - drift)) > SLIP).length,
  }
}

type Frame = {
  readonly heard: boolean
  readonly tone: number
  readonly power: number
  readonly phase: number
}

/** Each frame against a sine that runs through the whole recording. */
function analyse(samples: Int16Array, rate: number, hz: number): readonly Frame[] {
  const length = Math.round((rate * FRAME_MS) / 1000)
  const frames: Frame[] = []
  for (let at = 0; at + length <= samples.length; at += length) {
    let real = 0
    let imaginary = 0
    let power = 0
    for (let index = at; index < at + length; index++) {
      const sample = (samples[index] ?? 0) / 32_768
      const angle = (2 * Math.PI * hz * index) / rate
      real += sample * Math.cos(angle)
      imaginary -= sample * Math.sin(angle)
      power += sample * sample
    }
    const tone = (2 * (real * real + imaginary * imaginary)) / (length * length)
    power /= length
    const heard = decibels(tone) > HEARD_DBFS && tone > HEARD_SHARE * power
    frames.push({ heard, tone, power, phase: Math.atan2(imaginary, real) })
  }
  return frames
}

function phaseSteps(frames: readonly Frame[]): readonly number[] {
  const steps: number[] = []
  frames.forEach((frame, index) => {
    const before = frames[index - 1]
    if (before?.heard === true && frame.heard) steps.push(wrapped(frame.phase - before.phase))
  })
  return steps
}

function wrapped(angle: number): number {
  return angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI))
}

function decibels(power: number): number {
  return power > 0 ? 10 * Math.log10(power) : -120
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0
}
