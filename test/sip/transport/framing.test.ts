//! Golden scripts for framing, and random streams cut at random places.
//!
//! `push [lf] [chunk=N]` sends the body's lines, each ended by CRLF (LF with `lf`; a line that ends
//! in `\` by nothing), in chunks of N bytes. `{N x}` stands for N times x, `<0d>` for a byte, `<>`
//! for nothing.

import { expect, test } from 'vitest'
import { seededRandom, type Random } from '../../../src/base/random.ts'
import { MAX_BODY, MAX_HEAD } from '../../../src/sip/message/limits.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { StreamFramer, type Framed } from '../../../src/sip/transport/framing.ts'
import { walk, type Command } from '../../harness/datadriven.ts'

walk(new URL('testdata/framing', import.meta.url).pathname, () => {
  const framer = new StreamFramer()
  return (command) => {
    if (command.name === 'expect-pong') {
      framer.expectPong()
      return 'ok'
    }
    if (command.name !== 'push') return `unknown command ${command.name}`
    const bytes = Buffer.from(textOf(command), 'latin1')
    const size = Number(command.arg('chunk') ?? bytes.length)
    const told: string[] = []
    for (let at = 0; at < bytes.length; at += size)
      for (const framed of framer.push(bytes.subarray(at, at + size))) told.push(describe(framed))
    if (framer.unfinished > 0) told.push('(unfinished)')
    return told.join('\n') || 'nothing'
  }
})

function textOf(command: Command): string {
  const lineEnd = command.words.includes('lf') ? '\n' : '\r\n'
  return command.body
    .map((line) => (line.endsWith('\\') ? line.slice(0, -1) : `${line}${lineEnd}`))
    .join('')
    .replaceAll(/\{(\d+) (.)\}/g, (_all, count: string, what: string) => what.repeat(Number(count)))
    .replaceAll('<>', '')
    .replaceAll(/<([0-9a-f]{2})>/g, (_all, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

function describe(framed: Framed): string {
  if (framed.kind === 'broken') {
    const head = framed.head === undefined ? '' : `, head ${first(framed.head)}`
    return `broken: ${framed.reason}${head}`
  }
  if (framed.kind !== 'message') return framed.kind
  const parsed = parseMessage(framed.bytes)
  const body = parsed.ok ? `body ${parsed.value.body.length}` : parsed.error.rule
  return `message of ${framed.bytes.length}: ${first(framed.bytes)}, ${body}`
}

function first(bytes: Uint8Array): string {
  const [line = ''] = Buffer.from(bytes).toString('latin1').split(/\r?\n/)
  return line.length > 60 ? `${line.slice(0, 60)}…` : line
}

test('any stream gives the same messages, however it is cut', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed)
    const { stream, wanted } = randomStream(random)
    const framer = new StreamFramer()
    const got: string[] = []
    for (const chunk of cut(stream, random))
      for (const framed of framer.push(chunk))
        if (framed.kind === 'message') got.push(Buffer.from(framed.bytes).toString('latin1'))
        else expect(framed.kind, `seed ${seed}`).toBe('ping')
    expect(got, `seed ${seed}`).toEqual(wanted)
    expect(framer.unfinished, `seed ${seed}`).toBe(0)
  }
})

test('noise never throws, is told of once, and then nothing more comes', () => {
  for (let seed = 1; seed <= 300; seed++) {
    const random = seededRandom(seed)
    const { stream } = randomStream(random)
    for (let flips = 0; flips < 3; flips++) stream[random.below(stream.length)] = random.below(256)
    const framer = new StreamFramer()
    let broken = 0
    for (const chunk of cut(stream, random))
      for (const framed of framer.push(chunk)) {
        expect(broken, `seed ${seed}: after the end`).toBe(0)
        if (framed.kind === 'broken') broken++
      }
  }
})

test('the largest message byte by byte is linear work', () => {
  const head = 'OPTIONS sip:a SIP/2.0\r\n'
  const filler = `X: ${'y'.repeat(4000)}\r\n`.repeat(7)
  const rest = `Content-Length: ${MAX_BODY}\r\n\r\n`
  expect(head.length + filler.length + rest.length).toBeLessThan(MAX_HEAD)
  const message = Buffer.from(head + filler + rest + 'z'.repeat(MAX_BODY))
  const framer = new StreamFramer()
  const began = performance.now()
  let messages = 0
  for (let round = 0; round < 5; round++)
    for (let at = 0; at < message.length; at++)
      messages += framer.push(message.subarray(at, at + 1)).length
  expect(messages).toBe(5)
  // 480,000 pushes: some 100 ms when linear, minutes when not.
  expect(performance.now() - began).toBeLessThan(10_000)
})

test('messages own their bytes', () => {
  const framer = new StreamFramer()
  const chunk = Buffer.from(
    'OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nabOPTIONS sip:b SIP/2.0\r\nl: 2\r\n',
  )
  const [one] = framer.push(chunk)
  const [two] = framer.push(Buffer.from('\r\ncdOPTIONS sip:c SIP/2.0\r\n'))
  framer.push(Buffer.from('x: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy'))
  const texts = [one, two].map(
    (each) => each?.kind === 'message' && Buffer.from(each.bytes).toString(),
  )
  expect(texts).toEqual([
    'OPTIONS sip:a SIP/2.0\r\nl: 2\r\n\r\nab',
    'OPTIONS sip:b SIP/2.0\r\nl: 2\r\n\r\ncd',
  ])
})

function randomStream(random: Random): { stream: Buffer; wanted: string[] } {
  const wanted: string[] = []
  let text = ''
  for (let count = 1 + random.below(8); count > 0; count--) {
    for (let pings = random.below(3); pings > 0; pings--) text += '\r\n\r\n'
    const message = randomMessage(random)
    wanted.push(message)
    text += message
  }
  return { stream: Buffer.from(text, 'latin1'), wanted }
}

function randomMessage(random: Random): string {
  const end = random.chance(1, 5) ? '\n' : '\r\n'
  const body = random.chance(1, 3) ? '' : randomBody(random)
  const name = ['Content-Length', 'l', 'CONTENT-LENGTH', 'L '][random.below(4)] ?? 'l'
  const fold = random.chance(1, 4) ? `${end} ` : ''
  const length = body === '' && random.chance(1, 2) ? [] : [`${name}: ${fold}${body.length}`]
  const filler = Array.from({ length: random.below(6) }, () => `X-${random.token(3)}: a${fold} b`)
  const lines = ['INVITE sip:a@b SIP/2.0', ...filler, ...length, `v: ${random.token(20)}`]
  return `${lines.join(end)}${end}${end}${body}`
}

/** Line ends and what looks like headers in it must not matter. */
function randomBody(random: Random): string {
  let body = ''
  for (let parts = random.below(200); parts > 0; parts--)
    body += ['\r\n', '\n\n', 'l: 7', 'abc', '\r\n\r\n', '\u00ff', ' SIP/2.0'][random.below(7)] ?? ''
  return body
}

function* cut(stream: Buffer, random: Random): Generator<Uint8Array> {
  const most = [1, 3, 40, 2000][random.below(4)] ?? 1
  for (let at = 0; at < stream.length;) {
    const size = 1 + random.below(most)
    yield stream.subarray(at, at + size)
    at += size
  }
}
