//! Cuts a byte stream into SIP messages by Content-Length: RFC 3261 §18.3, with the keep-alives of
//! RFC 5626 §3.5.1 between them. Pure.
//!
//!       CR LF          byte of a token          empty line            body complete
//!     +-------+      +------------------> head ------------> body ------------------+
//!     |       v      |                     |                  |                     |
//!     +--- between <-+---------------------+------------------+--------------------+
//!                         anything else, or a bound: broken, for good
//!
//! Work is linear in the bytes, whatever the chunks: what was looked at is not looked at again.
//! Where headers end and what a header line is must be read just as sip/message/parse.ts reads it,
//! or two readers would see two different messages.

import * as limits from '../message/limits.ts'

export type Framed =
  /** Exactly one message. The bytes are the receiver's own. */
  | { readonly kind: 'message'; readonly bytes: Uint8Array }
  /** A double CRLF: answer with one. Several in one chunk are told once. */
  | { readonly kind: 'ping' }
  /** The single CRLF that answers ours. */
  | { readonly kind: 'pong' }
  /** The stream cannot be read on: answer `head` if it is a request, then close. */
  | { readonly kind: 'broken'; readonly reason: string; readonly head: Uint8Array | undefined }

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a
/** Kept allocated between messages; a longer message's memory is given back. */
const IDLE_BYTES = 4096
const NOTHING = new Uint8Array(0)

export class StreamFramer {
  /** Bytes of an unfinished message, `#length` of them in use. */
  #held: Uint8Array = NOTHING
  #length = 0
  /** Of the message at hand, relative to its first byte: looked at so far, start of the line. */
  #scanned = 0
  #lineAt = 0
  /** Its whole length, once the head is complete. */
  #whole: number | undefined
  /** Line ends seen between messages since the last ping. */
  #lineEnds = 0
  #pongsDue = 0
  #broken = false

  /** A ping was sent: the next single CRLF between messages answers it. */
  expectPong(): void {
    this.#pongsDue++
  }

  /** Bytes of memory within a message, of which the peer owes us the rest; 0 between messages. */
  get unfinished(): number {
    return this.#length > 0 ? this.#held.length : 0
  }

  push(chunk: Uint8Array): readonly Framed[] {
    if (this.#broken) return []
    const framed: Framed[] = []
    const fromHeld = this.#length > 0
    const bytes = fromHeld ? this.#append(chunk) : chunk
    const end = fromHeld ? this.#length : chunk.length
    let at = 0
    while (at < end && !this.#broken) {
      if (this.#scanned === 0) at = this.#between(bytes, at, end, framed)
      if (at === end || this.#broken) break
      const whole = this.#whole ?? this.#head(bytes, at, end, framed)
      if (whole === undefined || at + whole > end) break
      const message = bytes.subarray(at, at + whole)
      framed.push({ kind: 'message', bytes: fromHeld ? message.slice() : message })
      at += whole
      this.#begin()
    }
    if (this.#broken) this.#drop()
    else this.#keep(bytes, at, end, fromHeld)
    return framed
  }

  #begin(): void {
    this.#scanned = 0
    this.#lineAt = 0
    this.#whole = undefined
  }

  /** Passes over line ends; returns where a message begins. */
  #between(bytes: Uint8Array, from: number, end: number, framed: Framed[]): number {
    let at = from
    for (; at < end; at++) {
      const byte = bytes[at] ?? 0
      if (byte === CR) continue
      if (byte !== LF) break
      if (this.#pongsDue > 0) {
        this.#pongsDue--
        framed.push({ kind: 'pong' })
      } else if (++this.#lineEnds === 2) {
        this.#lineEnds = 0
        if (framed.at(-1)?.kind !== 'ping') framed.push({ kind: 'ping' })
      }
    }
    if (at === end) return end
    this.#lineEnds = 0
    const byte = bytes[at] ?? 0
    if (byte <= SPACE || byte >= 0x7f) this.#break('not SIP', undefined, framed)
    return at
  }

  /** Looks for the empty line; returns the message's whole length once it is known. */
  #head(bytes: Uint8Array, at: number, end: number, framed: Framed[]): number | undefined {
    let index = at + this.#scanned
    for (; index < end; index++) {
      if (bytes[index] !== LF) continue
      const line = at + this.#lineAt
      const lineEnd = index > line && bytes[index - 1] === CR ? index - 1 : index
      if (line === at && !isStartLine(bytes, line, lineEnd))
        return this.#break('not SIP', undefined, framed)
      this.#lineAt = index + 1 - at
      if (lineEnd === line) return this.#complete(bytes, at, index + 1, framed)
      if (index - at > limits.MAX_HEAD) break
    }
    this.#scanned = index - at
    const startLineOpen = this.#lineAt === 0
    if (startLineOpen && this.#scanned > limits.MAX_START_LINE)
      return this.#break('start line too long', undefined, framed)
    if (this.#scanned > limits.MAX_HEAD)
      return this.#break('header too large', bytes.slice(at, at + this.#lineAt), framed)
    return undefined
  }

  #complete(bytes: Uint8Array, at: number, bodyAt: number, framed: Framed[]): number | undefined {
    const length = contentLength(bytes, at, bodyAt)
    if (typeof length === 'string') return this.#break(length, bytes.slice(at, bodyAt), framed)
    if (length > limits.MAX_BODY)
      return this.#break('body too large', bytes.slice(at, bodyAt), framed)
    this.#scanned = bodyAt - at
    this.#whole = bodyAt - at + length
    return this.#whole
  }

  #break(reason: string, head: Uint8Array | undefined, framed: Framed[]): undefined {
    this.#broken = true
    framed.push({ kind: 'broken', reason, head })
  }

  #append(chunk: Uint8Array): Uint8Array {
    const needed = this.#length + chunk.length
    if (needed > this.#held.length) this.#grow(Math.max(needed, 2 * this.#held.length))
    this.#held.set(chunk, this.#length)
    this.#length = needed
    return this.#held
  }

  #grow(capacity: number): void {
    const larger = new Uint8Array(capacity)
    larger.set(this.#held.subarray(0, this.#length))
    this.#held = larger
  }

  #keep(bytes: Uint8Array, at: number, end: number, fromHeld: boolean): void {
    if (at === end) {
      this.#length = 0
      if (this.#held.length > IDLE_BYTES) this.#held = NOTHING
    } else if (fromHeld) {
      if (at > 0) this.#held.copyWithin(0, at, end)
      this.#length = end - at
    } else {
      this.#length = 0
      this.#append(bytes.subarray(at, end))
    }
  }

  #drop(): void {
    this.#held = NOTHING
    this.#length = 0
  }
}

