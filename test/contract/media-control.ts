//! What every MediaControl must do. Run against the worker, with and without the native add-on, and
//! against the simulated one:
//!
//!     mediaControlContract('in a worker', open)

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Result } from '../../src/base/result.ts'
import type { CallId } from '../../src/control/ids.ts'
import type {
  MediaControl,
  MediaFailure,
  MediaId,
  RelayOffer,
  RelayRequest,
  Sdp,
} from '../../src/control/media-control.ts'

/** One that serves IPv4, plays the prompt `not-available` and has no other session. */
export type MediaBench = {
  readonly media: MediaControl
  readonly close: () => Promise<void>
}

export function mediaControlContract(name: string, open: () => Promise<MediaBench>): void {
  describe(`MediaControl: ${name}`, () => {
    let bench: MediaBench | undefined
    beforeAll(async () => {
      bench = await open()
    })
    afterAll(() => bench?.close())
    for (const [title, run] of CASES)
      test(title, async () => {
        if (bench === undefined) throw new Error('the bench did not open')
        await run(bench.media)
      })
  })
}

const CASES: readonly (readonly [title: string, run: (media: MediaControl) => Promise<void>])[] = [
  ['an offer and its answer are made over: codecs kept, addresses ours', relays],
  ['a repeated request changes nothing', repeats],
  ['what is asked in one breath is done in that order', inOrder],
  ['one offer goes to several, and the last answer counts', forks],
  ['the version goes up by one when something changes, and only then', counts],
  ['hold is passed on in all three forms', holds],
  ['a withdrawn offer leaves both sessions as they were', withdraws],
  ['a restated offer is free of hold', restates],
  ['legs that fit are joined as they are, others by offers', connects],
  ['a leg is answered here with one codec', answersHere],
  ['what cannot be read or carried is rejected with a reason', rejects],
  ['nobody is there: no-session', misses],
  ['sessions that live on are told from those that do not', resumes],
  ['a release reports in the order asked, and again when asked again', releases],
]

async function relays(media: MediaControl): Promise<void> {
  const { a, b, offer, answer } = names(media)
  const toB = value(await offer(a, b, phone(4000, '0 8 101')))
  expect(toB).toContain('RTP/AVP 0 8 101\r\n')
  expect(toB).toContain('a=rtpmap:101 telephone-event/8000\r\n')
  const toA = value(await answer(b, a, phone(5000, '8 101')))
  expect(toA).toContain('RTP/AVP 8 101\r\n')
  for (const text of [toA, toB]) {
    expect(text).not.toContain('192.0.2.99')
    expect(portOf(text) % 2).toBe(0)
  }
  expect(portOf(toA)).not.toBe(portOf(toB))
}

async function repeats(media: MediaControl): Promise<void> {
  const { a, b, offer, answer } = names(media)
  const first = value(await offer(a, b, phone(4000)))
  expect(value(await offer(a, b, phone(4000)))).toBe(first)
  const answered = value(await answer(b, a, phone(5000)))
  expect(value(await answer(b, a, phone(5000)))).toBe(answered)
}

async function inOrder(media: MediaControl): Promise<void> {
  const { a, b, offer, answer } = names(media)
  const asked = [offer(a, b, phone(4000)), answer(b, a, phone(5000)), media.release([b])] as const
  const [offered, answered, [report]] = await Promise.all(asked)
  expect([offered.ok, answered.ok]).toEqual([true, true])
  expect(report?.codec).toBe('PCMU')
  await media.release([a])
}

async function forks(media: MediaControl): Promise<void> {
  const { a, b, c, offer, answer } = names(media)
  const toB = value(await offer(a, b, phone(4000, '0 8')))
  const toC = value(await offer(a, c, phone(4000, '0 8')))
  expect(portOf(toB)).not.toBe(portOf(toC))
  const early = value(await answer(b, a, phone(5000, '0')))
  const final = value(await answer(c, a, phone(6000, '8')))
  expect(portOf(final)).toBe(portOf(early))
  expect(final).toContain('RTP/AVP 8\r\n')
}

async function counts(media: MediaControl): Promise<void> {
  const { a, b, offer, answer } = names(media)
  const first = value(await offer(a, b, phone(4000, '0 8')))
  const other = value(await offer(a, b, phone(4000, '8 0')))
  expect(versionOf(other)).toBe(versionOf(first) + 1)
  expect(sessionOf(other)).toBe(sessionOf(first))
  expect(portOf(other)).toBe(portOf(first))
  const answered = value(await answer(b, a, phone(5000, '8')))
  expect(value(await offer(a, b, phone(4000, '8 0')))).toBe(other)
  expect(value(await answer(b, a, phone(5000, '8')))).toBe(answered)
}

