//! How many messages a second one core reads and writes, against the least that any parser must do:
//! decode the same bytes as latin1 and split them into lines.

import { pathToFileURL } from 'node:url'
import { formatChallenge, type Challenge } from '../../src/sip/auth/challenge.ts'
import { formatCredentials, parseCredentials } from '../../src/sip/auth/credentials.ts'
import { answer, ha1, verify } from '../../src/sip/auth/digest.ts'
import { request, type SipRequest } from '../../src/sip/message/message.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { reply, type ReplyOptions } from '../../src/sip/message/reply.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import { invalidity } from '../../src/sip/message/validate.ts'
import { formatVia, withReceived } from '../../src/sip/message/via.ts'
import { callId, cseq, from, to, topVia } from '../../src/sip/message/views.ts'

/** `ratio` is to the baseline of the same run. */
export type Row = {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly ratio?: number
}

const SDP = `v=0
o=- 3850224000 3850224000 IN IP4 192.0.2.45
s=call
c=IN IP4 192.0.2.45
t=0 0
m=audio 4000 RTP/AVP 96 9 8 0 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
`.replaceAll('\n', '\r\n')

const INVITE = `INVITE sip:bob@pbx.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.45:5060;rport;branch=z9hG4bKPj6b2f6f21a8d74be9a3f1
Max-Forwards: 70
From: "Alice Example" <sip:alice@pbx.example.com>;tag=9b8f7a6c5d4e3f21
To: <sip:bob@pbx.example.com>
Contact: <sip:alice@192.0.2.45:5060;ob>
Call-ID: 7f3c9a1e5b2d4c6e8f0a1b2c3d4e5f60@192.0.2.45
CSeq: 21044 INVITE
Route: <sip:pbx.example.com;lr>
Allow: PRACK, INVITE, ACK, BYE, CANCEL, UPDATE, INFO, SUBSCRIBE, NOTIFY, REFER, MESSAGE, OPTIONS
Supported: replaces, 100rel, timer, norefersub
Session-Expires: 1800
Min-SE: 90
User-Agent: Deskphone T46 108.86.0.20
Content-Type: application/sdp
Content-Length: ${SDP.length}

`.replaceAll('\n', '\r\n')

const CHALLENGE: Challenge = {
  realm: 'pbx.example.com',
  nonce: 'c3f0a1b2d4e5968778695a4b3c2d1e0f00000001',
  algorithm: 'SHA-256',
  qop: ['auth'],
  opaque: undefined,
  stale: false,
}
const CREDENTIALS = answer({
  challenge: CHALLENGE,
  user: 'alice',
  password: 'correct horse battery',
  method: 'REGISTER',
  uri: 'sip:pbx.example.com',
  cnonce: '0a4f113b8f21c7d6',
  nonceCount: 1,
})

const REGISTER = `REGISTER sip:pbx.example.com SIP/2.0
Via: SIP/2.0/UDP 192.0.2.45:5060;rport;branch=z9hG4bKPjc2a3b4d5e6f70819
Max-Forwards: 70
From: <sip:alice@pbx.example.com>;tag=1a2b3c4d5e6f7081
To: <sip:alice@pbx.example.com>
Call-ID: 5b2d4c6e8f0a1b2c3d4e5f607f3c9a1e
CSeq: 4711 REGISTER
Contact: <sip:alice@192.0.2.45:5060;ob>;+sip.instance="<urn:uuid:0f1e2d3c-8796-a5b4c3d2e1f0>"
Expires: 300
User-Agent: Deskphone T46 108.86.0.20
Authorization: ${formatCredentials(CREDENTIALS)}
Content-Length: 0

`.replaceAll('\n', '\r\n')

/** Each figure is the best of many short rounds, so that a busy machine spoils it least. */
export function run(rounds = 80): readonly Row[] {
  const invite = Buffer.from(INVITE + SDP, 'latin1')
  const register = Buffer.from(REGISTER, 'latin1')
  const baseline = perSecond(rounds, () => invite.toString('latin1').split('\r\n').length)
  const rate = (name: string, work: () => unknown): Row => {
    const value = perSecond(rounds, work)
    return { name, value, unit: '/s', ratio: value / baseline }
  }
  const secret = ha1('SHA-256', 'alice', CHALLENGE.realm, 'correct horse battery')
  const asked = readAsServer(invite)
  return [
    { name: `baseline: latin1 and split, ${invite.length} bytes`, value: baseline, unit: '/s' },
    rate('INVITE read: parsed, five views', () => readAsServer(invite)),
    rate('INVITE read and validated', () => invalidity(readAsServer(invite))),
    rate('INVITE read, top Via changed, written', () => passOn(readAsServer(invite))),
    rate('200 to an INVITE made and written', () => serialize(reply(asked, 200, ANSWER))),
    rate('REGISTER read: parsed, five views', () => readAsServer(register)),
    rate('REGISTER read, its digest verified', () => authenticate(readAsServer(register), secret)),
    rate('digest verified, SHA-256', () =>
      verify({ method: 'REGISTER', credentials: CREDENTIALS, ha1: secret }),
    ),
    rate('challenge written', () => formatChallenge(CHALLENGE)),
  ]
}

const ANSWER: ReplyOptions = {
  toTag: '9b8f7a6c5d4e3f21',
  headers: [
    ['contact', '<sip:192.0.2.1:5060>'],
    ['allow', 'INVITE, ACK, BYE, CANCEL, UPDATE, PRACK'],
    ['supported', 'timer, replaces'],
  ],
  contentType: 'application/sdp',
  body: Buffer.from(SDP, 'latin1'),
}

function passOn(message: SipRequest): Buffer {
  const via = topVia(message)
  const headers = message.headers.copy().dropFirst('via')
  if (via !== undefined) headers.prepend('via', formatVia(withReceived(via, '192.0.2.45', 5060)))
  return serialize(request(message.method, message.uri, headers, message.body))
}

function authenticate(message: SipRequest, secret: string): boolean {
  const credentials = parseCredentials(message.headers.get('authorization') ?? '')
  if (credentials === undefined) throw new Error("the bench's own credentials do not parse")
  return verify({ method: message.method, credentials, ha1: secret })
}

function readAsServer(bytes: Buffer): SipRequest {
  const result = parseMessage(bytes)
  if (!result.ok) throw new Error(`the bench's own message is refused: ${result.error.rule}`)
  const message = result.value
  if (message.kind !== 'request') throw new Error("the bench's own message is no request")
  if (!topVia(message) || !from(message) || !to(message) || !callId(message) || !cseq(message))
    throw new Error("a view of the bench's own message is missing")
  return message
}

const WARM_UP_ROUNDS = 20
const ROUND_MS = 10

function perSecond(rounds: number, work: () => unknown): number {
  let best = 0
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    const start = performance.now()
    let done = 0
    let elapsed = 0
    while (elapsed < ROUND_MS) {
      for (let index = 0; index < 100; index++) sink = work()
      done += 100
      elapsed = performance.now() - start
    }
    if (round >= 0) best = Math.max(best, (done * 1000) / elapsed)
  }
  return best
}

/** What is computed must not be optimised away. */
let sink: unknown

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const { name, value, unit, ratio } of run()) {
    const against = ratio === undefined ? '' : `  ${ratio.toFixed(2)} of the baseline`
    console.log(
      `${name.padEnd(40)} ${Math.round(value).toLocaleString('en').padStart(12)}${unit}${against}`,
    )
  }
  if (sink === undefined) console.log('nothing was computed')
}
