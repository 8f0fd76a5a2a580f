//! One sub-band of G.722: the adaptive quantizer's scale and the pole-zero predictor, which
//! encoder and decoder keep in step (ITU-T G.722 §6.2: INVQA, LOGSC, SCALE, and blocks 4).

/** Inverse quantizer outputs, 4-bit for the low band, 2-bit for the high (Table 18). */
const QM4 = [
  0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200,
  0,
]
const QM2 = [-7408, -1616, 7408, 1616]
/** Log scale factor steps, by code (Tables 20, 21 with RL4, RH2 folded in). */
const LOG_STEP_LOW = [
  -60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60,
]
const LOG_STEP_HIGH = [798, -214, 798, -214]
const ILB = [
  2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
  2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
]

type Kind = {
  readonly levels: readonly number[]
  readonly steps: readonly number[]
  readonly logMax: number
  readonly shift: number
  readonly scale: number
}
const KINDS: { readonly low: Kind; readonly high: Kind } = {
  low: { levels: QM4, steps: LOG_STEP_LOW, logMax: 18_432, shift: 8, scale: 32 },
  high: { levels: QM2, steps: LOG_STEP_HIGH, logMax: 22_528, shift: 10, scale: 8 },
}

export class Band {
  /** Quantizer scale, the Recommendation's DETL and DETH. */
  scale: number
  /** SL and SH: what the next sample is expected to be. */
  prediction = 0
  readonly #kind: Kind
  #log = 0
  #zeroPart = 0
  /** Differences, newest first, and the zero section's coefficients. */
  readonly #differences = new Int32Array(7)
  readonly #zeros = new Int32Array(7)
  /** Two poles with the reconstructed signals and partial reconstructions they look at. */
  #pole1 = 0
  #pole2 = 0
  #signal1 = 0
  #partial1 = 0
  #partial2 = 0

  constructor(kind: 'low' | 'high') {
    this.#kind = KINDS[kind]
    this.scale = this.#kind.scale
  }

  /** Takes in a code (4 bits of the low band's six, 2 of the high); returns the output sample. */
  update(code: number): number {
    const { levels, steps, logMax, shift } = this.#kind
    const difference = (this.scale * (levels[code] ?? 0)) >> 15
    const log = ((this.#log * 127) >> 7) + (steps[code] ?? 0)
    this.#log = Math.max(0, Math.min(logMax, log))
    const fraction = ILB[(this.#log >> 6) & 31] ?? 0
    const places = shift - (this.#log >> 11)
    this.scale = (places < 0 ? fraction << -places : fraction >> places) << 2
    return this.#adapt(difference)
  }

  #adapt(difference: number): number {
    const signal = saturate(this.prediction + difference)
    const partial = saturate(this.#zeroPart + difference)
    const pole2 = this.#nextPole2(partial)
    const pole1 = this.#nextPole1(partial, pole2)
    this.#adaptZeros(difference)
    const poles =
      ((pole1 * saturate(2 * signal)) >> 15) + ((pole2 * saturate(2 * this.#signal1)) >> 15)
    this.#pole1 = pole1
    this.#pole2 = pole2
    this.#signal1 = signal
    this.#partial2 = this.#partial1
    this.#partial1 = partial
    this.prediction = saturate(saturate(poles) + this.#zeroPart)
    return signal
  }

  /** UPPOL2 */
  #nextPole2(partial: number): number {
    const doubled = saturate(this.#pole1 << 2)
    const leaning = sign(partial) === sign(this.#partial1) ? Math.min(32_767, -doubled) : doubled
    const step = sign(partial) === sign(this.#partial2) ? 128 : -128
    const next = step + (leaning >> 7) + ((this.#pole2 * 32_512) >> 15)
    return Math.max(-12_288, Math.min(12_288, next))
  }

  /** UPPOL1 */
  #nextPole1(partial: number, pole2: number): number {
    const step = sign(partial) === sign(this.#partial1) ? 192 : -192
    const next = saturate(step + ((this.#pole1 * 32_640) >> 15))
    const bound = saturate(15_360 - pole2)
    return Math.max(-bound, Math.min(bound, next))
  }

  /** UPZERO, DELAYA and FILTEZ */
  #adaptZeros(difference: number): void {
    const differences = this.#differences
    const zeros = this.#zeros
    const step = difference === 0 ? 0 : 128
    for (let tap = 1; tap <= 6; tap++) {
      const agrees = sign(differences[tap] ?? 0) === sign(difference)
      zeros[tap] = saturate((agrees ? step : -step) + (((zeros[tap] ?? 0) * 32_640) >> 15))
    }
    let sum = 0
    differences.copyWithin(1, 0, 6)
    differences[1] = difference
    for (let tap = 6; tap >= 1; tap--)
      sum += ((zeros[tap] ?? 0) * saturate(2 * (differences[tap] ?? 0))) >> 15
    this.#zeroPart = saturate(sum)
  }
}

export function saturate(value: number): number {
  return value > 32_767 ? 32_767 : value < -32_768 ? -32_768 : value
}

function sign(value: number): number {
  return value >> 15
}
