//! What golden scripts cannot see: what is kept, what is shared, what is refused.

import { expect, test } from 'vitest'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request, response } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { binary, bytesOf, flat, textOf, utf8 } from '../../../src/sip/message/text.ts'
import { callId, from, supported } from '../../../src/sip/message/views.ts'

test('a view is read once, and again after a change', () => {
  const message = request('OPTIONS', 'sip:a@b', new Headers().add('From', '<sip:a@b>;tag=1'))
  const first = from(message)
  expect(from(message)).toBe(first)
  message.headers.set('From', '<sip:a@b>;tag=2')
  expect(from(message)?.params.get('tag')).toBe('2')
  message.headers.remove('from')
  expect(from(message)).toBeUndefined()
})

test('a copy changes on its own', () => {
  const original = new Headers().add('Supported', 'timer')
  const copy = original.copy().add('Supported', 'replaces')
  expect(supported({ headers: original })).toEqual(['timer'])
  expect(supported({ headers: copy })).toEqual(['timer', 'replaces'])
})

test('names are found in any spelling, known and unknown', () => {
  const result = parseMessage(binary('BYE sip:a@b SIP/2.0\r\nI: 1\r\nX-oDD: 2\r\n\r\n'))
  const headers = result.ok ? result.value.headers : new Headers()
  for (const name of ['call-id', 'Call-ID', 'CALL-ID', 'i', 'I'])
    expect(headers.get(name)).toBe('1')
  for (const name of ['x-odd', 'X-Odd', 'X-ODD']) expect(headers.get(name)).toBe('2')
  expect(headers.has('via')).toBe(false)
  expect(callId({ headers })).toBe('1')
})

test('text beyond a byte is written as UTF-8, and no character turns into a line break', () => {
  const headers = new Headers().add('Subject', '\u{1f600}\u010a\u2028x')
  const line = serialize(request('MESSAGE', 'sip:a@b', headers))
    .toString('utf8')
    .split('\r\n')[1]
  expect(line).toBe('Subject: \u{1f600}\u010a\u2028x')
})

test('a broken name or status is a bug of the caller', () => {
  expect(() => new Headers().add('Evil\r\nX', '1')).toThrow('header name is no token')
  expect(() => new Headers().add('', '1')).toThrow('header name is no token')
  expect(() => serialize(response(99, undefined, new Headers()))).toThrow('no SIP status code')
})

test('strings are bytes: people’s text there and back, and a flat copy', () => {
  expect(bytesOf('Jörg')).toBe('J\xc3\xb6rg')
  expect(utf8(bytesOf('Jörg \u{1f600}'))).toBe('Jörg \u{1f600}')
  expect(utf8('plain')).toBe('plain')
  const slice = 'a long text of which a part is kept'.slice(2, 30)
  expect(flat(slice)).toBe(slice)
  expect(flat('beyond a byte \u{1f600}')).toBe('beyond a byte \u{1f600}')
  expect(textOf(Uint8Array.of(0, 0x80, 0xff))).toBe('\0\x80\xff')
})
