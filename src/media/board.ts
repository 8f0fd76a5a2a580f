//! The switchboard of one worker: its sessions, the sockets they have on loan, who is joined with
//! whom. What SDP means is `negotiation.ts`'s; what packets do is `forwarder.ts`'s.

import type { Log } from '../base/host.ts'
import { Lru } from '../base/lru.ts'
import type { Random } from '../base/random.ts'
import type { CallId } from '../control/ids.ts'
import type { MediaEvent, MediaId, MediaReport } from '../control/media-control.ts'
import type { UdpHub } from '../native/udp.ts'
import { connectionOf, isMultiplexed, isNowhere, rtcpAddress } from '../sdp/address.ts'
import { payloadMap } from '../sdp/bridge.ts'
import { directionOf, isNumeric } from '../sdp/carry.ts'
import { codecsOf } from '../sdp/codec.ts'
import { firstOf, type MediaSection } from '../sdp/description.ts'
import { newLocalSide } from '../sdp/local-side.ts'
import { invert, type Links } from '../sdp/relay.ts'
import { emptyReport } from './by-requests.ts'
import { faceToward, isWildcard, type Addresses, type Face, type Interface } from './faces.ts'
import type { PortStock } from './port-stock.ts'
import { Session } from './session.ts'
import { expect } from './silence.ts'
import { Stream } from './stream.ts'

/** More open lines than this on one leg are refused: a phone has two or three. */
export const MEDIA_LINES_MAX = 8
/** Reports of released sessions, for a release that is asked again. */
const REPORTS_MAX = 4096

export type BoardOptions = {
  readonly hub: UdpHub<unknown>
  readonly stocks: ReadonlyMap<string, PortStock<Stream>>
  readonly addresses: Addresses
  readonly interfaces: () => readonly Interface[]
  readonly random: Random
  readonly now: () => number
  readonly emit: (event: MediaEvent) => void
  readonly log: Log
}

export class Board {
  readonly sessions = new Map<MediaId, Session>()
  readonly #options: BoardOptions
  readonly #reports = new Lru<MediaId, MediaReport>(REPORTS_MAX)

  constructor(options: BoardOptions) {
    this.#options = options
  }

  now(): number {
    return this.#options.now()
  }

  emit(event: MediaEvent): void {
    this.#options.emit(event)
  }

  faceFor(toward: string | undefined, family?: Face['told']['family']): Face | undefined {
    const { addresses, interfaces } = this.#options
    return faceToward(addresses, interfaces(), toward, family)
  }

  /** A session that `add` makes known. */
  make(id: MediaId, call: CallId, face: Face): Session {
    const { random } = this.#options
    const high = 1 + random.below(0x7fff_ffff)
    const number = `${high}${String(random.below(1_000_000)).padStart(6, '0')}`
    return new Session(id, call, face, newLocalSide(number))
  }

  add(session: Session): void {
    this.sessions.set(session.id, session)
  }

  /** The stream of a line, opened when there is none; undefined without a port to lend. */
  open(session: Session, index: number, kind: string): Stream | undefined {
    const before = session.streams[index]
    if (before !== undefined && before.kind === kind) return before
    if (before !== undefined) this.close(session, index)
    const held = session.streams.filter((stream) => stream !== undefined).length
    const stock = this.#options.stocks.get(session.face.bind)
    if (held >= MEDIA_LINES_MAX || stock === undefined) return undefined
    const pair = stock.take()
    if (pair === undefined) return undefined
    const stream = new Stream(session, kind, pair)
    pair.owner = stream
    session.streams[index] = stream
    return stream
  }

  close(session: Session, index: number): void {
    const stream = session.streams[index]
    if (stream === undefined) return
    session.streams[index] = undefined
    session.past.push(stream)
    if (stream.sink !== undefined) stream.sink.sink = undefined
    stream.sink = undefined
    this.#options.stocks.get(session.face.bind)?.release(stream.pair, this.now())
  }

  /** Ends a session; the same report again for one that is gone. */
  release(id: MediaId): MediaReport {
    const session = this.sessions.get(id)
    if (session === undefined) return this.#reports.get(id) ?? emptyReport(id)
    this.part(session)
    session.streams.forEach((_, index) => this.close(session, index))
    this.sessions.delete(id)
    const report = session.report()
    this.#reports.set(id, report)
    return report
  }

  /** Joins two sessions, `links` from `one`'s lines to `other`'s; each leaves whom it was with. */
  join(one: Session, other: Session, links: Links): void {
    if (one.peer !== other) this.part(one)
    if (other.peer !== one) this.part(other)
    one.peer = other
    other.peer = one
    one.links = links
    other.links = invert(links, other.streams.length)
    one.playing = undefined
    other.playing = undefined
    this.settle(one)
    this.settle(other)
  }

  part(session: Session): void {
    const { peer } = session
    for (const stream of session.streams) unplug(stream)
    session.peer = undefined
    session.links = []
    if (peer?.peer !== session) return
    for (const stream of peer.streams) unplug(stream)
    peer.peer = undefined
    peer.links = []
  }

