//! Broken messages from good ones, and everything that must hold of each: nothing throws, what is
//! written reads the same again, framing and parser see one message.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Random } from '../../../src/base/random.ts'
import { parseChallenge } from '../../../src/sip/auth/challenge.ts'
import { formatCredentials, parseCredentials } from '../../../src/sip/auth/credentials.ts'
import * as limits from '../../../src/sip/message/limits.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import { bodyParts } from '../../../src/sip/message/multipart.ts'
import { formatNameAddr, parseNameAddr } from '../../../src/sip/message/name-addr.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { formatUri, parseUri, sameUri } from '../../../src/sip/message/uri.ts'
import { invalidity, refusal } from '../../../src/sip/message/validate.ts'
import { formatVia, parseVia, withReceived } from '../../../src/sip/message/via.ts'
import * as views from '../../../src/sip/message/views.ts'
import { StreamFramer } from '../../../src/sip/transport/framing.ts'
import { ABLE } from './able.ts'

const FIXTURES = join(import.meta.dirname, '../torture/fixtures')

/** The torture messages: every grammar rule is in one of them. */
export const CORPUS: readonly Uint8Array[] = ['rfc4475', 'rfc5118'].flatMap((rfc) =>
  readdirSync(join(FIXTURES, rfc)).map((file) => readFileSync(join(FIXTURES, rfc, file))),
)

/** What breaks readers most, in the places where it may stand. */
const PIECES = [
  ['\0', '\t', '\r', '\n', '\r\n', '\r\n\r\n', '\r\n ', ' ', '\xff\xc3'],
  [':', ';', ',', '=', '<', '>', '"', '\\', '%', '@', '[', ']', '?', '&', '*', '/'],
  ['\\"', '%0', '%00', '%zz', '::', '-1', '99999999999999999999'],
  ['l', 'v', 'Content-Length: ', 'Via: SIP/2.0/UDP ', 'Contact: *', ';tag=', ';branch=z9hG4bK'],
  ['sip:', 'tel:+', 'sips:a@[::1]:5060;lr?x=y', 'SIP/2.0', 'INVITE ', '200 OK', '--boundary'],
  ['multipart/mixed;boundary=', 'Digest realm="', 'nc=00000001,'],
]
  .flat()
  .map((piece) => Buffer.from(piece, 'latin1'))

/** One of the corpus with one to four mutations. */
export function mutant(random: Random): Uint8Array {
  let bytes = pick(random, CORPUS)
  for (let count = 1 + random.below(4); count > 0; count--) bytes = mutate(random, bytes)
  return bytes
}

export function mutate(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1)
  const end = Math.min(bytes.length, at + random.below(random.chance(1, 4) ? 400 : 8))
  const front = bytes.subarray(0, at)
  switch (random.below(7)) {
    case 0: {
      const flipped = Uint8Array.from(bytes)
      if (at < bytes.length) flipped[at] = random.below(256)
      return flipped
    }
    case 1:
      return Buffer.concat([front, bytes.subarray(end)])
    case 2:
      return Buffer.concat([front, pick(random, PIECES), bytes.subarray(at)])
    case 3:
      return Buffer.concat([front, pick(random, PIECES), bytes.subarray(end)])
    case 4:
      return Buffer.concat([
        front,
        ...repeated(random, bytes.subarray(at, end)),
        bytes.subarray(at),
      ])
    case 5: {
      const other = pick(random, CORPUS)
      return Buffer.concat([front, other.subarray(random.below(other.length))])
    }
    default:
      return front
  }
}

/** Rarely so often that a bound is met. */
function repeated(random: Random, piece: Uint8Array): Uint8Array[] {
  const times = random.chance(1, 20) ? 2000 : random.below(8)
  const most = piece.length === 0 ? 0 : Math.floor(80_000 / piece.length)
  return Array.from({ length: Math.min(times, most) }, () => piece)
}

function pick<T>(random: Random, items: readonly T[]): T {
  const item = items[random.below(items.length)]
  if (item === undefined) throw new Error('nothing to pick from')
  return item
}

