//! As little of SIP as a load generator needs, read and written as text.

import { hash } from 'node:crypto'

/** What either phone offers and answers, and the header that goes with it. */
export const SDP = [
  'v=0',
  'o=- 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  'm=audio 40000 RTP/AVP 0 8 101',
  'a=rtpmap:101 telephone-event/8000',
  'a=sendrecv',
  '',
].join('\r\n')
export const WITH_SDP = 'Content-Type: application/sdp\r\n'

/** 0 for a request. */
export function statusOf(text: string): number {
  return text.startsWith('SIP/2.0 ') ? Number(text.slice(8, 11)) : 0
}

/** Value of the first header of this name, in the spelling that servers use. */
export function header(text: string, name: string): string {
  const at = text.indexOf(`\r\n${name}: `)
  if (at === -1) return ''
  const from = at + name.length + 4
  return text.slice(from, text.indexOf('\r\n', from))
}

/** Whole lines of every header of this name, with their line ends. */
export function headerLines(text: string, name: string): string {
  let lines = ''
  // A body may hold what looks like a header, and end with it.
  const head = text.indexOf('\r\n\r\n')
  let at = text.indexOf(`\r\n${name}: `)
  while (at !== -1 && at < head) {
    const end = text.indexOf('\r\n', at + 2)
    lines += text.slice(at + 2, end + 2)
    at = text.indexOf(`\r\n${name}: `, end)
  }
  return lines
}

export function methodOf(text: string): string {
  const cseq = header(text, 'CSeq')
  return cseq.slice(cseq.indexOf(' ') + 1)
}

/** What is between `<` and `>`. */
export function uriIn(value: string): string {
  return value.slice(value.indexOf('<') + 1, value.indexOf('>'))
}

/** An answer to a request, with the header lines every answer must repeat. */
export function answer(request: string, status: string, more = '', body = ''): string {
  const to = header(request, 'To')
  const tag = to.includes(';tag=') ? '' : ';tag=load'
  return (
    `SIP/2.0 ${status}\r\n${headerLines(request, 'Via')}${headerLines(request, 'Record-Route')}` +
    `From: ${header(request, 'From')}\r\nTo: ${to}${tag}\r\n` +
    `Call-ID: ${header(request, 'Call-ID')}\r\nCSeq: ${header(request, 'CSeq')}\r\n` +
    `${more}Content-Length: ${body.length}\r\n\r\n${body}`
  )
}

/** Answers MD5 challenges for users whose password follows from their name. */
export class Digest {
  readonly #realm: string
  readonly #ha1: string[] = []
  readonly #ha2 = new Map<string, string>()
  readonly #password: (user: string) => string

  constructor(realm: string, password: (user: string) => string) {
    this.#realm = realm
    this.#password = password
  }

  /** The header that answers a 401 or 407. */
  credentials(challenge: string, user: number, method: string, uri: string): string {
    const proxy = challenge.startsWith('SIP/2.0 407')
    const line = md5Challenge(challenge, proxy ? 'Proxy-Authenticate' : 'WWW-Authenticate')
    const nonce = quoted(line, 'nonce')
    const name = `u${user}`
    const ha1 = (this.#ha1[user] ??= md5(`${name}:${this.#realm}:${this.#password(name)}`))
    const key = `${method}:${uri}`
    let ha2 = this.#ha2.get(key)
    if (ha2 === undefined) {
      ha2 = md5(key)
      if (this.#ha2.size < 200_000) this.#ha2.set(key, ha2)
    }
    const qop = line.includes('qop=')
    const middle = qop ? '00000001:0a4f113b:auth:' : ''
    const proof = md5(`${ha1}:${nonce}:${middle}${ha2}`)
    const opaque = quoted(line, 'opaque')
    return (
      `${proxy ? 'Proxy-Authorization' : 'Authorization'}: Digest username="${name}",` +
      `realm="${this.#realm}",nonce="${nonce}",uri="${uri}",response="${proof}",algorithm=MD5` +
      (qop ? ',cnonce="0a4f113b",nc=00000001,qop=auth' : '') +
      (opaque === '' ? '\r\n' : `,opaque="${opaque}"\r\n`)
    )
  }
}

function md5Challenge(text: string, name: string): string {
  const lines = headerLines(text, name).split('\r\n')
  return lines.find((line) => /algorithm="?MD5"?(,|$)/.test(line)) ?? lines[0] ?? ''
}

function quoted(line: string, name: string): string {
  const at = line.indexOf(`${name}="`)
  if (at === -1) return ''
  const from = at + name.length + 2
  return line.slice(from, line.indexOf('"', from))
}

function md5(text: string): string {
  return hash('md5', text)
}