async function holds(media: MediaControl): Promise<void> {
  const { a, b, offer, answer } = names(media)
  await offer(a, b, phone(4000))
  await answer(b, a, phone(5000))
  const sendonly = phone(4000, '0', 'a=sendonly\r\n')
  expect(value(await offer(a, b, sendonly))).toContain('a=sendonly\r\n')
  const held = value(await answer(b, a, phone(5000, '0', 'a=recvonly\r\n')))
  expect(held).toContain('a=recvonly\r\n')
  const inactive = phone(4000, '0', 'a=inactive\r\n')
  expect(value(await offer(a, b, inactive))).toContain('a=inactive\r\n')
  await answer(b, a, inactive)
  const nowhere = phone(4000).replace('c=IN IP4 192.0.2.99', 'c=IN IP4 0.0.0.0') as Sdp
  expect(value(await offer(a, b, nowhere))).toContain('a=sendonly\r\n')
  expect(value(await answer(b, a, phone(5000)))).toContain('a=recvonly\r\n')
  expect(value(await offer(a, b, phone(4000)))).not.toMatch(/sendonly|inactive/)
}

async function withdraws(media: MediaControl): Promise<void> {
  const { call, a, b, offer, answer } = names(media)
  await offer(a, b, phone(4000, '0'))
  await answer(b, a, phone(5000, '0'))
  await offer(a, b, phone(4000, '8'))
  expect(await media.withdrawOffer({ call, from: a, to: b })).toMatchObject({ ok: true })
  expect(await answer(b, a, phone(5000, '8'))).toMatchObject({
    ok: false,
    error: { kind: 'sdp-rejected' },
  })
  expect(value(await offer(a, b, phone(4000, '0')))).toContain('RTP/AVP 0\r\n')
}

async function restates(media: MediaControl): Promise<void> {
  const { a, b, c, offer, answer } = names(media)
  await offer(a, b, phone(4000, '0', 'a=sendonly\r\n'))
  const held = phone(5000, '0', 'a=recvonly\r\n')
  const toA = value(await answer(b, a, held))
  const toC = value(await offer(b, c, held, true))
  expect(toC).not.toMatch(/sendonly|recvonly|inactive/)
  const toB = value(await answer(c, b, phone(6000, '0')))
  expect(toB).not.toMatch(/sendonly|recvonly|inactive/)
  expect(portOf(toB)).not.toBe(portOf(toA))
}

async function connects(media: MediaControl): Promise<void> {
  const { call, a, b, c, d, offer, answer } = names(media)
  await offer(a, b, phone(4000, '0'))
  await answer(b, a, phone(5000, '0'))
  await offer(c, d, phone(6000, '0'))
  await answer(d, c, phone(7000, '0'))
  expect(value(await media.connect({ call, a, b: d }))).toBe(undefined)

  const other = names(media)
  await offer(a, b, phone(4000, '0'))
  await answer(b, a, phone(5000, '0'))
  await other.offer(other.c, other.d, phone(6000, '8'))
  const told = value(await other.answer(other.d, other.c, phone(7000, '8')))
  const toA = value(await media.connect({ call, a, b: other.c }))
  expect(toA).toContain('RTP/AVP 8\r\n')
  expect(value(await answer(a, other.c, phone(4000, '8')))).toBe(told)
}

async function answersHere(media: MediaControl): Promise<void> {
  const { call, a } = names(media)
  const echo = { call, media: a, offer: phone(4000, '8 0 101'), source: { kind: 'echo' } } as const
  const told = value(await media.answerHere(echo))
  expect(told).toContain('RTP/AVP 8 101\r\n')
  expect(value(await media.answerHere(echo))).toBe(told)
  const tone = { kind: 'tone', frequencies: [425], level: -20, cadence: [] } as const
  expect(await media.feed(a, tone)).toMatchObject({ ok: true })
  expect(await media.feed(a, undefined)).toMatchObject({ ok: true })
  const prompt = { kind: 'prompt', name: 'not-available', repeat: false } as const
  expect(await media.feed(a, prompt)).toMatchObject({ ok: true })
  expect(await media.feed(a, { ...prompt, name: 'no such' })).toMatchObject({ ok: false })
}

