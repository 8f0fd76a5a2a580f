//! Two scripted phones and the real engine in its real worker, over loopback, with the native
//! add-on and without.

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildRtcp, parseRtcp } from '../../src/rtp/rtcp.ts'
import type { Sdp } from '../../src/control/media-control.ts'
import { pause, RtpPhone } from '../harness/rtp-phone.ts'
import { measureTone, sine } from '../harness/sound.ts'
import { newCall, openMedia, talking, unwrap, type Media } from './media-world.ts'

describe.each([
  ['batched', true],
  ['dgram', false],
])('relayed over %s sockets', (path, native) => {
  let media: Media
  beforeAll(async () => {
    media = await openMedia({ native })
  })
  afterAll(() => media.close())

  test('sockets are of the kind wanted', async () => {
    expect((await media.client.status())?.path).toBe(path)
  })

  test('sound goes both ways unharmed, and is counted', async () => {
    const { alice, bob, a, b } = await talking(media)
    await Promise.all([alice.say(sine(1017, -12, 8000, 2)), bob.say(sine(440, -20, 8000, 2))])
    await Promise.all([alice.until(100), bob.until(100)])
    const atBob = measureTone(bob.heard(), 8000, 1017)
    expect(atBob.frequency).toBeCloseTo(1017, 0)
    expect(atBob.level).toBeCloseTo(-12, 0)
    expect(atBob).toMatchObject({ heardMs: 2000, gapMs: 0, slips: 0 })
    const atAlice = measureTone(alice.heard(), 8000, 440)
    expect(atAlice.level).toBeCloseTo(-20, 0)
    expect(atAlice).toMatchObject({ heardMs: 2000, gapMs: 0, slips: 0 })
    const [ofA, ofB] = await media.control.release([a, b])
    expect(ofA).toMatchObject({
      codec: 'PCMU',
      received: { packets: 100, octets: 16_000, lost: 0 },
    })
    expect(ofA?.sent).toMatchObject({ packets: 100, octets: 16_000 })
    expect(ofB).toMatchObject({
      codec: 'PCMU',
      received: { packets: 100, octets: 16_000, lost: 0 },
    })
    close(alice, bob)
  })

  test('the meter has teeth: a frame lost on the way is one slip and counted', async () => {
    const { alice, bob, a, b } = await talking(media)
    const samples = sine(1017, -12, 8000, 1)
    await alice.say(samples.subarray(0, 4000))
    alice.sequence++
    await alice.say(samples.subarray(4160))
    await bob.until(49)
    expect(measureTone(bob.heard(), 8000, 1017).slips).toBe(1)
    const [ofA] = await media.control.release([a, b])
    expect(ofA?.received.lost).toBe(1)
    close(alice, bob)
  })

  test('each hears of the other by flowing', async () => {
    const { alice, bob, a, b } = await talking(media)
    alice.send(new Uint8Array(160))
    await media.until((event) => event.kind === 'flowing' && event.media === a)
    bob.send(new Uint8Array(160))
    await media.until((event) => event.kind === 'flowing' && event.media === b)
    await media.control.release([a, b])
    close(alice, bob)
  })

  test('what a third one sends to our ports is not heard', async () => {
    const { alice, bob, a, b } = await talking(media)
    const mallory = await RtpPhone.open()
    mallory.target = alice.target
    await alice.say(sine(1017, -12, 8000, 0.4))
    await bob.until(20)
    await Promise.all([alice.say(sine(1017, -12, 8000, 1)), mallory.say(sine(300, -3, 8000, 1))])
    await bob.until(70)
    expect(bob.received).toHaveLength(70)
    expect(new Set(bob.received.map(({ ssrc }) => ssrc))).toEqual(new Set([alice.ssrc]))
    const status = await media.client.status()
    expect(status?.packets.refused).toBeGreaterThanOrEqual(50)
    await media.control.release([a, b])
    close(alice, bob, mallory)
  })

  test('RTCP goes across on its own ports', async () => {
    const { alice, bob, a, b } = await talking(media)
    const block = { ssrc: 9, fractionLost: 1, lost: 5, highest: 10, jitter: 80 }
    const report = { ssrc: alice.ssrc, name: 'alice', sender: undefined, block, bye: false }
    alice.sendRtcp(buildRtcp(report))
    await bob.untilRtcp(1)
    const [packet] = bob.receivedRtcp
    const [first] = packet === undefined ? [] : parseRtcp(packet, 0, packet.length)
    expect(first).toEqual({ kind: 'receiver-report', ssrc: alice.ssrc, blocks: [block] })
    const [ofA] = await media.control.release([a, b])
    expect(ofA?.sent).toMatchObject({ lost: 5, jitter: 10 })
    close(alice, bob)
  })

  test('a picture goes beside the sound', () => picture(media))

  test('an echo returns the sound under an SSRC of its own', () => echo(media))
})

