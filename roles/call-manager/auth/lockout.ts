//! Who may still try. Pure.
//!
//! Many phones share one address behind a NAT, and a guesser may sit among them, so the smallest
//! thing that misbehaves is banned first:
//!
//! | banned             | when                                                         |
//! |--------------------|--------------------------------------------------------------|
//! | socket and user    | 10 wrong passwords                                           |
//! | address and user   | 30: the guesser changes ports                                |
//! | address            | wrong passwords for 20 users, or 300 challenges in more than |
//! |                    | 5 seconds with not one answered; over UDP for 2 seconds only |
//! | user, from anywhere| 200: the guessers are many                                   |
//!
//! The last two spare whoever has shown the right password from that address before. A ban starts
//! at 30 seconds and doubles every time up to an hour.

import { seconds, type Millis } from '../../../src/base/time.ts'
import { RecentTexts } from './recent-texts.ts'
import { Strikes } from './strikes.ts'

/** Who asks: where from, and as whom. */
export type Claimant = {
  readonly address: string
  readonly port: number
  /** Over UDP anybody can send in this address's name. */
  readonly isForgeable: boolean
  readonly aor: string
}

export type Ban = 'socket-banned' | 'pair-banned' | 'address-banned' | 'user-banned'

const COMMON = { window: seconds(600), ban: seconds(30), longest: seconds(3600) }
const IGNORED = { limit: 300, patience: seconds(5) }
/** Long enough to slow a scan down, too short to keep the phone out whose address was forged. */
const PAUSE = { ban: seconds(2), longest: seconds(2) }
/** With 100,000 in it less than one in a thousand has lost its place to others. */
const PROVEN_CAPACITY = 1 << 19

export class LockOut {
  readonly #sockets = new Strikes({ ...COMMON, limit: 10, capacity: 50_000 })
  readonly #pairs = new Strikes({ ...COMMON, limit: 30, capacity: 50_000 })
  readonly #addresses = new Strikes({ ...COMMON, limit: 20, capacity: 20_000 })
  readonly #users = new Strikes({ ...COMMON, limit: 200, capacity: 20_000 })
  readonly #ignored = new Strikes({ ...COMMON, ...IGNORED, capacity: 20_000 })
  readonly #flooded = new Strikes({ ...COMMON, ...IGNORED, ...PAUSE, capacity: 20_000 })
  /** Address and user that have shown the right password; there may be 100,000. */
  readonly #proven: RecentTexts

  /** A secret key of 16 bytes, used for nothing else. */
  constructor(key: Uint8Array) {
    this.#proven = new RecentTexts(key, PROVEN_CAPACITY)
  }

  /** Why the claimant gets no answer; undefined when it may try. */
  ban(claimant: Claimant, now: Millis): Ban | undefined {
    const { address, aor } = claimant
    // On a quiet day there are no wrong passwords, and no names of them to put together.
    if (!this.#sockets.isEmpty && this.#sockets.isBanned(socketOf(claimant), now))
      return 'socket-banned'
    if (!this.#pairs.isEmpty && this.#pairs.isBanned(pairOf(claimant), now)) return 'pair-banned'
    const banned =
      this.#addresses.isBanned(address, now) ||
      this.#ignored.isBanned(address, now) ||
      this.#flooded.isBanned(address, now)
        ? 'address-banned'
        : this.#users.isBanned(aor, now)
          ? 'user-banned'
          : undefined
    if (banned === undefined || this.#proven.has(pairOf(claimant))) return undefined
    return banned
  }

  /** A wrong password, by someone who has heard our challenge. The bans that it brought. */
  failed(claimant: Claimant, now: Millis): readonly Ban[] {
    const bans: Ban[] = []
    const pair = pairOf(claimant)
    const isNewUser = this.#pairs.count(pair, now) === 0
    if (this.#sockets.strike(socketOf(claimant), now)) bans.push('socket-banned')
    if (this.#pairs.strike(pair, now)) bans.push('pair-banned')
    if (isNewUser && this.#addresses.strike(claimant.address, now)) bans.push('address-banned')
    if (this.#users.strike(claimant.aor, now)) bans.push('user-banned')
    return bans
  }

  /** A challenge goes out; someone who never answers any is looking around. */
  challenged({ address, isForgeable }: Claimant, now: Millis): readonly Ban[] {
    const strikes = isForgeable ? this.#flooded : this.#ignored
    return strikes.strike(address, now) ? ['address-banned'] : []
  }

  succeeded(claimant: Claimant): void {
    const pair = pairOf(claimant)
    if (!this.#sockets.isEmpty) this.#sockets.clear(socketOf(claimant))
    if (!this.#pairs.isEmpty) this.#pairs.clear(pair)
    this.#ignored.clear(claimant.address)
    this.#flooded.clear(claimant.address)
    this.#proven.add(pair)
  }
}

function socketOf({ address, port, aor }: Claimant): string {
  return `${address} ${port} ${aor}`
}

function pairOf({ address, aor }: Claimant): string {
  return `${address} ${aor}`
}
