//! Symmetric RTP: from whom a stream is taken, and so where to it is sent. A phone behind NAT
//! cannot know the address its packets come from, so the first valid source is held on to; an
//! attacker who sprays ports (RTPBleed) must not become that source. Pure.
//!
//!   open ──a packet from the announced or the signalling address──────────────────────▶ held
//!     │                                                                           ▲        │
//!     │   listening: 10 s after what was agreed on                                │        │
//!     ├──▶ a sign of a NAT, nothing from there, one stranger: 0.5 s of one stream ┘        │
//!     │                                         └─ a second stranger: nobody is believed   │
//!     ▲                                                                                    │
//!     └── a new address is announced ◀───────────────── others are refused, except: see `admits`

import { isPrivate } from '../base/address.ts'

export type Source = { readonly address: string; readonly port: number }

/** What the receiver knows of the stream's numbering (RFC 3550 A.1). */
export type Numbering = { continues(ssrc: number, sequence: number): boolean }

/** A source that nothing speaks for is believed after so many packets in order with one SSRC, */
const STRANGER_PACKETS = 10
/** over so long (a burst is no stream), */
const STRANGER_MS = 400
/** losing no more than this many of them in a row, */
const STRANGER_GAP = 5
/** and only so long after an agreement: a port is not open to all for the rest of the call. */
const LISTENING_MS = 10_000
/** While this young, a source gives way to one with better credentials. */
const LEARNING_MS = 3_000
/** Without packets for this long the holder may be replaced. */
const QUIET_MS = 500

const EXACT = 3
const KNOWN_HOST = 2
const STRANGER = 1

export class Latch<S extends Source> {
  #announced: Source | undefined
  #signalling: string | undefined
  #holder: S | undefined
  #credentials = 0
  #since = 0
  #lastHeard = 0
  #mayMove = false
  #listenUntil = Number.NEGATIVE_INFINITY
  #stranger: Stranger | undefined

  get holder(): S | undefined {
    return this.#holder
  }

  /** A description came: where it wants its packets, and where its signalling comes from. */
  announce(announced: Source | undefined, signalling: string | undefined): void {
    const before = this.#announced
    const moved = before?.address !== announced?.address || before?.port !== announced?.port
    this.#announced = announced
    this.#signalling = signalling
    if (moved) this.#holder = undefined
    else this.#mayMove = true
  }

  /** Something was agreed on, for the first time or anew: from now on sound is to be expected. */
  listen(now: number): void {
    this.#listenUntil = now + LISTENING_MS
    this.#stranger = undefined
  }

  /**
   * Does this packet belong to the stream? Once held, another source is taken when it has better
   * credentials and the holder is new or a stranger; when the holder fell silent and it goes on
   * with the same SSRC and sequence (a NAT lost its mapping: nobody else knows the SSRC); or when
   * the holder fell silent and signalling was renewed since; a stranger only after a stranger.
   */
  admits(source: S, ssrc: number, sequence: number, now: number, numbering: Numbering): boolean {
    if (source === this.#holder) {
      this.#lastHeard = now
      return true
    }
    const holder = this.#holder
    const credentials = this.#credentialsOf(source)
    if (holder === undefined) return this.#consider(source, credentials, ssrc, sequence, now)
    if (source.address === holder.address && source.port === holder.port)
      return this.#hold(source, this.#credentials, this.#since, now)
    const young = this.#credentials === STRANGER || now - this.#since < LEARNING_MS
    if (credentials > this.#credentials && young) return this.#hold(source, credentials, now, now)
    if (now - this.#lastHeard < QUIET_MS) return false
    if (numbering.continues(ssrc, sequence)) return this.#hold(source, credentials, now, now)
    if (!this.#mayMove || (credentials === STRANGER && this.#credentials !== STRANGER)) return false
    return this.#consider(source, credentials, ssrc, sequence, now)
  }

  #credentialsOf({ address, port }: S): number {
    const announced = this.#announced
    if (announced?.address === address) return announced.port === port ? EXACT : KNOWN_HOST
    return this.#signalling === address ? KNOWN_HOST : STRANGER
  }

  /**
   * May its packets come from an address that nobody named? Not from a phone that asks for its
   * sound at the public address it signals from. Who names a private one (loopback too) may be
   * behind a NAT, or have several networks.
   */
  #mayBeElsewhere(): boolean {
    const announced = this.#announced?.address
    return announced === undefined || announced !== this.#signalling || isPrivate(announced)
  }

  #consider(source: S, credentials: number, ssrc: number, sequence: number, now: number): boolean {
    if (credentials !== STRANGER) return this.#hold(source, credentials, now, now)
    if (now >= this.#listenUntil || !this.#mayBeElsewhere()) return false
    const { address, port } = source
    const seen = this.#stranger
    if (seen !== undefined && (seen.address !== address || seen.port !== port)) seen.alone = false
    if (seen?.alone === false) return false
    const ahead = seen === undefined ? 0 : (sequence - seen.sequence) & 0xffff
    if (seen === undefined || seen.ssrc !== ssrc || ahead === 0 || ahead > STRANGER_GAP) {
      this.#stranger = { address, port, ssrc, sequence, since: now, seen: 1, alone: true }
      return false
    }
    seen.sequence = sequence
    seen.seen++
    if (seen.seen < STRANGER_PACKETS || now - seen.since < STRANGER_MS) return false
    return this.#hold(source, credentials, now, now)
  }

  #hold(source: S, credentials: number, since: number, now: number): true {
    this.#holder = source
    this.#credentials = credentials
    this.#since = since
    this.#lastHeard = now
    this.#mayMove = false
    this.#stranger = undefined
    return true
  }
}

/** Who sends while nobody who should does; `alone`: nobody else tried. */
type Stranger = Source & {
  readonly ssrc: number
  sequence: number
  readonly since: number
  seen: number
  alone: boolean
}