  /** Brings a session's streams in line with its descriptions and its peer. */
  settle(session: Session): void {
    const { peer } = session
    session.streams.forEach((stream, index) => {
      const told = session.told?.media[index]
      if (stream === undefined) return
      if (told === undefined || told.media.port === 0) {
        if (session.pending === undefined || session.pending.answered) this.close(session, index)
        return
      }
      this.#address(session, stream, index)
      stream.expect(codecsOf(told))
      const to = session.links[index]
      if (peer !== undefined) this.#plug(stream, session, index, peer, to)
    })
    expect(session.silence, this.#isHeard(session), this.now())
  }

  /** An echo: what comes in goes back out. */
  loop(session: Session): void {
    session.streams.forEach((stream, index) => {
      const section = session.described?.media[index]
      if (stream === undefined || section === undefined || session.described === undefined) return
      const direction = directionOf(session.described, section)
      stream.sink = stream
      stream.flows = direction.send && direction.receive
      stream.renumber = undefined
      stream.ownSsrc ??= 1 + this.#options.random.below(0xffff_fffe)
      stream.relabel = stream.ownSsrc
    })
  }

  unloop(session: Session): void {
    for (const stream of session.streams) if (stream?.sink === stream) unplug(stream)
  }

  #plug(
    stream: Stream,
    session: Session,
    index: number,
    peer: Session,
    to: number | undefined,
  ): void {
    const told = session.told?.media[index]
    const sink = to === undefined ? undefined : peer.streams[to]
    const described = to === undefined ? undefined : peer.described?.media[to]
    unplug(stream)
    if (told === undefined || to === undefined || sink === undefined) return
    if (described === undefined) return
    stream.sink = sink
    stream.renumber = payloadMap(told, described)
    stream.flows = maySend(session, index) && mayReceive(peer, to)
    sink.sink = stream
    sink.flows = mayReceive(session, index) && maySend(peer, to)
  }

  /** Where the leg wants RTP and RTCP, and whom it is believed to send from. */
  #address(session: Session, stream: Stream, index: number): void {
    const { described, told } = session
    const section = described?.media[index]
    if (described === undefined || section === undefined) return
    const connection = connectionOf(described, section)
    const usable =
      connection !== undefined && isNumeric(connection.host) && !isNowhere(connection.host)
    const answer = told?.media[index]
    stream.multiplexed = isMultiplexed(section) && answer !== undefined && isMultiplexed(answer)
    // Only what the leg itself says anew (RFC 8866 §5.2: by another version) may move its source;
    // another fork's answer and a mere refresh may not.
    const origin = firstOf(described.session, 'o') ?? ''
    const where = `${connection?.host} ${section.media.port} ${session.signalling}`
    const saying = `${origin} ${where} ${stream.multiplexed}`
    const agreed = `${saying} ${told && firstOf(told.session, 'o')}`
    if (stream.lastAgreed !== agreed) stream.latch.listen(this.now())
    stream.lastAgreed = agreed
    if (stream.lastSaid === saying) return
    stream.lastSaid = saying
    // RFC 2543 hold names no address: the one before stays, to be used again on resuming.
    if (!usable && stream.rtpTo !== undefined) return
    const rtp = usable ? { host: connection.host, port: section.media.port } : undefined
    const { hub } = this.#options
    const local = isWildcard(session.face.bind) ? session.face.told.host : undefined
    // The hub's peer has the address in the one form in which sources are told, too.
    const announced = rtp && hub.peer(stream.pair.rtp, rtp.host, rtp.port, local)
    stream.latch.announce(announced, session.signalling)
    if (rtp === undefined || stream.latch.holder !== undefined) return
    const rtcp = rtcpAddress(section, rtp, stream.multiplexed)
    const through = stream.multiplexed ? stream.pair.rtp : stream.pair.rtcp
    stream.rtpTo = announced
    stream.rtcpTo = isNumeric(rtcp.host)
      ? hub.peer(through, rtcp.host, rtcp.port, local)
      : undefined
    stream.rtcpAddress = stream.rtcpTo?.address
  }

  /**
   * Is the leg expected to send anything? Not before its first agreement, and not on hold: a phone
   * that holds by `sendonly` may have no music to send.
   */
  #isHeard(session: Session): boolean {
    return session.streams.some(
      (stream, index) =>
        stream !== undefined &&
        (['send', 'receive'] as const).every((way) => {
          return allows(session.described, index, way) && allows(session.told, index, way)
        }),
    )
  }
}

/** May the leg send on this line, by what it said and what it was told? */
function maySend(session: Session, index: number): boolean {
  return allows(session.described, index, 'send') && allows(session.told, index, 'receive')
}

function mayReceive(session: Session, index: number | undefined): boolean {
  return index !== undefined && allows(session.described, index, 'receive')
}

function allows(
  description: Session['described'],
  index: number,
  way: 'send' | 'receive',
): boolean {
  const section: MediaSection | undefined = description?.media[index]
  if (description === undefined || section === undefined || section.media.port === 0) return false
  return directionOf(description, section)[way]
}

function unplug(stream: Stream | undefined): void {
  if (stream === undefined) return
  stream.sink = undefined
  stream.flows = false
  stream.renumber = undefined
  stream.relabel = undefined
}
