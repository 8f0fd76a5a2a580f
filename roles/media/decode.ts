//! What comes over the peer link, decoded: a server that is not itself any more must not bring down
//! who leads it, and a release says things that another does not know. Pure.

import type { FromServer, NodeAddress, ToServer } from './messages.ts'
import type { MediaEvent, MediaReport, StreamCounters } from '../../src/control/media-control.ts'
import type { Answer, MediaRequest } from '../../src/media/protocol.ts'

const ID_MAX = 256
const SDP_MAX = 65_536
const NODES_MAX = 100

/** Undefined when it is of another release, or no message at all. */
export function decodeToServer(data: Uint8Array): ToServer | undefined {
  const value = parsed(data)
  if (value === undefined || !isWhole(value['term'])) return undefined
  const { kind, nodes, id, request } = value
  if (kind === 'lead') return isArray(nodes, isNode, NODES_MAX) ? (value as ToServer) : undefined
  const isAsk = kind === 'ask' && isWhole(id) && isRecord(request) && isId(request['method'])
  return isAsk ? (value as ToServer) : undefined
}

/** As `decodeToServer`. What an answer says is told by `decodeAnswer`. */
export function decodeFromServer(data: Uint8Array): FromServer | undefined {
  const value = parsed(data)
  if (value === undefined) return undefined
  const { kind, term, sessions, status, id, event } = value
  const isOne =
    (kind === 'here' && isWhole(term) && isArray(sessions, isId) && isStatus(status)) ||
    (kind === 'answer' && isWhole(id)) ||
    (kind === 'event' && isEvent(event)) ||
    (kind === 'status' && isStatus(status))
  return isOne ? (value as FromServer) : undefined
}

/** Undefined when it is no answer to this request. */
export function decodeAnswer(
  request: MediaRequest,
  answer: unknown,
): Answer | 'unreachable' | undefined {
  if (answer === 'unreachable') return answer
  return isAnswer(request, answer) ? (answer as Answer) : undefined
}

function isAnswer(request: MediaRequest, answer: unknown): boolean {
  switch (request.method) {
    case 'relayOffer':
    case 'relayAnswer':
    case 'answerHere':
    case 'describe':
      return isResult(answer, isSdp)
    case 'connect':
      return isResult(answer, (value) => value === undefined || isSdp(value))
    case 'withdrawOffer':
    case 'feed':
      return isResult(answer, () => true)
    case 'release':
      return isArray(answer, isReport, request.media.length)
    case 'resume':
      return typeof answer === 'boolean'
    case 'sessions':
    case 'status':
    case 'drain':
      return false // asked of no server
  }
}

function isResult(value: unknown, isValue: (value: unknown) => boolean): boolean {
  if (!isRecord(value)) return false
  const { ok, error } = value
  return ok === true ? isValue(value['value']) : ok === false && isFailure(error)
}

const FAILURES: readonly unknown[] = ['no-capacity', 'no-session', 'unreachable']

function isFailure(value: unknown): boolean {
  if (!isRecord(value)) return false
  const { kind, reason } = value
  return kind === 'sdp-rejected' ? isText(reason, SDP_MAX) : FAILURES.includes(kind)
}

function isEvent(value: unknown): value is MediaEvent {
  if (!isRecord(value)) return false
  const { kind, media, silentFor, digit } = value
  if (kind === 'lost') return isArray(media, isId)
  if (!isId(media)) return false
  if (kind === 'rtp-timeout') return isNumber(silentFor)
  if (kind === 'digit') return isText(digit, 1)
  return kind === 'flowing' || kind === 'played'
}

function isReport(value: unknown): value is MediaReport {
  if (!isRecord(value)) return false
  const { media, received, sent, codec } = value
  const isCodec = codec === undefined || isText(codec, ID_MAX)
  return isId(media) && isCodec && isCounters(received) && isCounters(sent)
}

function isCounters(value: unknown): value is StreamCounters {
  if (!isRecord(value)) return false
  const { packets, octets, lost, jitter } = value
  return isWhole(packets) && isWhole(octets) && Number.isSafeInteger(lost) && isNumber(jitter)
}

function isStatus(value: unknown): boolean {
  return value === undefined || (isRecord(value) && isWhole(value['sessions']))
}

function isNode(value: unknown): value is NodeAddress {
  if (!isRecord(value)) return false
  const { id, host, port } = value
  return isId(id) && isId(host) && isWhole(port) && port > 0 && port < 65_536
}

function isId(value: unknown): value is string {
  return isText(value, ID_MAX) && value !== ''
}

function isSdp(value: unknown): boolean {
  return isText(value, SDP_MAX)
}

function isArray(value: unknown, isItem: (item: unknown) => boolean, max = Infinity): boolean {
  return Array.isArray(value) && value.length <= max && value.every(isItem)
}

function isText(value: unknown, max: number): value is string {
  return typeof value === 'string' && value.length <= max
}

function isNumber(value: unknown): boolean {
  return typeof value === 'number'
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function parsed(data: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(data))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined // no JSON: the caller tells of it
  }
}