async function picture(media: Media): Promise<void> {
  const video = (phone: RtpPhone, other: RtpPhone): Sdp =>
    phone.sdp('0', [
      `m=video ${other.port} RTP/AVP 97`,
      'a=rtpmap:97 VP8/90000',
      `a=rtcp:${other.rtcpPort}`,
    ])
  const screens = [await RtpPhone.open(), await RtpPhone.open()] as const
  const { alice, bob, a, b } = await talking(media, {
    offer: (phone) => video(phone, screens[0]),
    answer: (phone) => video(phone, screens[1]),
  })
  screens[0].target = alice.target
  const frame = new Uint8Array(1200).fill(7)
  for (let count = 0; count < 20; count++)
    screens[0].send(frame, 97, { step: 3000, port: alice.target?.videoPort ?? 0 })
  await screens[1].until(20)
  expect(screens[1].received).toHaveLength(20)
  expect(screens[1].received[19]?.payload).toHaveLength(1200)
  expect(bob.received).toHaveLength(0)
  await media.control.release([a, b])
  close(alice, bob, ...screens)
}

async function echo(media: Media): Promise<void> {
  const { call, a } = newCall()
  const alice = await RtpPhone.open()
  const source = { kind: 'echo' } as const
  alice.hear(unwrap(await media.control.answerHere({ call, media: a, offer: alice.sdp(), source })))
  await alice.say(sine(1017, -12, 8000, 1))
  await alice.until(50)
  const heard = measureTone(alice.heard(), 8000, 1017)
  expect(heard).toMatchObject({ heardMs: 1000, gapMs: 0, slips: 0 })
  expect(alice.received[0]?.ssrc).not.toBe(alice.ssrc)
  await media.control.release([a])
  close(alice)
}

test('IPv6', async () => {
  const media = await openMedia({ addresses: { bind: '::1', publicAddress: undefined } })
  const { call, a } = newCall()
  const alice = await RtpPhone.open('::1')
  const source = { kind: 'echo' } as const
  const told = unwrap(
    await media.control.answerHere({ call, media: a, offer: alice.sdp(), source }),
  )
  expect(told).toContain('c=IN IP6 ::1\r\n')
  alice.hear(told)
  await alice.say(sine(1017, -12, 8000, 0.2))
  await alice.until(10)
  expect(alice.received).toHaveLength(10)
  close(alice)
  await media.close()
})

test('bound to all addresses it answers from the one it told', async () => {
  const media = await openMedia({ addresses: { bind: '0.0.0.0', publicAddress: undefined } })
  const { call, a } = newCall()
  const alice = await RtpPhone.open('127.0.0.3')
  const request = { call, media: a, offer: alice.sdp(), source: { kind: 'echo' } } as const
  const told = unwrap(await media.control.answerHere({ ...request, toward: '127.0.0.3' }))
  expect(told).toContain('c=IN IP4 127.0.0.1\r\n')
  alice.hear(told)
  await alice.say(sine(1017, -12, 8000, 0.2))
  await alice.until(10)
  expect(alice.received).toHaveLength(10)
  expect(alice.received[0]?.fromAddress).toBe('127.0.0.1')
  close(alice)
  await media.close()
})

test('silence is told after the limit, once for each leg', async () => {
  const media = await openMedia({ silenceLimit: 1000 })
  const { alice, bob, a, b } = await talking(media)
  const timeout = await media.until((event) => event.kind === 'rtp-timeout' && event.media === a)
  expect(timeout).toMatchObject({ silentFor: expect.closeTo(1500, -3) })
  await media.until((event) => event.kind === 'rtp-timeout' && event.media === b)
  alice.send(new Uint8Array(160))
  await media.until((event) => event.kind === 'flowing' && event.media === a)
  await pause(10)
  close(alice, bob)
  await media.close()
})

function close(...phones: readonly RtpPhone[]): void {
  for (const phone of phones) phone.close()
}
