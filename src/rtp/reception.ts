//! What a receiver knows of one stream: packets, octets, loss and jitter (RFC 3550 §6.4.1, A.1,
//! A.3, A.8). A new SSRC begins a new count, the old one's loss is kept.

/** A jump of at least this is a restart of the sender, not loss (RFC 3550 A.1 MAX_DROPOUT). */
const DROPOUT_MAX = 3000
const MISORDER_MAX = 100
const WORD = 4_294_967_296

export class Reception {
  packets = 0
  octets = 0
  ssrc = 0
  /** RTP timestamp units of the clock the last packet was counted with. */
  #jitter = 0
  #clockRate = 8000
  #lostBefore = 0
  #receivedOfSource = 0
  #first = 0
  #highest = 0
  #cycles = 0
  #transit = 0
  #timed = false
  #started = false
  #reported = { ssrc: 0, expected: 0, received: 0 }

  /**
   * `now` in milliseconds. `clockRate` is undefined for packets whose timestamp is not their time
   * of sampling (RFC 4733 events repeat that of their beginning): they count for all but jitter.
   */
  count(
    source: number,
    sequence: number,
    timestamp: number,
    clockRate: number | undefined,
    octets: number,
    now: number,
  ): void {
    this.packets++
    this.octets += octets
    if (!this.#started || source !== this.ssrc) this.#begin(source, sequence)
    else this.#advance(sequence)
    this.#receivedOfSource++
    if (clockRate !== undefined) this.#time((now * clockRate) / 1000 - timestamp, clockRate)
  }

  /** Of 256, since this was asked last (RFC 3550 A.3). */
  takeFractionLost(): number {
    const expected = this.extendedHighest - this.#first + 1
    const before = this.#reported
    this.#reported = { ssrc: this.ssrc, expected, received: this.#receivedOfSource }
    const known = before.ssrc === this.ssrc
    const due = expected - (known ? before.expected : 0)
    const got = this.#receivedOfSource - (known ? before.received : 0)
    return due <= 0 || got >= due ? 0 : Math.floor(((due - got) * 256) / due)
  }

  /** Packets that should have come and did not; duplicates never make it negative. */
  get lost(): number {
    return this.#lostBefore + this.#lostOfSource()
  }

  /** In milliseconds. */
  get jitterMs(): number {
    return (this.#jitter * 1000) / this.#clockRate
  }

  /** In timestamp units, as RTCP reports it. */
  get jitterUnits(): number {
    return Math.round(this.#jitter)
  }

  /** RFC 3550 A.1: cycles in the upper half. */
  get extendedHighest(): number {
    return this.#cycles * 65_536 + this.#highest
  }

  /** Is `sequence` what this source would send soon after its last packet? */
  continues(source: number, sequence: number): boolean {
    const ahead = (sequence - this.#highest) & 0xffff
    return this.#started && source === this.ssrc && ahead < DROPOUT_MAX
  }

  /** RFC 3550 A.8; `transit` is arrival minus timestamp, whose difference may be a turn off. */
  #time(transit: number, clockRate: number): void {
    if (this.#timed && clockRate === this.#clockRate) {
      const step = transit - this.#transit
      const deviation = Math.abs(step - Math.round(step / WORD) * WORD)
      this.#jitter += (deviation - this.#jitter) / 16
    }
    this.#timed = true
    this.#clockRate = clockRate
    this.#transit = transit
  }

  #begin(source: number, sequence: number): void {
    this.#lostBefore += this.#lostOfSource()
    this.ssrc = source
    this.#started = true
    this.#receivedOfSource = 0
    this.#first = sequence
    this.#highest = sequence
    this.#cycles = 0
    this.#jitter = 0
    this.#timed = false
  }

  #advance(sequence: number): void {
    const ahead = (sequence - this.#highest) & 0xffff
    if (ahead === 0 || ahead > 65_536 - MISORDER_MAX) return
    if (ahead >= DROPOUT_MAX) return this.#begin(this.ssrc, sequence)
    if (sequence < this.#highest) this.#cycles++
    this.#highest = sequence
  }

  #lostOfSource(): number {
    if (!this.#started) return 0
    const expected = this.extendedHighest - this.#first + 1
    return Math.max(0, expected - this.#receivedOfSource)
  }
}
