//! Halving and doubling the sample rate with a half-band low-pass: 8, 16 and 32 kHz are all that
//! prompts need.

/** Windowed-sinc half-band filter; every other tap but the middle one is zero. */
const TAPS = 63
const MIDDLE = (TAPS - 1) / 2
const KERNEL = Float64Array.from({ length: TAPS }, (_, index) => {
  const distance = index - MIDDLE
  if (distance === 0) return 0.5
  const window =
    0.42 +
    0.5 * Math.cos((Math.PI * distance) / (MIDDLE + 1)) +
    0.08 * Math.cos((2 * Math.PI * distance) / (MIDDLE + 1))
  return (Math.sin((Math.PI * distance) / 2) / (Math.PI * distance)) * window
})

export function halveRate(samples: Int16Array): Int16Array {
  const out = new Int16Array(samples.length >> 1)
  for (let index = 0; index < out.length; index++) out[index] = filtered(samples, 2 * index)
  return out
}

export function doubleRate(samples: Int16Array): Int16Array {
  const spread = new Float64Array(samples.length * 2)
  samples.forEach((sample, index) => {
    spread[2 * index] = 2 * sample
  })
  const out = new Int16Array(spread.length)
  for (let index = 0; index < out.length; index++) out[index] = filtered(spread, index)
  return out
}

function filtered(samples: Int16Array | Float64Array, at: number): number {
  let sum = 0
  for (let tap = 0; tap < TAPS; tap++) sum += (KERNEL[tap] ?? 0) * (samples[at + tap - MIDDLE] ?? 0)
  return Math.max(-32_768, Math.min(32_767, Math.round(sum)))
}
