//! What a media server in between may carry of a description, and what it must not pass on.

import { connectionOf, isNowhere, type Connection } from './address.ts'
import { attributeName, type Description, type MediaSection, type SdpLine } from './description.ts'
import {
  directionName,
  isDirection,
  narrowed,
  writtenDirection,
  type Direction,
} from './direction.ts'

const KINDS: ReadonlySet<string> = new Set(['audio', 'video', 'text'])

/**
 * Describes the transport of the one who wrote it, which ends at us: ICE (RFC 8839), DTLS
 * (RFC 8842), SDES (RFC 4568), BUNDLE (RFC 9143), and the address of RTCP (RFC 3605).
 */
const OF_THE_TRANSPORT: ReadonlySet<string> = new Set([
  'candidate',
  'remote-candidates',
  'end-of-candidates',
  'ice-ufrag',
  'ice-pwd',
  'ice-options',
  'ice-lite',
  'ice-mismatch',
  'ice-pacing',
  'alt',
  'fingerprint',
  'setup',
  'tls-id',
  'crypto',
  'key-mgmt',
  'group',
  'bundle-only',
  'rtcp',
])

/** Why a live section cannot be carried; undefined when it can. */
export function refusalOf(description: Description, section: MediaSection): string | undefined {
  const { kind, protocol } = section.media
  if (!KINDS.has(kind)) return `${kind} over ${protocol} is not carried`
  if (/SAVP/i.test(protocol))
    return `${kind} is offered as ${protocol}: encrypted media is not supported, offer RTP/AVP`
  if (!/^RTP\/AVPF?$/i.test(protocol)) return `${kind} over ${protocol} is not carried`
  if (connectionOf(description, section) === undefined) return `${kind} has no valid c= line`
  return undefined
}

/** May packets of this section be asked for and sent? */
export function isCarried(description: Description, section: MediaSection): boolean {
  return section.media.port !== 0 && refusalOf(description, section) === undefined
}

/** The direction with RFC 2543's hold (`c=0.0.0.0`) folded in. */
export function directionOf(description: Description, section: MediaSection): Direction {
  const written = writtenDirection(description.session, section)
  const connection = connectionOf(description, section)
  const unreachable = connection !== undefined && isNowhere(connection.host)
  return unreachable ? narrowed(written, { send: true, receive: false }) : written
}

/** The section as we pass it on: our port, this direction, nothing about its writer's transport. */
export function carriedSection(
  section: MediaSection,
  direction: Direction,
  port: number,
): MediaSection {
  const lines: SdpLine[] = []
  let directed = false
  for (const line of section.lines) {
    if (line.type === 'c' || line.type === 'k' || isOfTheTransport(line)) continue
    if (!isDirection(line)) lines.push(line)
    else if (!directed) {
      lines.push(directionLine(direction))
      directed = true
    }
  }
  if (!directed && !(direction.send && direction.receive)) lines.push(directionLine(direction))
  return { media: { ...section.media, port, portCount: undefined }, lines }
}

/**
 * The session part with our `c=` in its place. Directions go, each section says its own; so does
 * `o=`, which `LocalSide` writes.
 */
export function carriedSession(session: readonly SdpLine[], ours: Connection): readonly SdpLine[] {
  const head: SdpLine[] = [{ type: 'v', value: '0' }]
  const name = session.find((line) => line.type === 's')
  head.push(name === undefined || name.value === '' ? { type: 's', value: '-' } : name)
  const rest = session.filter((line) => !['v', 'o', 's', 'c', 'k'].includes(line.type))
  head.push(...rest.filter((line) => 'iuep'.includes(line.type)))
  head.push({ type: 'c', value: connectionValue(ours) })
  head.push(...rest.filter((line) => line.type === 'b'))
  const times = rest.filter((line) => 'trz'.includes(line.type))
  head.push(...(times.some((line) => line.type === 't') ? times : [{ type: 't', value: '0 0' }]))
  for (const line of rest)
    if (!'iuepbtrz'.includes(line.type) && !isDirection(line) && !isOfTheTransport(line))
      head.push(line)
  return head
}

export function connectionValue({ family, host }: Connection): string {
  return `IN ${family} ${host}`
}

/** Numeric, so that a packet can be sent there without asking anyone. */
export function isNumeric(host: string): boolean {
  return host.includes(':') || /^\d{1,3}(\.\d{1,3}){3}$/.test(host)
}

function directionLine(direction: Direction): SdpLine {
  return { type: 'a', value: directionName(direction) }
}

function isOfTheTransport(line: SdpLine): boolean {
  return line.type === 'a' && OF_THE_TRANSPORT.has(attributeName(line).toLowerCase())
}
