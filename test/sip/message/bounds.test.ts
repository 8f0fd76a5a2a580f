//! Sizes are bounded, and so is the time that the worst message within the bounds can cost.

import { expect, test } from 'vitest'
import { parseCredentials } from '../../../src/sip/auth/credentials.ts'
import * as limits from '../../../src/sip/message/limits.ts'
import { bodyParts } from '../../../src/sip/message/multipart.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { binary } from '../../../src/sip/message/text.ts'
import { invalidity } from '../../../src/sip/message/validate.ts'
import * as views from '../../../src/sip/message/views.ts'

const START = 'OPTIONS sip:a@b SIP/2.0\r\nCall-ID: x\r\n'

/** [what is too large, the status it is refused with, the head]. */
const TOO_LARGE: readonly (readonly [string, number | undefined, string])[] = [
  ['start line', 414, `OPTIONS sip:${'a'.repeat(limits.MAX_START_LINE)} SIP/2.0\r\n\r\n`],
  ['header field', 513, `${START}X: ${'x'.repeat(limits.MAX_HEADER + 1)}\r\n\r\n`],
  ['folded header field', 513, `${START}X: ${'x\r\n '.repeat(limits.MAX_HEADER)}\r\n\r\n`],
  ['number of fields', 513, `${START}${'X: x\r\n'.repeat(limits.MAX_HEADERS)}\r\n`],
  ['head', 513, `${START}${`X: ${'x'.repeat(8000)}\r\n`.repeat(5)}\r\n`],
]

for (const [what, status, text] of TOO_LARGE)
  test(`a ${what} beyond its bound is refused with ${status}`, () => {
    const result = parseMessage(binary(text))
    expect(result.ok ? 'accepted' : result.error.status).toBe(status)
  })

test('a message beyond head and body is not even decoded', () => {
  const result = parseMessage(new Uint8Array(limits.MAX_HEAD + limits.MAX_BODY + 1).fill(0x41))
  expect(result.ok ? 'accepted' : result.error.rule).toBe('message too large')
})

test('as many parameters as the bound are read, one more is malformed', () => {
  const contact = (count: number): Uint8Array =>
    binary(`${START}Contact: <sip:a@b>${';p=1'.repeat(count)}\r\n\r\n`)
  const isRead = (bytes: Uint8Array): boolean => {
    const result = parseMessage(bytes)
    return result.ok && views.contacts(result.value) !== undefined
  }
  expect(isRead(contact(limits.MAX_PARAMS))).toBe(true)
  expect(isRead(contact(limits.MAX_PARAMS + 1))).toBe(false)
})

test('no head costs more than its length, however odd its lines', () => {
  for (const line of ['a\n', ':\n', 'a \n', ' \n', '\r\r\n', 'a\r', 'l: 1\n', '\0', 'a:\n\t']) {
    const head = line.repeat(Math.floor(31_000 / line.length))
    expectFast(binary(`${START}${head}${'x'.repeat(60_000)}`), JSON.stringify(line))
  }
})

const NAMES = [
  ['Via', 'From', 'To', 'Contact', 'Route', 'Record-Route', 'CSeq', 'Call-ID', 'Max-Forwards'],
  ['Accept', 'Warning', 'Retry-After', 'Timestamp', 'Privacy', 'Require', 'Reason', 'Event'],
  ['Refer-To', 'Replaces', 'Content-Type', 'Date', 'RAck', 'Session-Expires', 'Authorization'],
].flat()
const PIECES = [
  [' ', '\t', ',', ';', '"', '\\', '<', '>', '=', '%', ':', '(', '[', '@', '?', '&', '0', 'a'],
  ['\r\n ', ' ,', ';a', '"a', '<a', '%41', '::', '1:', '<sip:a@b>,', 'sip:a@b,', ';a="', 'a a'],
].flat()
/** Far above what it takes (about 1 ms), far below what a quadratic reader needs. */
const MOST_MS = 25

for (const name of NAMES)
  test(`no value of ${name} costs more than its length`, () => {
    for (const front of ['', 'sip:', '<sip:', '"', 'SIP/2.0/UDP ', 'Digest a=', '1 '])
      for (const piece of PIECES) {
        // The end keeps blanks from being trimmed away.
        const value = `${front}a${piece.repeat(Math.floor(8000 / piece.length))}z`
        const bytes = binary(
          `${START}${`${name}: ${value}\r\n`.repeat(3)}\r\n${'x'.repeat(30_000)}`,
        )
        expectFast(bytes, `${name}: ${front}${piece}…`)
      }
  })

/** The best of many tries: a busy machine may spoil most of them, a slow reader spoils all. */
function expectFast(bytes: Uint8Array, what: string): void {
  let best = timeOf(bytes)
  for (let tries = 1; best > MOST_MS && tries < 30; tries++) best = Math.min(best, timeOf(bytes))
  if (best > MOST_MS) expect.fail(`${what} took ${best.toFixed(1)} ms`)
}

function timeOf(bytes: Uint8Array): number {
  const start = performance.now()
  readAll(bytes)
  return performance.now() - start
}

function readAll(bytes: Uint8Array): void {
  const result = parseMessage(bytes)
  const message = result.ok ? result.value : result.error.partial
  if (message === undefined) return
  for (const view of Object.values(views)) Reflect.apply(view, undefined, [message])
  invalidity(message)
  bodyParts(message)
  for (const value of message.headers.all('authorization')) parseCredentials(value)
}
