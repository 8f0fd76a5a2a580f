//! RTCP (RFC 3550 §6): compound packets read for their reports, and built for streams we make.

import { half, setWord, word } from './packet.ts'

export type ReportBlock = {
  /** Whose packets are reported on. */
  readonly ssrc: number
  /** Since the report before, 0 to 255 (of 256). */
  readonly fractionLost: number
  /** Signed: duplicates make it negative. */
  readonly lost: number
  readonly highest: number
  /** In timestamp units. */
  readonly jitter: number
}
export type SenderInfo = {
  /** 64-bit NTP time as two words. */
  readonly ntpHigh: number
  readonly ntpLow: number
  readonly timestamp: number
  readonly packets: number
  readonly octets: number
}
export type Rtcp =
  | {
      readonly kind: 'sender-report'
      readonly ssrc: number
      readonly sender: SenderInfo
      readonly blocks: readonly ReportBlock[]
    }
  | {
      readonly kind: 'receiver-report'
      readonly ssrc: number
      readonly blocks: readonly ReportBlock[]
    }
  | { readonly kind: 'description'; readonly ssrc: number; readonly name: string | undefined }
  | { readonly kind: 'bye'; readonly sources: readonly number[] }
  | { readonly kind: 'other'; readonly type: number }

const SENDER_REPORT = 200
const RECEIVER_REPORT = 201
const DESCRIPTION = 202
const BYE = 203
const BLOCK_LENGTH = 24

/** The packets of a compound, up to the first that does not fit its own length (RFC 3550 A.2). */
export function parseRtcp(bytes: Uint8Array, at: number, end: number): readonly Rtcp[] {
  const packets: Rtcp[] = []
  let start = at
  while (start + 4 <= end && (bytes[start] ?? 0) >> 6 === 2) {
    const next = start + 4 + 4 * half(bytes, start + 2)
    if (next > end) break
    const packet = read(bytes, start, next)
    if (packet !== undefined) packets.push(packet)
    start = next
  }
  return packets
}

function read(bytes: Uint8Array, start: number, end: number): Rtcp | undefined {
  const count = (bytes[start] ?? 0) & 0x1f
  const type = bytes[start + 1] ?? 0
  if (type === BYE) return { kind: 'bye', sources: words(bytes, start + 4, end, count) }
  if (end - start < 8) return undefined
  const source = word(bytes, start + 4)
  if (type === RECEIVER_REPORT)
    return { kind: 'receiver-report', ssrc: source, blocks: blocks(bytes, start + 8, end, count) }
  if (type === SENDER_REPORT) {
    if (end - start < 28) return undefined
    const sender = {
      ntpHigh: word(bytes, start + 8),
      ntpLow: word(bytes, start + 12),
      timestamp: word(bytes, start + 16),
      packets: word(bytes, start + 20),
      octets: word(bytes, start + 24),
    }
    const reported = blocks(bytes, start + 28, end, count)
    return { kind: 'sender-report', ssrc: source, sender, blocks: reported }
  }
  if (type === DESCRIPTION)
    return { kind: 'description', ssrc: source, name: canonicalName(bytes, start + 8, end) }
  return { kind: 'other', type }
}

function words(bytes: Uint8Array, start: number, end: number, count: number): readonly number[] {
  const found: number[] = []
  for (let at = start; at + 4 <= end && found.length < count; at += 4) found.push(word(bytes, at))
  return found
}

function blocks(bytes: Uint8Array, start: number, end: number, count: number): ReportBlock[] {
  const found: ReportBlock[] = []
  for (let at = start; at + BLOCK_LENGTH <= end && found.length < count; at += BLOCK_LENGTH) {
    const lost = word(bytes, at + 4) & 0xffffff
    found.push({
      ssrc: word(bytes, at),
      fractionLost: bytes[at + 4] ?? 0,
      lost: lost >= 0x800000 ? lost - 0x1000000 : lost,
      highest: word(bytes, at + 8),
      jitter: word(bytes, at + 12),
    })
  }
  return found
}

/** The CNAME of the first chunk (§6.5.1). */
function canonicalName(bytes: Uint8Array, start: number, end: number): string | undefined {
  for (let at = start; at + 2 <= end;) {
    const type = bytes[at] ?? 0
    const length = bytes[at + 1] ?? 0
    if (type === 0 || at + 2 + length > end) return undefined
    if (type === 1) return String.fromCharCode(...bytes.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  return undefined
}

/** SR or RR, SDES with the CNAME, and BYE when the stream ends: one compound (§6.1). */
export function buildRtcp(report: {
  readonly ssrc: number
  readonly name: string
  readonly sender: SenderInfo | undefined
  readonly block: ReportBlock | undefined
  readonly bye: boolean
}): Uint8Array {
  const { ssrc, sender, block } = report
  const reportLength =
    8 + (sender === undefined ? 0 : 20) + (block === undefined ? 0 : BLOCK_LENGTH)
  const name = report.name.slice(0, 255)
  const descriptionLength = 4 + Math.ceil((4 + 2 + name.length + 1) / 4) * 4
  const bytes = new Uint8Array(reportLength + descriptionLength + (report.bye ? 8 : 0))
  const type = sender === undefined ? RECEIVER_REPORT : SENDER_REPORT
  header(bytes, 0, block === undefined ? 0 : 1, type, reportLength)
  setWord(bytes, 4, ssrc)
  let at = 8
  if (sender !== undefined) {
    const { ntpHigh, ntpLow, timestamp, packets, octets } = sender
    for (const value of [ntpHigh, ntpLow, timestamp, packets, octets]) {
      setWord(bytes, at, value)
      at += 4
    }
  }
  if (block !== undefined) at = writeBlock(bytes, at, block)
  header(bytes, at, 1, DESCRIPTION, descriptionLength)
  setWord(bytes, at + 4, ssrc)
  bytes[at + 8] = 1
  bytes[at + 9] = name.length
  for (let index = 0; index < name.length; index++) bytes[at + 10 + index] = name.charCodeAt(index)
  if (!report.bye) return bytes
  at += descriptionLength
  header(bytes, at, 1, BYE, 8)
  setWord(bytes, at + 4, ssrc)
  return bytes
}

function writeBlock(bytes: Uint8Array, at: number, block: ReportBlock): number {
  const lost = Math.min(Math.max(block.lost, -0x800000), 0x7fffff) & 0xffffff
  setWord(bytes, at, block.ssrc)
  setWord(bytes, at + 4, ((block.fractionLost << 24) | lost) >>> 0)
  setWord(bytes, at + 8, block.highest)
  setWord(bytes, at + 12, block.jitter)
  return at + BLOCK_LENGTH
}

function header(bytes: Uint8Array, at: number, count: number, type: number, length: number): void {
  bytes[at] = 0x80 | count
  bytes[at + 1] = type
  bytes[at + 2] = (length / 4 - 1) >>> 8
  bytes[at + 3] = length / 4 - 1
}
