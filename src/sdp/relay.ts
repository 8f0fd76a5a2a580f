//! One leg's description made over as ours for another leg (RFC 3264 with us in between).
//!
//! The two legs number their `m=` lines apart: each keeps its own lines in place for life
//! (RFC 3264 §8), and `links` says which of one is which of the other.

import type { Connection } from './address.ts'
import { carriedSection, carriedSession, directionOf, isCarried, refusalOf } from './carry.ts'
import type { Description, MediaLine, MediaSection } from './description.ts'
import { narrowed, reversed, type Direction } from './direction.ts'

/** `links[i]` is the other side's line for this side's line `i`; undefined when it has none. */
export type Links = readonly (number | undefined)[]

export type Ours = {
  readonly address: Connection
  /** Our RTP port for each line of the one we speak to; 0 where it has none. */
  readonly ports: readonly number[]
}

/**
 * Gives every line of an offer that can be carried its line in the answerer's description.
 * `links` are those of the last agreement between the two, `told` what the answerer was last told.
 */
export function linkOffer(offer: Description, links: Links, told: Description | undefined): Links {
  const taken = new Set<number>()
  const linked: (number | undefined)[] = offer.media.map(() => undefined)
  const carried = offer.media.map((section) => isCarried(offer, section))
  const claim = (from: number, to: number | undefined): void => {
    if (to === undefined || taken.has(to)) return
    linked[from] = to
    taken.add(to)
  }
  offer.media.forEach((section, from) => {
    const to = links[from]
    if (carried[from] !== true || to === undefined) return
    if (told?.media[to]?.media.kind === section.media.kind) claim(from, to)
  })
  let next = told?.media.length ?? 0
  offer.media.forEach((section, from) => {
    if (carried[from] !== true || linked[from] !== undefined) return
    const free = freeLine(told, section.media.kind, from, taken)
    claim(from, free ?? next++)
  })
  return linked
}

/** An unlinked line of the same kind, else a refused one to use anew (RFC 3264 §8.1). */
function freeLine(
  told: Description | undefined,
  kind: string,
  preferred: number,
  taken: ReadonlySet<number>,
): number | undefined {
  if (told === undefined) return undefined
  const lines = told.media.map(({ media }, index) => ({ media, index }))
  const free = lines.filter(({ index }) => !taken.has(index))
  const fits = free.find(({ media }) => media.kind === kind)
  const refused = free.filter(({ media }) => media.port === 0)
  const reused = refused.find(({ index }) => index === preferred) ?? refused[0]
  return (fits ?? reused)?.index
}

export function invert(links: Links, length: number): Links {
  const inverted: (number | undefined)[] = Array.from({ length }, () => undefined)
  links.forEach((to, from) => {
    if (to !== undefined) inverted[to] = from
  })
  return inverted
}

/** Why nothing of the offer can be carried; undefined when something can, or nothing was asked. */
export function refusal(offer: Description): string | undefined {
  const asked = offer.media.filter(({ media }) => media.port !== 0)
  const reasons = asked.map((section) => refusalOf(offer, section))
  if (asked.length === 0 || reasons.includes(undefined)) return undefined
  return reasons.join('; ')
}

/**
 * `offer` made over for the one it is put to. `directions[i]` overrides what line `i` of the
 * offer says (taking a leg off hold).
 */
export function relayedOffer(
  offer: Description,
  links: Links,
  told: Description | undefined,
  ours: Ours,
  directions?: readonly (Direction | undefined)[],
): Description {
  const length = Math.max(told?.media.length ?? 0, ...links.map((to) => (to ?? -1) + 1))
  const sources = invert(links, length)
  const media = sources.map((from, to): MediaSection => {
    const section = from === undefined ? undefined : offer.media[from]
    const before = told?.media[to]?.media
    if (from === undefined || section === undefined) return refused(before ?? NOTHING)
    const direction = directions?.[from] ?? directionOf(offer, section)
    return carriedSection(section, direction, ours.ports[to] ?? 0)
  })
  return { session: carriedSession(offer.session, ours.address), media }
}

/**
 * `answer` made over for the one whose `offer` it answers. `links` are from the offer's lines to
 * the answer's. A line the answer refuses, leaves out or changes in kind is refused; a direction
 * the offer did not allow is narrowed (RFC 3264 §6.1).
 */
export function relayedAnswer(
  answer: Description,
  offer: Description,
  links: Links,
  ours: Ours,
): Description {
  const media = offer.media.map((asked, index): MediaSection => {
    const to = links[index]
    const section = to === undefined ? undefined : answer.media[to]
    if (section === undefined || !answers(answer, section, asked)) return refused(asked.media)
    const allowed = reversed(directionOf(offer, asked))
    const direction = narrowed(directionOf(answer, section), allowed)
    const written = carriedSection(section, direction, ours.ports[index] ?? 0)
    return { ...written, media: { ...written.media, protocol: asked.media.protocol } }
  })
  return { session: carriedSession(answer.session, ours.address), media }
}

/** Does the answer's section take up what was asked? */
export function answers(answer: Description, section: MediaSection, asked: MediaSection): boolean {
  return section.media.kind === asked.media.kind && isCarried(answer, section)
}

/** A refused line keeps its kind, protocol and formats, which must not be empty. */
export function refused(media: MediaLine): MediaSection {
  return { media: { ...media, port: 0, portCount: undefined }, lines: [] }
}

const NOTHING: MediaLine = {
  kind: 'audio',
  port: 0,
  portCount: undefined,
  protocol: 'RTP/AVP',
  formats: ['0'],
}
