//! Good requests and answers of every kind, to be broken: real users, real passwords, real dialogs.

import type { Random } from '../../src/base/random.ts'
import { answer, header, headerLines, uriIn } from '../bench/load/text.ts'
import { sdpText } from '../soak/call.ts'

/** Who sends: an address of its own, with a user of its own. */
export type Sender = {
  readonly address: string
  readonly port: number
  readonly user: number
  readonly domain: string
}

export type Method = (typeof METHODS)[number]
const METHODS = [
  'REGISTER',
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'SUBSCRIBE',
  'MESSAGE',
  'OPTIONS',
  'PUBLISH',
  'PRACK',
  'UPDATE',
  'INFO',
  'REFER',
  'NOTIFY',
] as const
/** These are asked for a password. */
export const PROVEN: ReadonlySet<Method> = new Set([
  'REGISTER',
  'INVITE',
  'SUBSCRIBE',
  'MESSAGE',
  'PUBLISH',
])

/** One side of a dialog with the product. */
export type Known = {
  readonly callId: string
  readonly local: string
  readonly remote: string
  readonly target: string
  readonly routes: string
  cseq: number
}

export function drawMethod(random: Random): Method {
  return METHODS[random.below(METHODS.length)] ?? 'OPTIONS'
}

export function uriFor(method: Method, sender: Sender, random: Random): string {
  const { domain, user } = sender
  if (method === 'REGISTER') return `sip:${domain}`
  return `sip:u${user + random.below(9) - 4}@${domain}`
}

export type Shape = {
  readonly method: Method
  readonly uri: string
  /** Authorization, with its line end; or nothing. */
  readonly proof: string
}

export function requestOutside(
  { method, uri, proof }: Shape,
  from: Sender,
  random: Random,
): string {
  const self = `sip:u${from.user}@${from.domain}`
  const to = method === 'REGISTER' ? self : uri
  return textOf(from, random, {
    line: `${method} ${uri}`,
    from: `<${self}>;tag=${random.token(6)}`,
    to: `<${to}>`,
    callId: random.token(12),
    cseq: `${1 + random.below(99)} ${method}`,
    more: proof + extras(method, from, random),
    body: bodyOf(method, random),
  })
}

export function requestInside(method: Method, known: Known, from: Sender, random: Random): string {
  return textOf(from, random, {
    line: `${method} ${known.target}`,
    from: known.local,
    to: known.remote,
    callId: known.callId,
    cseq: `${method === 'ACK' ? known.cseq : ++known.cseq} ${method}`,
    more: known.routes + extras(method, from, random),
    body: bodyOf(method, random),
  })
}

type Parts = {
  readonly line: string
  readonly from: string
  readonly to: string
  readonly callId: string
  readonly cseq: string
  readonly more: string
  readonly body: string
}

function textOf({ address, port, user }: Sender, random: Random, parts: Parts): string {
  return (
    `${parts.line} SIP/2.0\r\n` +
    `Via: SIP/2.0/UDP ${address}:${port};branch=z9hG4bK${random.token(10)};rport\r\n` +
    `Max-Forwards: 70\r\nFrom: ${parts.from}\r\nTo: ${parts.to}\r\nCall-ID: ${parts.callId}\r\n` +
    `CSeq: ${parts.cseq}\r\nContact: <sip:u${user}@${address}:${port}>\r\n${parts.more}` +
    `Content-Length: ${parts.body.length}\r\n\r\n${parts.body}`
  )
}

function extras(method: Method, { address, port }: Sender, random: Random): string {
  if (method === 'REGISTER')
    return `Expires: ${30 + random.below(60)}\r\nSupported: path, outbound, gruu\r\n`
  if (method === 'SUBSCRIBE')
    return `Event: ${pick(random, ['dialog', 'presence', 'message-summary'])}\r\nExpires: 60\r\n`
  if (method === 'REFER') return `Refer-To: <sip:u1@${address}:${port}>\r\n`
  if (method === 'PRACK') return `RAck: ${random.below(9)} 1 INVITE\r\n`
  return EXTRAS[method] ?? ''
}

const EXTRAS: Partial<Record<Method, string>> = {
  INVITE: 'Expires: 5\r\nSupported: 100rel, timer, replaces\r\nContent-Type: application/sdp\r\n',
  UPDATE: 'Content-Type: application/sdp\r\n',
  PUBLISH: 'Event: presence\r\nExpires: 60\r\nContent-Type: application/pidf+xml\r\n',
  MESSAGE: 'Content-Type: text/plain\r\n',
  INFO: 'Content-Type: application/dtmf-relay\r\n',
  NOTIFY: 'Event: dialog\r\nSubscription-State: active\r\n',
}

function bodyOf(method: Method, random: Random): string {
  if (method === 'INVITE' || method === 'UPDATE')
    return random.chance(9, 10) ? sdpText(undefined) : ''
  return BODIES[method] ?? ''
}

const BODIES: Partial<Record<Method, string>> = {
  MESSAGE: 'hello',
  INFO: 'Signal=5\r\nDuration=160\r\n',
  PUBLISH:
    '<?xml version="1.0"?><presence xmlns="urn:ietf:params:xml:ns:pidf" entity="sip:a@b">' +
    '<tuple id="a"><status><basic>open</basic></status></tuple></presence>',
}

/** What the callee of `invite` knows after it has answered with `tag`. */
export function knownByCallee(invite: string, tag: string): Known {
  return {
    callId: header(invite, 'Call-ID'),
    local: `${header(invite, 'To')};tag=${tag}`,
    remote: header(invite, 'From'),
    target: uriIn(header(invite, 'Contact')),
    routes: headerLines(invite, 'Record-Route').replaceAll('Record-Route', 'Route'),
    cseq: 1,
  }
}

/** What the caller knows from the 200 to its INVITE. */
export function knownByCaller(accepted: string): Known {
  return {
    callId: header(accepted, 'Call-ID'),
    local: header(accepted, 'From'),
    remote: header(accepted, 'To'),
    target: uriIn(header(accepted, 'Contact')),
    routes: headerLines(accepted, 'Record-Route').replaceAll('Record-Route', 'Route'),
    cseq: Number.parseInt(header(accepted, 'CSeq'), 10),
  }
}

/** An answer with our tag, and with a body where it makes sense. */
export function answerTagged(request: string, status: string, tag: string, from: Sender): string {
  const contact = `Contact: <sip:u${from.user}@${from.address}:${from.port}>\r\n`
  const accepts = status.startsWith('200') && request.startsWith('INVITE')
  const type = accepts ? 'Content-Type: application/sdp\r\n' : ''
  const body = accepts ? sdpText(undefined) : ''
  return answer(request, status, contact + type, body).replace(';tag=load\r\n', `;tag=${tag}\r\n`)
}

export function pick<T>(random: Random, items: readonly T[]): T | undefined {
  return items[random.below(items.length)]
}
