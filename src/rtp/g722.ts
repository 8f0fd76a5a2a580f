//! G.722 at 64 kbit/s: 16 kHz linear to one octet per two samples. Names are those of the
//! Recommendation's blocks (ITU-T G.722 §5, §6); all arithmetic is its 16-bit arithmetic.

import { Band, saturate } from './g722-band.ts'

/** Transmit quadrature mirror filter, half of its symmetric coefficients (Table 11). */
const QMF = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11]
/** QUANTL decision levels and codes (Tables 14, 16). */
const Q6 = [
  0, 35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023,
  1121, 1219, 1339, 1458, 1612, 1765, 1980, 2195, 2557, 2919,
]
const HISTORY = 24

export class G722Encoder {
  readonly #history = new Int32Array(HISTORY)
  readonly #low = new Band('low')
  readonly #high = new Band('high')

  /** An even number of samples; keeps its state for the next call. */
  encode(samples: Int16Array): Uint8Array {
    const octets = new Uint8Array(samples.length >> 1)
    for (let index = 0; index < octets.length; index++) {
      const [low, high] = this.#split(samples[2 * index] ?? 0, samples[2 * index + 1] ?? 0)
      octets[index] = (this.#encodeHigh(high) << 6) | this.#encodeLow(low)
    }
    return octets
  }

  #split(earlier: number, later: number): readonly [low: number, high: number] {
    const history = this.#history
    history.copyWithin(0, 2)
    history[HISTORY - 2] = earlier
    history[HISTORY - 1] = later
    let odd = 0
    let even = 0
    for (let tap = 0; tap < QMF.length; tap++) {
      odd += (history[2 * tap] ?? 0) * (QMF[tap] ?? 0)
      even += (history[2 * tap + 1] ?? 0) * (QMF[QMF.length - 1 - tap] ?? 0)
    }
    return [(even + odd) >> 14, (even - odd) >> 14]
  }

  #encodeLow(input: number): number {
    const band = this.#low
    const error = saturate(input - band.prediction)
    const magnitude = error >= 0 ? error : -(error + 1)
    let level = 1
    while (level < Q6.length && magnitude >= ((Q6[level] ?? 0) * band.scale) >> 12) level++
    // Codes count down from 61 for positive, from 63 (and 31) for negative errors.
    const code = error >= 0 ? 62 - level : level < 3 ? 64 - level : 34 - level
    band.update(code >> 2)
    return code
  }

  #encodeHigh(input: number): number {
    const band = this.#high
    const error = saturate(input - band.prediction)
    const magnitude = error >= 0 ? error : -(error + 1)
    const large = magnitude >= (564 * band.scale) >> 12
    const code = error < 0 ? (large ? 0 : 1) : large ? 2 : 3
    band.update(code)
    return code
  }
}
