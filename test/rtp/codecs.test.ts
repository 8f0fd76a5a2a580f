//! G.711 against the tables of ITU-T G.191, G.722 against vectors that were checked with another
//! encoder (ffmpeg 5.1, bit-exact over two seconds), tones, resampling, digits, pacing.

import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { decodeAlaw, decodeUlaw, encodeAlaw, encodeUlaw, toAlaw } from '../../src/rtp/g711.ts'
import { G722Encoder } from '../../src/rtp/g722.ts'
import { nextDeadline, startPacing, ticksDue } from '../../src/rtp/pacing.ts'
import { doubleRate, halveRate } from '../../src/rtp/resample.ts'
import { DigitReader } from '../../src/rtp/telephone-event.ts'
import { tonePeriodMs, toneSamples } from '../../src/rtp/tone.ts'
import { measureTone, sine } from '../harness/sound.ts'
import { decodeG722 } from '../harness/g722-decoder.ts'

test('G.711 every code survives decoding and encoding', () => {
  for (let code = 0; code < 256; code++) {
    expect(encodeAlaw(decodeAlaw(code))).toBe(code)
    // µ-law has two zeros; the encoder makes the positive one.
    expect(encodeUlaw(decodeUlaw(code))).toBe(code === 0x7f ? 0xff : code)
  }
})

test.each([
  [0, 0xff, 0xd5],
  [8, 0xfe, 0xd5],
  [-8, 0x7e, 0x55],
  [1000, 0xce, 0xfa],
  [-1000, 0x4e, 0x7a],
  [32_767, 0x80, 0xaa],
  [-32_768, 0x00, 0x2a],
])('G.711 of %i', (sample, ulaw, alaw) => {
  expect([encodeUlaw(sample), encodeAlaw(sample)]).toEqual([ulaw, alaw])
  expect(toAlaw(Int16Array.of(sample))[0]).toBe(alaw)
})

test('G.722 encodes bit-exactly, a piece at a time as at once', () => {
  const samples = sine(1017, -12, 16_000, 1)
  const whole = new G722Encoder().encode(samples)
  const hash = createHash('sha256').update(whole).digest('hex')
  expect(hash.slice(0, 32)).toBe('e4d0eaf173718df60597120ba3b12686')
  const encoder = new G722Encoder()
  const pieces: number[] = []
  for (let at = 0; at < samples.length; at += 320)
    pieces.push(...encoder.encode(samples.subarray(at, at + 320)))
  expect(Uint8Array.from(pieces)).toEqual(whole)
})

test('G.722 is heard as what was said', () => {
  const decoded = decodeG722(new G722Encoder().encode(sine(1017, -12, 16_000, 2)))
  const heard = measureTone(decoded, 16_000, 1017)
  expect(heard.frequency).toBeCloseTo(1017, 0)
  expect(heard.level).toBeCloseTo(-12, 0)
  expect(heard).toMatchObject({ slips: 0, gapMs: 0 })
})

test('a tone loops without a seam, in pitch and at the level asked for', () => {
  const tone = { frequencies: [440, 480], level: -20, cadence: [] }
  const period = tonePeriodMs(tone, 20)
  expect(period).toBe(1000)
  const samples = toneSamples({ ...tone, frequencies: [1017] }, 8000, 0, 8000)
  const looped = Int16Array.from([...samples, ...samples])
  const heard = measureTone(looped, 8000, 1017)
  expect(heard.frequency).toBeCloseTo(1017, 1)
  expect(heard.level).toBeCloseTo(-20, 1)
  expect(heard.slips).toBe(0)
  expect(tonePeriodMs({ ...tone, frequencies: [440.5] }, 20)).toBe(2000)
})

test('two frequencies share the level', () => {
  const samples = toneSamples({ frequencies: [440, 620], level: -20, cadence: [] }, 8000, 0, 8000)
  const power = samples.reduce((sum, sample) => sum + (sample / 32_768) ** 2, 0) / samples.length
  expect(10 * Math.log10(power)).toBeCloseTo(-20, 1)
})

test('a cadence is on and off, and its period whole frames', () => {
  const tone = { frequencies: [425], level: -10, cadence: [1000, 4000] }
  expect(tonePeriodMs(tone, 20)).toBe(5000)
  expect(tonePeriodMs({ ...tone, cadence: [55, 55] }, 20)).toBe(120)
  const samples = toneSamples(tone, 8000, 0, 40_000)
  const heard = measureTone(samples, 8000, 425)
  expect(heard.heardMs).toBeGreaterThanOrEqual(980)
  expect(heard.heardMs).toBeLessThanOrEqual(1000)
  expect(samples.subarray(8000).every((sample) => sample === 0)).toBe(true)
})

test('resampling keeps a tone and takes away what the lower rate cannot hold', () => {
  const halved = halveRate(sine(1017, -12, 16_000, 1))
  expect(measureTone(halved, 8000, 1017).level).toBeCloseTo(-12, 0)
  const folded = halveRate(sine(6000, -12, 16_000, 1))
  expect(measureTone(folded, 8000, 2000).heardMs).toBe(0)
  const doubled = doubleRate(sine(1017, -12, 8000, 1))
  expect(measureTone(doubled, 16_000, 1017).level).toBeCloseTo(-12, 0)
  expect(measureTone(doubled, 16_000, 6983).heardMs).toBe(0)
})

test('RFC 4733 an event is one digit however many packets tell it', () => {
  const reader = new DigitReader()
  const said = (event: number, at: number): string | undefined =>
    reader.read(Uint8Array.of(event, 0x0a, 0, 160), 0, 4, at)
  expect([said(1, 1000), said(1, 1000), said(1, 1000)]).toEqual(['1', undefined, undefined])
  expect([said(1, 4000), said(11, 8000), said(1, 4000)]).toEqual(['1', '#', undefined])
  expect(said(16, 12_000)).toBe(undefined)
  expect(reader.read(Uint8Array.of(1, 2), 0, 2, 20_000)).toBe(undefined)
})

test('ticks come from absolute deadlines, and a held-up loop lets go of the rest', () => {
  let pacing = startPacing(1000, 20)
  const take = (now: number): readonly [number, number] => {
    const { due, skipped, pacing: next } = ticksDue(pacing, now, 5)
    pacing = next
    return [due, skipped]
  }
  expect(take(1000)).toEqual([1, 0])
  expect(nextDeadline(pacing)).toBe(1020)
  expect(take(1023)).toEqual([1, 0])
  expect(nextDeadline(pacing)).toBe(1040)
  expect(take(1030)).toEqual([0, 0])
  expect(take(1081)).toEqual([3, 0])
  expect(take(2000)).toEqual([5, 41])
  expect(nextDeadline(pacing)).toBe(2020)
})