async function rejects(media: MediaControl): Promise<void> {
  const { a, b, offer } = names(media)
  const secret = phone(4000).replace('RTP/AVP', 'RTP/SAVP') as Sdp
  const fax = phone(4000).replace(/m=.*/, 'm=image 4000 udptl t38') as Sdp
  for (const sdp of [secret, fax, 'hello' as Sdp, '' as Sdp]) {
    const result = await offer(a, b, sdp)
    expect(result).toMatchObject({ ok: false, error: { kind: 'sdp-rejected' } })
    if (!result.ok && result.error.kind === 'sdp-rejected')
      expect(result.error.reason).toMatch(/\w/)
  }
  expect(await media.feed(a, undefined)).toMatchObject({ ok: false, error: { kind: 'no-session' } })
}

async function misses(media: MediaControl): Promise<void> {
  const { call, a, b, answer } = names(media)
  const none = { ok: false, error: { kind: 'no-session' } }
  expect(await answer(b, a, phone(5000))).toMatchObject(none)
  expect(await media.connect({ call, a, b })).toMatchObject(none)
  expect(await media.withdrawOffer({ call, from: a, to: b })).toMatchObject(none)
  expect(await media.feed(a, undefined)).toMatchObject(none)
}

async function resumes(media: MediaControl): Promise<void> {
  const { a, b, c, offer, answer } = names(media)
  expect(await media.resume([a, b], [])).toBe(false)
  value(await offer(a, b, phone(4000)))
  expect(await media.resume([a, b], [])).toBe(true)
  expect(await media.resume([a, b], [a, b])).toBe(false)
  value(await answer(b, a, phone(5000)))
  expect(await media.resume([a, b], [a, b])).toBe(true)
  // A re-offer that is under way changes nothing of what was agreed.
  value(await offer(b, a, phone(5000)))
  expect(await media.resume([a, b], [a, b])).toBe(true)
  expect(await media.resume([a, b, c], [a, b])).toBe(false)
  await media.release([a])
  expect(await media.resume([a, b], [])).toBe(false)
}

async function releases(media: MediaControl): Promise<void> {
  const { a, b, c, offer, answer } = names(media)
  await offer(a, b, phone(4000, '8'))
  await answer(b, a, phone(5000, '8'))
  const reports = await media.release([b, c, a])
  expect(reports.map((report) => report.media)).toEqual([b, c, a])
  expect(reports.map(({ codec }) => codec)).toEqual(['PCMA', undefined, 'PCMA'])
  expect(reports[0]?.received).toEqual({ packets: 0, octets: 0, lost: 0, jitter: 0 })
  expect(await media.release([b, c, a])).toEqual(reports)
  expect(await answer(b, a, phone(5000))).toMatchObject({
    ok: false,
    error: { kind: 'no-session' },
  })
}

// ---- what the cases are made of ----------------------------------------------------------------

type Told = Promise<Result<Sdp, MediaFailure>>
type Names = {
  readonly call: CallId
  readonly a: MediaId
  readonly b: MediaId
  readonly c: MediaId
  readonly d: MediaId
  readonly offer: (from: MediaId, to: MediaId, sdp: Sdp, restated?: boolean) => Told
  readonly answer: (from: MediaId, to: MediaId, sdp: Sdp) => Told
}

let calls = 0

function names(media: MediaControl): Names {
  const call = `contract-${++calls}` as CallId
  const id = (leg: string): MediaId => `${call}-${leg}` as MediaId
  const request = (from: MediaId, to: MediaId, sdp: Sdp): RelayRequest => ({ call, from, to, sdp })
  return {
    call,
    a: id('a'),
    b: id('b'),
    c: id('c'),
    d: id('d'),
    offer: (from, to, sdp, restated = false) => {
      const offer: RelayOffer = { ...request(from, to, sdp), restated }
      return media.relayOffer(offer)
    },
    answer: (from, to, sdp) => media.relayAnswer(request(from, to, sdp)),
  }
}

function phone(port: number, formats = '0', lines = ''): Sdp {
  const event = formats.includes('101') ? 'a=rtpmap:101 telephone-event/8000\r\n' : ''
  const head = 'v=0\r\no=phone 1 1 IN IP4 192.0.2.99\r\ns=-\r\nc=IN IP4 192.0.2.99\r\nt=0 0\r\n'
  return `${head}m=audio ${port} RTP/AVP ${formats}\r\n${event}${lines}` as Sdp
}

function value<T>(result: Result<T, MediaFailure>): T {
  if (!result.ok) throw new Error(`refused: ${JSON.stringify(result.error)}`)
  return result.value
}

const portOf = (sdp: string): number => Number(/^m=audio (\d+)/m.exec(sdp)?.[1])
const versionOf = (sdp: string): number => Number(/^o=\S+ \d+ (\d+)/m.exec(sdp)?.[1])
const sessionOf = (sdp: string): string | undefined => /^o=\S+ (\d+)/m.exec(sdp)?.[1]
