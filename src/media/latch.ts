//! Symmetric RTP: from whom a stream is taken, and so where to it is sent. A phone behind NAT
//! cannot know the address its packets come from, so the first valid source is held on to; an
//! attacker who sprays ports (RTPBleed) must not become that source. Pure.
//!
//!   open ──first packet from the announced or signalling address, or──▶ held
//!        a stranger's third in a row                                      │
//!     ▲                                                                    │ others are refused,
//!     └── a new address is announced ◀────────────────────────────────────┘ except: see `admits`

export type Source = { readonly address: string; readonly port: number }

/** What the receiver knows of the stream's numbering (RFC 3550 A.1). */
export type Numbering = { continues(ssrc: number, sequence: number): boolean }

/** Packets in order with one SSRC before a source that nothing speaks for is believed. */
const STRANGER_PACKETS = 3
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
  #stranger: { source: S; ssrc: number; sequence: number; seen: number } | undefined

  get holder(): S | undefined {
    return this.#holder
  }

  /** A description came: where it wants its packets, and where its signalling comes from. */
  announce(announced: Source | undefined, signalling: string | undefined): void {
    const before = this.#announced
    const moved = before?.address !== announced?.address || before?.port !== announced?.port
    this.#announced = announced
    this.#signalling = signalling
    this.#stranger = undefined
    if (moved) this.#holder = undefined
    else this.#mayMove = true
  }

  /**
   * Does this packet belong to the stream? Once held, another source is taken when it has better
   * credentials and the holder is new or a stranger; when the holder fell silent and it goes on
   * with the same SSRC and sequence (a NAT lost its mapping: nobody else knows the SSRC); or when
   * the holder fell silent and signalling was renewed since.
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
    return this.#mayMove && this.#consider(source, credentials, ssrc, sequence, now)
  }

  #credentialsOf({ address, port }: S): number {
    const announced = this.#announced
    if (announced?.address === address) return announced.port === port ? EXACT : KNOWN_HOST
    return this.#signalling === address ? KNOWN_HOST : STRANGER
  }

  #consider(source: S, credentials: number, ssrc: number, sequence: number, now: number): boolean {
    if (credentials !== STRANGER) return this.#hold(source, credentials, now, now)
    const seen = this.#stranger
    const inOrder =
      seen !== undefined &&
      seen.source.address === source.address &&
      seen.source.port === source.port &&
      seen.ssrc === ssrc &&
      seen.sequence === ((sequence - 1) & 0xffff)
    const count = inOrder ? seen.seen + 1 : 1
    if (count >= STRANGER_PACKETS) return this.#hold(source, credentials, now, now)
    this.#stranger = { source, ssrc, sequence, seen: count }
    return false
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