/** `METHOD uri SIP/…` or `SIP/… status`: enough to tell SIP from HTTP, TLS or noise. */
function isStartLine(bytes: Uint8Array, at: number, end: number): boolean {
  if (isVersion(bytes, at)) return true
  for (let index = end - 1; index > at; index--)
    if (bytes[index] === SPACE && isVersion(bytes, index + 1)) return true
  return false
}

function isVersion(bytes: Uint8Array, at: number): boolean {
  return (
    lower(bytes[at]) === 0x73 &&
    lower(bytes[at + 1]) === 0x69 &&
    lower(bytes[at + 2]) === 0x70 &&
    bytes[at + 3] === 0x2f
  )
}

/** The value of all Content-Length lines from `at` to `end`; absent it is 0; or what is wrong. */
function contentLength(bytes: Uint8Array, at: number, end: number): number | string {
  let found: number | undefined
  for (let line = lineAfter(bytes, at, end); line < end; line = lineAfter(bytes, line, end)) {
    const value = valueOfLength(bytes, line, end)
    if (value === undefined) continue
    if (value === -1) return 'bad Content-Length'
    if (found !== undefined && found !== value) return 'Content-Length fields differ'
    found = value
  }
  return found ?? 0
}

function lineAfter(bytes: Uint8Array, at: number, end: number): number {
  const lineEnd = bytes.indexOf(LF, at)
  return lineEnd === -1 || lineEnd >= end ? end : lineEnd + 1
}

/** The value when this line is Content-Length (or `l`), folded or not; -1 when it is no number. */
function valueOfLength(bytes: Uint8Array, line: number, end: number): number | undefined {
  const afterName = isName(bytes, line, 'content-length') ?? isName(bytes, line, 'l')
  if (afterName === undefined) return undefined
  let at = skipBlanks(bytes, afterName)
  if (bytes[at] !== COLON) return undefined
  at = skipFolds(bytes, at + 1, end)
  let value = 0
  const from = at
  for (; at < end; at++) {
    const digit = (bytes[at] ?? 0) - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  if (at === from || at - from > 9) return -1
  at = skipFolds(bytes, at, end)
  return bytes[at] === LF || (bytes[at] === CR && bytes[at + 1] === LF) ? value : -1
}

function isName(bytes: Uint8Array, at: number, name: string): number | undefined {
  for (let index = 0; index < name.length; index++)
    if (lower(bytes[at + index]) !== name.charCodeAt(index)) return undefined
  return at + name.length
}

function lower(byte: number | undefined): number {
  const code = byte ?? 0
  return code >= 0x41 && code <= 0x5a ? code | 0x20 : code
}

function skipBlanks(bytes: Uint8Array, from: number): number {
  let at = from
  while (bytes[at] === SPACE || bytes[at] === TAB) at++
  return at
}

/** Past blanks, and past line ends that a blank follows. */
function skipFolds(bytes: Uint8Array, from: number, end: number): number {
  let at = skipBlanks(bytes, from)
  while (at < end) {
    const lineEnd = bytes[at] === CR ? at + 1 : at
    const next = bytes[lineEnd + 1]
    if (bytes[lineEnd] !== LF || (next !== SPACE && next !== TAB)) break
    at = skipBlanks(bytes, lineEnd + 1)
  }
  return at
}
