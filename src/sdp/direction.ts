//! Which way a stream may flow, as its describer sees it (RFC 3264 §5.1, §6.1, §8.4).

import type { MediaSection, SdpLine } from './description.ts'

export type Direction = { readonly send: boolean; readonly receive: boolean }
export type DirectionName = 'sendrecv' | 'sendonly' | 'recvonly' | 'inactive'

export const BOTH_WAYS: Direction = { send: true, receive: true }
export const NO_WAY: Direction = { send: false, receive: false }

const BY_NAME: ReadonlyMap<string, Direction> = new Map([
  ['sendrecv', BOTH_WAYS],
  ['sendonly', { send: true, receive: false }],
  ['recvonly', { send: false, receive: true }],
  ['inactive', NO_WAY],
])

export function directionName({ send, receive }: Direction): DirectionName {
  if (send) return receive ? 'sendrecv' : 'sendonly'
  return receive ? 'recvonly' : 'inactive'
}

/** The same stream seen from the other end. */
export function reversed({ send, receive }: Direction): Direction {
  return { send: receive, receive: send }
}

export function narrowed(one: Direction, other: Direction): Direction {
  return { send: one.send && other.send, receive: one.receive && other.receive }
}

export function sameDirection(one: Direction, other: Direction): boolean {
  return one.send === other.send && one.receive === other.receive
}

/** The written direction: the section's own attribute, else the session's, else sendrecv. */
export function writtenDirection(session: readonly SdpLine[], section: MediaSection): Direction {
  return directionIn(section.lines) ?? directionIn(session) ?? BOTH_WAYS
}

export function isDirection(line: SdpLine): boolean {
  return line.type === 'a' && readDirection(line.value) !== undefined
}

/** Every direction is eight letters long, which tells most attributes apart at a glance. */
function readDirection(value: string): Direction | undefined {
  if (value.length === 8) return BY_NAME.get(value)
  return value[8] === ' ' ? BY_NAME.get(value.trimEnd()) : undefined
}

function directionIn(lines: readonly SdpLine[]): Direction | undefined {
  const line = lines.find(isDirection)
  return line === undefined ? undefined : readDirection(line.value)
}

/**
 * What the answerer itself wants, read out of its answer: a direction that the offer did not
 * allow is taken as wanted, since the answer could not have said so.
 */
export function wantedByAnswer(offer: Direction, answer: Direction): Direction {
  return { send: answer.send || !offer.receive, receive: answer.receive || !offer.send }
}
