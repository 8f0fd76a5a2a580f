//! Tones and prompts as a phone receives them, in every codec we can make, and how evenly paced.

import { createDecoder } from 'libopus-wasm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { fromAlaw, fromUlaw } from '../../src/rtp/g711.ts'
import { parseRtcp } from '../../src/rtp/rtcp.ts'
import type { MediaSource } from '../../src/control/media-control.ts'
import { decodeG722 } from '../harness/g722-decoder.ts'
import { RtpPhone, type Packet } from '../harness/rtp-phone.ts'
import { measureTone } from '../harness/sound.ts'
import { newCall, openMedia, unwrap, type Media } from './media-world.ts'

type Codec = {
  readonly name: string
  readonly formats: string
  readonly lines: readonly string[]
  readonly rate: number
  /** RTP clock ticks a packet. */
  readonly step: number
  readonly decode: (packets: readonly Packet[]) => Promise<Int16Array>
}

const joined = (packets: readonly Packet[]): Uint8Array =>
  Buffer.concat(packets.map(({ payload }) => payload))

const CODECS: readonly Codec[] = [
  {
    name: 'PCMU',
    formats: '0',
    lines: [],
    rate: 8000,
    step: 160,
    decode: (packets) => Promise.resolve(fromUlaw(joined(packets))),
  },
  {
    name: 'PCMA',
    formats: '8 0',
    lines: [],
    rate: 8000,
    step: 160,
    decode: (packets) => Promise.resolve(fromAlaw(joined(packets))),
  },
  {
    name: 'G722',
    formats: '9 0',
    lines: [],
    rate: 16_000,
    step: 160,
    decode: (packets) => Promise.resolve(decodeG722(joined(packets))),
  },
  {
    name: 'opus',
    formats: '96 0',
    lines: ['a=rtpmap:96 opus/48000/2', 'a=fmtp:96 useinbandfec=1'],
    rate: 16_000,
    step: 960,
    decode: decodeOpus,
  },
]

let media: Media
beforeAll(async () => {
  media = await openMedia()
})
afterAll(() => media.close())

// Side by side: what is played is played in real time.
test.concurrent.each(CODECS)(
  'a tone in $name has its pitch and level, without a seam',
  async (codec) => {
    const source = { kind: 'tone', frequencies: [1017], level: -16, cadence: [] } as const
    // A period is a second: two and a half hold two seams.
    const packets = await listen(codec, source, 125)
    // A decoder that begins in the middle of a tone needs a few frames to get the hang of it.
    const samples = (await codec.decode(packets)).subarray(codec.rate / 10)
    const heard = measureTone(samples, codec.rate, 1017)
    expect(heard.heardMs).toBe(2400)
    expect(heard.frequency).toBeCloseTo(1017, 0)
    expect(Math.abs(heard.level + 16)).toBeLessThan(1)
    expect(heard).toMatchObject({ gapMs: 0, slips: 0 })
  },
)

test.concurrent.each(CODECS)('a prompt in $name is spoken once, to its end', async (codec) => {
  const source = { kind: 'prompt', name: 'not-available', repeat: false } as const
  const packets = await listen(codec, source, 252, true)
  expect(packets).toHaveLength(252)
  const samples = await codec.decode(packets)
  const power = samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / samples.length
  expect(Math.abs(10 * Math.log10(power) + 16.5)).toBeLessThan(2)
})

test.concurrent('packets come every 20 ms on average, numbered without a gap', async () => {
  const source = { kind: 'tone', frequencies: [425], level: -16, cadence: [] } as const
  const [codec] = CODECS
  if (codec === undefined) throw new Error('there is a codec')
  const packets = await listen(codec, source, 200)
  const [first, last] = [packets[0], packets[199]]
  expect(((last?.at ?? 0) - (first?.at ?? 0)) / 199).toBeCloseTo(20, 0)
  expect(first?.marker).toBe(true)
  packets.slice(1).forEach((packet, index) => {
    expect(packet.marker).toBe(false)
    expect(packet.sequence).toBe(((packets[index]?.sequence ?? 0) + 1) & 0xffff)
    expect(packet.timestamp).toBe(((packets[index]?.timestamp ?? 0) + codec.step) >>> 0)
  })
})

test.concurrent('a cadence is heard as on and off', async () => {
  const cadence = [millis(200), millis(300)]
  const source = { kind: 'tone', frequencies: [425], level: -16, cadence } as const
  const [codec] = CODECS
  if (codec === undefined) throw new Error('there is a codec')
  const heard = measureTone(await codec.decode(await listen(codec, source, 100)), 8000, 425)
  expect(heard.heardMs).toBeGreaterThan(700)
  expect(heard.heardMs).toBeLessThanOrEqual(800)
})

test.concurrent('a leg that is released hears BYE from what was made for it', async () => {
  const { call, a } = newCall()
  const phone = await RtpPhone.open()
  const source = { kind: 'tone', frequencies: [425], level: -16, cadence: [] } as const
  const offer = phone.sdp()
  unwrap(await media.control.answerHere({ call, media: a, offer, source }))
  await phone.until(3)
  await media.control.release([a])
  // A report may have been due just before.
  const last = (): readonly string[] => {
    const packet = phone.receivedRtcp.at(-1)
    return packet === undefined ? [] : parseRtcp(packet, 0, packet.length).map(({ kind }) => kind)
  }
  await expect.poll(last).toEqual(['sender-report', 'description', 'bye'])
  phone.close()
})

/** What a phone that offers `codec` receives until `count` packets, or until `played`. */
async function listen(
  { formats, lines, step }: Codec,
  source: MediaSource,
  count: number,
  toTheEnd = false,
): Promise<readonly Packet[]> {
  const { call, a } = newCall()
  const phone = await RtpPhone.open()
  const offer = phone.sdp(formats, lines)
  unwrap(await media.control.answerHere({ call, media: a, offer, source }))
  if (toTheEnd) await media.until((event) => event.kind === 'played' && event.media === a, 9000)
  await phone.until(count)
  await media.control.release([a])
  phone.close()
  const [first] = formats.split(' ')
  const packets = phone.received.slice(0, count)
  expect(new Set(packets.map(({ payloadType }) => payloadType))).toEqual(new Set([Number(first)]))
  expect((packets[1]?.timestamp ?? 0) - (packets[0]?.timestamp ?? 0)).toBe(step)
  return packets
}

async function decodeOpus(packets: readonly Packet[]): Promise<Int16Array> {
  const decoder = await createDecoder({ sampleRate: 16_000, channels: 1 })
  const frames = packets.map(({ payload }) => decoder.decode(payload).slice())
  decoder.free()
  return Int16Array.from(frames.flatMap((frame) => [...frame]))
}
