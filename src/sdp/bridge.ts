//! Whether two legs that did not negotiate with each other can be joined as they are, and which
//! payload types must be renumbered on the way when they are.

import { directionOf } from './carry.ts'
import { codecsOf, interchangeable, isAuxiliary } from './codec.ts'
import type { Description, MediaSection } from './description.ts'
import { sameDirection, type Direction } from './direction.ts'
import type { Links } from './relay.ts'

/** One leg of a bridge: what it described, what we told it, and what it wants to do itself. */
export type Side = {
  readonly described: Description
  readonly told: Description
  /** By line of this leg: its own wish, free of what the other side's hold made of it. */
  readonly wants: readonly Direction[]
}

/** Is there nothing that `one` must be told anew to talk with `other`? */
export function mayStay(one: Side, other: Side, links: Links): boolean {
  return one.told.media.every((told, index) => {
    if (told.media.port === 0) return true
    const to = links[index]
    const section = to === undefined ? undefined : other.described.media[to]
    const wants = to === undefined ? undefined : other.wants[to]
    if (section === undefined || wants === undefined || section.media.port === 0) return false
    if (!sameDirection(directionOf(one.told, told), wants)) return false
    return allAccepted(told, section)
  })
}

/** May whatever is sent by the leg told `told` be handed to the one that described `accepting`? */
function allAccepted(told: MediaSection, accepting: MediaSection): boolean {
  const accepted = codecsOf(accepting)
  const sent = codecsOf(told).filter((codec) => !isAuxiliary(codec))
  return sent.every((codec) => accepted.some((each) => interchangeable(codec, each)))
}

/**
 * Payload types as the sender numbers them, to those the receiver asked for; undefined when they
 * agree. A type unknown to the receiver keeps its number.
 */
export function payloadMap(
  told: MediaSection,
  described: MediaSection,
): ReadonlyMap<number, number> | undefined {
  if (numbersAlike(told, described)) return undefined
  const accepted = codecsOf(described)
  const map = new Map<number, number>()
  for (const codec of codecsOf(told)) {
    if (accepted.some((each) => sameNumber(each, codec))) continue
    const wanted = accepted.find((each) => interchangeable(codec, each))
    if (wanted !== undefined) map.set(codec.payloadType, wanted.payloadType)
  }
  return map.size === 0 ? undefined : map
}

/** Two legs that negotiated with each other: one section was made of the other. */
function numbersAlike(told: MediaSection, described: MediaSection): boolean {
  const rtpmaps = (section: MediaSection): readonly string[] =>
    section.lines.filter(({ value }) => value.startsWith('rtpmap:')).map(({ value }) => value)
  const known = new Set(rtpmaps(described))
  const formats = new Set(described.media.formats)
  const all = told.media.formats.every((format) => formats.has(format))
  return all && rtpmaps(told).every((line) => known.has(line))
}

function sameNumber(one: Parameters<typeof interchangeable>[0], other: typeof one): boolean {
  return one.payloadType === other.payloadType && interchangeable(one, other)
}

/** Lines of the same kind, in order, that both have open: the way two strangers are joined. */
export function linkByKind(one: Description, other: Description): Links {
  const taken = new Set<number>()
  return one.media.map(({ media }) => {
    if (media.port === 0) return undefined
    const found = other.media.findIndex(
      (each, index) => !taken.has(index) && each.media.port !== 0 && each.media.kind === media.kind,
    )
    if (found === -1) return undefined
    taken.add(found)
    return found
  })
}
