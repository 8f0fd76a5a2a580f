//! Legs that are answered here, with no far side, and what they are fed with.

import { err, ok } from '../base/result.ts'
import type { AnswerHere, MediaId, MediaSource, Sdp } from '../control/media-control.ts'
import { answerHere as ourAnswer, chosenCodecs, type Choose } from '../sdp/answer-here.ts'
import { codecsOf, type Codec } from '../sdp/codec.ts'
import type { Description } from '../sdp/description.ts'
import { say } from '../sdp/local-side.ts'
import { agree, wantsOf } from './agreement.ts'
import type { Board } from './board.ts'
import { legOf, liveConnection, noFamily, readOffer, within } from './legs.ts'
import { portsOf } from './negotiation.ts'
import { rejected, sdp, type Outcome } from './outcome.ts'
import type { Player } from './player.ts'
import type { Session } from './session.ts'

export function answerHere(board: Board, player: Player, request: AnswerHere): Outcome<Sdp> {
  const read = readOffer(request.offer)
  if (!read.ok) return read
  const { source } = request
  if (source?.kind === 'prompt' && !player.sounds.has(source.name))
    return rejected(`there is no prompt named ${source.name}`)
  const known = board.sessions.has(request.media)
  const leg = answerer(board, request, read.value)
  if (!leg.ok) return leg
  const session = leg.value
  const answered = answer(board, player, session, read.value, source)
  if (!answered.ok && !known) board.release(session.id)
  return answered
}

function answer(
  board: Board,
  player: Player,
  session: Session,
  read: Description,
  source: MediaSource | undefined,
): Outcome<Sdp> {
  const met = within(session, read)
  if (!met.ok) return met
  const offer = met.value
  const chosen = chosenCodecs(offer, chooser(player, source))
  if (!chosen.some((codec) => codec !== undefined)) return rejected(nothingToSay(player, offer))
  for (const [index, section] of offer.media.entries())
    if (chosen[index] !== undefined && !board.open(session, index, section.media.kind))
      return err({ kind: 'no-capacity' })
  const ours = { address: session.face.told, ports: portsOf(session) }
  const told = ourAnswer(offer, chosen, ours)
  session.local = say(session.local, told, ours.address)
  session.pending = undefined
  agree(session, told, offer, wantsOf(offer))
  board.part(session)
  board.settle(session)
  // Fails when every encoder of the codec is busy: there is nothing to hear then.
  return play(board, player, session, source)
    ? ok(sdp(session.local.text))
    : err({ kind: 'no-capacity' })
}

export function feed(
  board: Board,
  player: Player,
  media: MediaId,
  source: MediaSource | undefined,
): Outcome<void> {
  const session = board.sessions.get(media)
  if (session?.told === undefined) return err({ kind: 'no-session' })
  if (source?.kind === 'prompt' && !player.sounds.has(source.name))
    return rejected(`there is no prompt named ${source.name}`)
  board.part(session)
  if (play(board, player, session, source)) return ok(undefined)
  return rejected(`none of the codecs agreed can be made here (${player.sounds.codecs.join(', ')})`)
}

function play(
  board: Board,
  player: Player,
  session: Session,
  source: MediaSource | undefined,
): boolean {
  board.unloop(session)
  if (source !== undefined && source.kind !== 'echo') return player.play(session, source)
  player.stop(session)
  if (source !== undefined) board.loop(session)
  return true
}

/** An echo returns anything; a made sound needs a codec we can make, and is only sound. */
function chooser(player: Player, source: MediaSource | undefined): Choose {
  if (source?.kind === 'echo') return (_, codecs) => codecs[0]
  return (kind, codecs) => {
    if (kind !== 'audio') return undefined
    const made = codecs.find((codec) => player.sounds.canMake(codec))
    return made ?? (source === undefined ? codecs[0] : undefined)
  }
}

function answerer(board: Board, request: AnswerHere, offer: Description): Outcome<Session> {
  const known = board.sessions.get(request.media)
  if (known !== undefined) {
    legOf(board, known, request.toward)
    return ok(known)
  }
  const connection = liveConnection(offer)
  const face = board.faceFor(request.toward ?? connection?.host, connection?.family)
  if (face === undefined) return rejected(noFamily(connection))
  const session = board.make(request.media, request.call, face)
  session.signalling = request.toward
  board.add(session)
  return ok(session)
}

function nothingToSay(player: Player, offer: Description): string {
  const names = offer.media.flatMap((section) => codecsOf(section).map(({ name }: Codec) => name))
  return `none of ${names.join(', ')} can be made here: offer ${player.sounds.codecs.join(', ')}`
}
