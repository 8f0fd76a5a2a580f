//! The codecs of an RTP section: payload types joined with `a=rtpmap` and `a=fmtp`, and the
//! static types of RFC 3551 that need no rtpmap.

import type { MediaSection } from './description.ts'

export type Codec = {
  readonly payloadType: number
  /** As written; compare with `sameCodec`, names are case-insensitive. */
  readonly name: string
  readonly clockRate: number
  readonly channels: number
  readonly parameters: string | undefined
}

const SPACE = 32

/** RFC 3551 tables 4 and 5, those seen in the wild. G722's clock rate of 8000 is its erratum. */
const STATIC: ReadonlyMap<number, readonly [name: string, clockRate: number, channels?: number]> =
  new Map([
    [0, ['PCMU', 8000]],
    [3, ['GSM', 8000]],
    [4, ['G723', 8000]],
    [5, ['DVI4', 8000]],
    [6, ['DVI4', 16_000]],
    [7, ['LPC', 8000]],
    [8, ['PCMA', 8000]],
    [9, ['G722', 8000]],
    [10, ['L16', 44_100, 2]],
    [11, ['L16', 44_100]],
    [12, ['QCELP', 8000]],
    [13, ['CN', 8000]],
    [14, ['MPA', 90_000]],
    [15, ['G728', 8000]],
    [18, ['G729', 8000]],
    [26, ['JPEG', 90_000]],
    [31, ['H261', 90_000]],
    [34, ['H263', 90_000]],
  ])

/** In the section's order of preference; a payload type that nothing names is left out. */
export function codecsOf(section: MediaSection): readonly Codec[] {
  const codecs: Codec[] = []
  for (const format of section.media.formats) {
    const payloadType = wholeNumber(format, 0, format.length)
    if (payloadType === undefined || payloadType > 127) continue
    const named = readRtpmap(about(section, 'rtpmap:', format)) ?? STATIC.get(payloadType)
    if (named === undefined) continue
    const [name, clockRate, channels = 1] = named
    const parameters = about(section, 'fmtp:', format)?.trim()
    codecs.push({ payloadType, name, clockRate, channels, parameters })
  }
  return codecs
}

/** What `a=<attribute><format> …` says; plain comparisons, for every call reads several. */
function about(section: MediaSection, attribute: string, format: string): string | undefined {
  const end = attribute.length + format.length
  for (const { type, value } of section.lines)
    if (
      type === 'a' &&
      value.charCodeAt(end) === SPACE &&
      value.startsWith(attribute) &&
      value.startsWith(format, attribute.length)
    )
      return value.slice(end + 1)
  return undefined
}

/** DTMF, comfort noise and redundancy ride beside a codec; they are no sound by themselves. */
export function isAuxiliary(codec: Codec): boolean {
  const name = codec.name.toLowerCase()
  return ['telephone-event', 'cn', 'tone', 'red', 'rtx', 'ulpfec', 'flexfec-03'].includes(name)
}

/** The same codec though perhaps under another payload type. */
export function sameCodec(one: Codec, other: Codec): boolean {
  const name = one.name.toLowerCase()
  if (name !== other.name.toLowerCase() || one.clockRate !== other.clockRate) return false
  // RFC 7587 §7 fixes the 2 of opus/48000/2, and phones that leave it out mean the same.
  return one.channels === other.channels || name === 'opus'
}

/** Codecs whose `fmtp` names a different bit stream, so the profiles must match to be relayed. */
const PROFILED: ReadonlySet<string> = new Set(['h264', 'h265', 'vp9', 'av1', 'ilbc', 'g7221'])

/** May frames encoded as `one` be handed to whoever asked for `other`? */
export function interchangeable(one: Codec, other: Codec): boolean {
  if (!sameCodec(one, other)) return false
  return !PROFILED.has(one.name.toLowerCase()) || one.parameters === other.parameters
}

function readRtpmap(
  value: string | undefined,
): readonly [name: string, clockRate: number, channels?: number] | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const first = text.indexOf('/')
  const second = text.indexOf('/', first + 1)
  const clockEnd = second === -1 ? text.length : second
  const clock = first === -1 ? undefined : wholeNumber(text, first + 1, clockEnd)
  if (first <= 0 || clock === undefined || clock === 0) return undefined
  const channels = second === -1 ? undefined : wholeNumber(text, second + 1, text.length)
  return [text.slice(0, first), clock, channels ?? 1]
}

/** Decimal digits of `text` from `start` to `end`, at most nine. */
function wholeNumber(text: string, start: number, end: number): number | undefined {
  if (end <= start || end - start > 9) return undefined
  let number = 0
  for (let at = start; at < end; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) return undefined
    number = number * 10 + digit
  }
  return number
}
