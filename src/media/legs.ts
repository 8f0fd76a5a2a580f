//! From a request's ids and texts to sessions and descriptions, or to why that cannot be.

import { ok } from '../base/result.ts'
import type { RelayOffer, Sdp } from '../control/media-control.ts'
import { connectionOf, isNowhere, type Connection } from '../sdp/address.ts'
import { isCarried } from '../sdp/carry.ts'
import type { Description } from '../sdp/description.ts'
import { parseSdp } from '../sdp/parse.ts'
import { refusal, refused } from '../sdp/relay.ts'
import { MEDIA_LINES_MAX, type Board } from './board.ts'
import { rejected, type Outcome } from './outcome.ts'
import type { Session } from './session.ts'

export function readDescription(text: Sdp): Outcome<Description> {
  const parsed = parseSdp(text)
  if (parsed.ok) return parsed
  const { line, reason } = parsed.error
  return rejected(`the SDP ${reason}${line === 0 ? '' : ` (line ${line})`}`)
}

export function readOffer(text: Sdp): Outcome<Description> {
  const offer = readDescription(text)
  if (!offer.ok) return offer
  const reason = refusal(offer.value)
  if (reason !== undefined) return rejected(reason)
  const carried = offer.value.media.filter((section) => isCarried(offer.value, section))
  if (carried.length > MEDIA_LINES_MAX)
    return rejected(`more than ${MEDIA_LINES_MAX} media lines are offered`)
  return offer
}

export type Legs = {
  readonly from: Session
  readonly to: Session
  /** What of the offer can be met. */
  readonly offer: Description
  /** Those that this request made: released again when it fails. */
  readonly created: readonly Session[]
}

/** The sessions of an offer, made when new. */
export function legsOf(board: Board, request: RelayOffer, offer: Description): Outcome<Legs> {
  const { sessions } = board
  const created: Session[] = []
  const from = sessions.get(request.from) ?? offerer(board, request, offer)
  if (typeof from === 'string') return rejected(from)
  if (!sessions.has(request.from)) created.push(from)
  const met = within(from, offer)
  if (!met.ok) return met
  const known = sessions.get(request.to)
  if (known !== undefined) legOf(board, known, request.toward)
  const family = request.toward === undefined ? from.face.told.family : undefined
  const face = known?.face ?? board.faceFor(request.toward, family)
  if (face === undefined) return rejected(`this server has no address to reach ${request.toward}`)
  const to = known ?? board.make(request.to, request.call, face)
  to.signalling = request.toward ?? to.signalling
  for (const session of [from, to]) if (!sessions.has(session.id)) board.add(session)
  if (known === undefined) created.push(to)
  return ok({ from, to, offer: met.value, created })
}

function offerer(board: Board, request: RelayOffer, offer: Description): Session | string {
  const connection = liveConnection(offer)
  const face = board.faceFor(connection?.host, connection?.family)
  if (face === undefined) return noFamily(connection)
  return board.make(request.from, request.call, face)
}

/** Brings a known leg's face in line with where its signalling goes, before it is first told. */
export function legOf(board: Board, session: Session, toward: string | undefined): void {
  if (toward === undefined) return
  session.signalling = toward
  if (session.local.said !== undefined) return
  session.face = board.faceFor(toward, session.face.told.family) ?? session.face
}

/**
 * The description less the lines in the other address family, whose packets could not reach us
 * nor ours them; the error says so when nothing is left.
 */
export function within(session: Session, description: Description): Outcome<Description> {
  const { family } = session.face.told
  let kept = 0
  let foreign: Connection | undefined
  const media = description.media.map((section) => {
    if (!isCarried(description, section)) return section
    const connection = connectionOf(description, section)
    if (connection === undefined || connection.family === family || isNowhere(connection.host)) {
      kept++
      return section
    }
    foreign = connection
    return refused(section.media)
  })
  if (foreign === undefined) return ok(description)
  return kept === 0 ? rejected(noFamily(foreign)) : ok({ session: description.session, media })
}

/** The `c=` of the first line that can be carried. */
export function liveConnection(description: Description): Connection | undefined {
  const live = description.media.find((section) => isCarried(description, section))
  return live === undefined ? undefined : connectionOf(description, live)
}

export function noFamily(connection: Connection | undefined): string {
  const family = connection?.family === 'IP6' ? 'IPv6' : 'IPv4'
  return `the media address is ${family} and this server or leg has none of that family`
}
