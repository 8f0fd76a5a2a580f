//! The other half of G.722, for listening to what the product made (ITU-T G.722 §6, 64 kbit/s).

import { Band, saturate } from '../../src/rtp/g722-band.ts'

const QMF = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11]
/** Table 18: the 6-bit inverse quantizer of the low band, whose output is what is heard. */
const QM6 = [
  -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232,
  -9360, -8576, -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400,
  -2032, -1688, -1360, -1040, -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232,
  9360, 8576, 7856, 7192, 6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688,
  1360, 1040, 728, 432, 136, -432, -136,
]

export function decodeG722(octets: Uint8Array): Int16Array {
  const low = new Band('low')
  const high = new Band('high')
  const history = new Int32Array(24)
  const samples = new Int16Array(octets.length * 2)
  octets.forEach((octet, index) => {
    const fine = (low.scale * (QM6[octet & 63] ?? 0)) >> 15
    const lowSample = clipped(low.prediction + fine)
    low.update((octet & 63) >> 2)
    const highSample = clipped(high.update(octet >> 6))
    history.copyWithin(0, 2)
    history[22] = lowSample + highSample
    history[23] = lowSample - highSample
    let odd = 0
    let even = 0
    for (let tap = 0; tap < 12; tap++) {
      even += (history[2 * tap] ?? 0) * (QMF[tap] ?? 0)
      odd += (history[2 * tap + 1] ?? 0) * (QMF[11 - tap] ?? 0)
    }
    samples[2 * index] = saturate(odd >> 11)
    samples[2 * index + 1] = saturate(even >> 11)
  })
  return samples
}

function clipped(value: number): number {
  return Math.max(-16_384, Math.min(16_383, value))
}
