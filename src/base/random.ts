/** A source of randomness. Injected, so a seed reproduces a run. */
export type Random = {
  /** Uniform integer in [0, bound). */
  below(bound: number): number
  /** True with probability `numerator / denominator`. */
  chance(numerator: number, denominator: number): boolean
  /** `length` characters of [0-9a-z], for tags, branches and Call-IDs. */
  token(length: number): string
}

const ALPHABET = '0123456789abcdefghijklmnopqrstuvwxyz'

/** Mulberry32: small, fast, not for secrets. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  return randomFrom(next)
}

/** A `Random` over any source of uniform numbers in [0, 1). */
export function randomFrom(next: () => number): Random {
  const below = (bound: number): number => Math.floor(next() * bound)
  return {
    below,
    chance: (numerator, denominator) => next() * denominator < numerator,
    token(length) {
      let out = ''
      for (let index = 0; index < length; index++) out += ALPHABET[below(36)] ?? ''
      return out
    },
  }
}