/** Throws when one of the promises is broken. */
export function exercise(bytes: Uint8Array): void {
  const result = parseMessage(bytes)
  const message = result.ok ? result.value : result.error.partial
  if (!result.ok && result.error.status !== undefined) must(message !== undefined, 'no partial')
  if (message !== undefined) readAll(message)
  if (result.ok) readsTheSameAgain(result.value)
  if (message?.kind === 'request') answersAreSound(message)
  framingAgrees(bytes)
}

function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(what)
}

function readAll(message: SipMessage): void {
  const { requestUri, ...anyMessage } = views
  for (const view of Object.values(anyMessage)) Reflect.apply(view, undefined, [message])
  invalidity(message)
  bodyParts(message)
  if (message.kind === 'request') {
    requestUri(message)
    refusal(message, ABLE)
    uriHolds(message.uri)
  }
  for (const name of new Set(Array.from(message.headers.entries(), ([each]) => each)))
    message.headers.list(name)
  for (const value of new Set(Array.from(message.headers.entries(), ([, each]) => each))) {
    uriHolds(value)
    addressHolds(value)
    viaHolds(value)
    parseChallenge(value)
    const credentials = parseCredentials(value)
    if (credentials === undefined) continue
    const written = formatCredentials(credentials)
    must(JSON.stringify(parseCredentials(written)) === JSON.stringify(credentials), written)
  }
}

function uriHolds(text: string): void {
  const uri = parseUri(text)
  if (uri === undefined) return
  const written = formatUri(uri)
  const again = parseUri(written)
  must(again !== undefined && formatUri(again) === written, `URI ${text} became ${written}`)
  must(again !== undefined && sameUri(uri, again), `URI ${text} differs from ${written}`)
}

function addressHolds(text: string): void {
  const address = parseNameAddr(text)
  if (address === undefined) return
  const written = formatNameAddr(address)
  const again = parseNameAddr(written)
  must(again !== undefined && formatNameAddr(again) === written, `${text} became ${written}`)
  must(again?.displayName === address.displayName, `${text} lost its name in ${written}`)
}

function viaHolds(text: string): void {
  const via = parseVia(text)
  if (via === undefined) return
  const written = formatVia(via)
  const again = parseVia(written)
  must(again !== undefined && formatVia(again) === written, `Via ${text} became ${written}`)
  must(withReceived(via, '192.0.2.1', 5060).branch === via.branch, `Via ${text} lost its branch`)
}

function readsTheSameAgain(message: SipMessage): void {
  const written = serialize(message)
  if (outgrowsBounds(message, written)) return
  const again = parseMessage(written)
  must(again.ok, 'what was written does not parse')
  if (!again.ok) return
  must(serialize(again.value).equals(written), 'what was written does not read the same')
  must(invalidity(again.value)?.reason === invalidity(message)?.reason, 'validity changed')
}

function answersAreSound(request: SipMessage & { kind: 'request' }): void {
  const response = reply(request, 486, { toTag: 'fuzz' })
  const written = serialize(response)
  must(parseMessage(written).ok || outgrowsBounds(response, written), 'an answer does not parse')
}

/** Names written long and a Content-Length added: what was just within bounds may not be now. */
function outgrowsBounds({ headers, body }: SipMessage, written: Uint8Array): boolean {
  return headers.size >= limits.MAX_HEADERS || written.length - body.length > limits.MAX_HEAD
}

/** A framed message ends for the parser where it ended for the framer. */
function framingAgrees(bytes: Uint8Array): void {
  const framer = new StreamFramer()
  const cut = bytes.length >> 1
  for (const framed of [
    ...framer.push(bytes.subarray(0, cut)),
    ...framer.push(bytes.subarray(cut)),
  ]) {
    if (framed.kind !== 'message') continue
    const result = parseMessage(framed.bytes)
    const message = result.ok ? result.value : undefined
    if (!result.ok) must(!result.error.rule.startsWith('body shorter'), 'framed too short')
    if (message === undefined || message.body.length === 0) continue
    const end = message.body.byteOffset + message.body.byteLength
    must(end === framed.bytes.byteOffset + framed.bytes.byteLength, 'framed too long')
  }
}
