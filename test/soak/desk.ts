//! What both ends of the calls share.

import type { Random } from '../../src/base/random.ts'
import type { Call } from './call.ts'
import type { Ledger } from './ledger.ts'
import type { Repeats } from './repeats.ts'
import type { Sound } from './sound.ts'
import type { Tally } from './tally.ts'
import type { Times } from './times.ts'

export type Desk = {
  readonly domain: string
  readonly random: Random
  readonly ledger: Ledger
  readonly repeats: Repeats
  readonly failures: Tally
  /** From the INVITE with the password to its 200. */
  readonly answerTimes: Times
  readonly sound: Sound | undefined
  /** How long calls stay up, in milliseconds. */
  readonly hold: (call: Call) => { readonly min: number; readonly max: number }
  /** A request that no call of ours explains. */
  readonly unasked: (what: string, callId: string) => void
  /** The product has sent something again; nobody loses packets here, so it was too slow for us. */
  readonly repeated: (what: string) => void
  readonly call: (serial: number) => Call | undefined
  readonly callOfPair: (pair: number) => Call | undefined
  readonly fail: (call: Call, why: string) => void
  /** By overload control; it never was a call. */
  readonly turnedAway: (call: Call) => void
  readonly over: (call: Call, end: 'caller' | 'callee') => void
  /** Later, if the call is still there then. */
  readonly later: (call: Call, min: number, max: number, run: () => void) => void
}
