//! What the methods of `MediaControl` do to sessions: offers and answers made over, legs joined
//! and parted. Synchronous; whoever calls has seen to it that ports are open.

import { err, ok } from '../base/result.ts'
import type {
  ConnectRequest,
  RelayOffer,
  RelayRequest,
  Sdp,
  WithdrawOffer,
} from '../control/media-control.ts'
import { linkByKind, mayStay } from '../sdp/bridge.ts'
import type { Description } from '../sdp/description.ts'
import { BOTH_WAYS, type Direction } from '../sdp/direction.ts'
import { say } from '../sdp/local-side.ts'
import {
  answers,
  invert,
  linkOffer,
  relayedAnswer,
  relayedOffer,
  type Links,
} from '../sdp/relay.ts'
import { agree, wantsOf, wantsOfAnswer } from './agreement.ts'
import type { Board } from './board.ts'
import { legOf, legsOf, readDescription, readOffer, within } from './legs.ts'
import { rejected, sdp, type Outcome } from './outcome.ts'
import type { Session } from './session.ts'

export function relayOffer(board: Board, request: RelayOffer): Outcome<Sdp> {
  const offer = readOffer(request.sdp)
  if (!offer.ok) return offer
  const legs = legsOf(board, request, offer.value)
  if (!legs.ok) return legs
  const { created, ...put } = legs.value
  const directions = request.restated ? put.offer.media.map(() => BOTH_WAYS) : undefined
  const text = putOffer(board, { ...put, directions, step: 'ask' })
  if (!text.ok) for (const session of created) board.release(session.id)
  return text
}

export function relayAnswer(board: Board, request: RelayRequest): Outcome<Sdp> {
  const answer = readDescription(request.sdp)
  if (!answer.ok) return answer
  const from = board.sessions.get(request.from)
  const to = board.sessions.get(request.to)
  if (from === undefined || to === undefined) return err({ kind: 'no-session' })
  const { pending } = from
  if (pending === undefined || pending.from !== to)
    return rejected('it answers an offer that was never put, or was withdrawn')
  const met = within(from, answer.value)
  if (!met.ok) return met
  legOf(board, to, request.toward)
  pending.answered = true
  if (pending.directions === undefined) return answerTo(board, from, to, met.value)
  agree(from, pending.told, met.value, wantsOfAnswer(pending.told, met.value))
  return tell(board, from, to, met.value)
}

/** `to` made the offer: it gets its answer. */
function answerTo(board: Board, from: Session, to: Session, answer: Description): Outcome<Sdp> {
  const { pending } = from
  if (pending === undefined) return err({ kind: 'no-session' })
  const { offer } = pending
  const links = pending.links.map((line, index) => {
    const asked = offer.media[index]
    const section = line === undefined ? undefined : answer.media[line]
    if (line === undefined || asked === undefined || section === undefined) return undefined
    if (!answers(answer, section, asked)) return undefined
    const opened = board.open(to, index, asked.media.kind)
    return opened !== undefined && board.open(from, line, asked.media.kind) ? line : undefined
  })
  const ours = { address: to.face.told, ports: portsOf(to) }
  const told = relayedAnswer(answer, offer, links, ours)
  to.local = say(to.local, told, ours.address)
  agree(from, pending.told, answer, wantsOfAnswer(pending.told, answer))
  agree(to, told, offer, wantsOf(offer))
  board.join(to, from, links)
  return ok(sdp(to.local.text))
}

/** `to` made no offer: it is told anew if it must be, and joined either way. */
function tell(board: Board, from: Session, to: Session, answer: Description): Outcome<Sdp> {
  const { pending } = from
  if (pending === undefined) return err({ kind: 'no-session' })
  const { links, step } = pending
  if (to.told !== undefined) board.join(to, from, links)
  if (step === 'close') return ok(sdp(to.local.text))
  const directions = from.wants
  if (to.told === undefined || !staysWith(to, from, links))
    return putOffer(board, { from, to, offer: answer, directions, step: 'close' })
  // It may be asked all the same, and what it answers then is no answer to an older offer.
  const back = invert(links, answer.media.length)
  const { told } = to
  to.pending = {
    from,
    offer: answer,
    directions,
    links: back,
    told,
    step: 'close',
    answered: false,
  }
  return ok(sdp(to.local.text))
}

type Put = {
  readonly from: Session
  readonly to: Session
  readonly offer: Description
  /** Undefined when `from` makes the offer itself and waits for the answer. */
  readonly directions: readonly Direction[] | undefined
  readonly step: 'ask' | 'close'
}

function putOffer(board: Board, { from, to, offer, directions, step }: Put): Outcome<Sdp> {
  const links = linkOffer(offer, from.peer === to ? from.links : [], to.told)
  for (const [index, line] of links.entries()) {
    const kind = offer.media[index]?.media.kind
    if (line === undefined || kind === undefined) continue
    const opened = board.open(to, line, kind)
    if (opened === undefined || board.open(from, index, kind) === undefined)
      return err({ kind: 'no-capacity' })
  }
  const ours = { address: to.face.told, ports: portsOf(to) }
  const told = relayedOffer(offer, links, to.told, ours, directions)
  to.local = say(to.local, told, ours.address)
  to.pending = { from, offer, directions, links, told, step, answered: false }
  return ok(sdp(to.local.text))
}

export function withdrawOffer(board: Board, request: WithdrawOffer): Outcome<void> {
  const from = board.sessions.get(request.from)
  const to = board.sessions.get(request.to)
  if (from === undefined || to === undefined) return err({ kind: 'no-session' })
  if (to.pending?.from !== from || to.pending.answered) return ok(undefined)
  to.pending = undefined
  for (const session of [from, to]) if (session.told !== undefined) board.settle(session)
  return ok(undefined)
}

export function connect(board: Board, request: ConnectRequest): Outcome<Sdp | undefined> {
  const a = board.sessions.get(request.a)
  const b = board.sessions.get(request.b)
  if (a?.told === undefined || b?.told === undefined || b.described === undefined)
    return err({ kind: 'no-session' })
  const links = linkByKind(a.told, b.told)
  if (staysWith(a, b, links) && staysWith(b, a, invert(links, b.told.media.length))) {
    board.join(a, b, links)
    return ok(undefined)
  }
  const { described, wants } = b
  return putOffer(board, { from: b, to: a, offer: described, directions: wants, step: 'ask' })
}

/** Can `one` talk with `other` by what it was told before? `links` are from `one`'s lines. */
function staysWith(one: Session, other: Session, links: Links): boolean {
  if (one.told === undefined || one.described === undefined) return false
  if (other.told === undefined || other.described === undefined) return false
  return mayStay(
    { told: one.told, described: one.described, wants: one.wants },
    { told: other.told, described: other.described, wants: other.wants },
    links,
  )
}

export function portsOf(session: Session): readonly number[] {
  return session.streams.map((stream) => stream?.pair.port ?? 0)
}
