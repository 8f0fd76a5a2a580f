//! The real world as a `Host`: the process's clocks, timers and randomness.

import { randomBytes } from 'node:crypto'
import { performance } from 'node:perf_hooks'
import type { Host, Log } from '../base/host.ts'
import { randomFrom, type Random } from '../base/random.ts'
import { millis, wallTime } from '../base/time.ts'

/** Longer than this and setTimeout fires at once. */
const TIMER_MAX_MS = 2_147_483_647
const POOL_BYTES = 6 * 1024

export function realHost(log: Log): Host {
  return {
    now: () => millis(performance.now()),
    wall: () => wallTime(Date.now()),
    random: kernelRandom(),
    wake(at, run) {
      const delay = Math.max(0, Math.ceil(at - performance.now()))
      const timer = setTimeout(run, Math.min(delay, TIMER_MAX_MS))
      return () => clearTimeout(timer)
    },
    log,
  }
}

const ALPHABET = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz', 'latin1')
/** Bytes below this are spread evenly over the alphabet. */
const EVEN = 256 - (256 % ALPHABET.length)

/** A longer piece of a text would keep all of it alive: V8 copies only what is shorter. */
const COPIED_MAX = 12

/** Drawn from the kernel in bulk: tags are secrets. */
function kernelRandom(): Random {
  let bytes = Buffer.alloc(0)
  let bytesAt = 0
  let characters = ''
  let charactersAt = 0
  /** In [0, 1), of 48 random bits. */
  const uniform = (): number => {
    if (bytesAt + 6 > bytes.length) {
      bytes = randomBytes(POOL_BYTES)
      bytesAt = 0
    }
    bytesAt += 6
    return bytes.readUIntBE(bytesAt - 6, 6) / 2 ** 48
  }
  const token = (length: number): string => {
    if (length > COPIED_MAX) return token(COPIED_MAX) + token(length - COPIED_MAX)
    if (charactersAt + length > characters.length) {
      characters = charactersOf(randomBytes(POOL_BYTES))
      charactersAt = 0
    }
    charactersAt += length
    return characters.slice(charactersAt - length, charactersAt)
  }
  return { ...randomFrom(uniform), token }
}

/** Each byte becomes a character, but for the few that would make some likelier than others. */
function charactersOf(bytes: Buffer): string {
  let kept = 0
  for (const byte of bytes) if (byte < EVEN) bytes[kept++] = ALPHABET[byte % ALPHABET.length] ?? 0
  return bytes.toString('latin1', 0, kept)
}
