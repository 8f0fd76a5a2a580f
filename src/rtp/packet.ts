//! The RTP header (RFC 3550 §5.1) read and written in place: no object per packet. `at` is where
//! the packet begins in `bytes`, `end` where it ends.

export const HEADER_LENGTH = 12

/**
 * What a datagram on a media port is (RFC 7983 §7, RFC 5761 §4): RTP, RTCP, ZRTP (RFC 6189 §5),
 * or something of no use here (STUN, DTLS, noise).
 */
export type PacketKind = 'rtp' | 'rtcp' | 'zrtp' | 'other'

const ZRTP_COOKIE = 0x5a525450

export function packetKind(bytes: Uint8Array, at: number, end: number): PacketKind {
  const first = bytes[at] ?? 0
  if (end - at >= 8 && first >> 6 === 2) {
    const type = bytes[at + 1] ?? 0
    if (type >= 192 && type <= 223) return 'rtcp'
    return end - at >= HEADER_LENGTH && payloadStart(bytes, at, end) !== undefined ? 'rtp' : 'other'
  }
  if (first >> 4 === 1 && end - at >= HEADER_LENGTH && word(bytes, at + 4) === ZRTP_COOKIE)
    return 'zrtp'
  return 'other'
}

export const payloadType = (bytes: Uint8Array, at: number): number => (bytes[at + 1] ?? 0) & 0x7f
export const marker = (bytes: Uint8Array, at: number): boolean =>
  ((bytes[at + 1] ?? 0) & 0x80) !== 0
export const sequence = (bytes: Uint8Array, at: number): number => half(bytes, at + 2)
export const timestamp = (bytes: Uint8Array, at: number): number => word(bytes, at + 4)
export const ssrc = (bytes: Uint8Array, at: number): number => word(bytes, at + 8)

/** Where the payload begins, behind CSRCs and extension; undefined when it would lie outside. */
export function payloadStart(bytes: Uint8Array, at: number, end: number): number | undefined {
  const first = bytes[at] ?? 0
  let start = at + HEADER_LENGTH + 4 * (first & 0x0f)
  if ((first & 0x10) !== 0) {
    if (start + 4 > end) return undefined
    start += 4 + 4 * half(bytes, start + 2)
  }
  return start <= end - padding(bytes, at, end) ? start : undefined
}

/** Octets of padding at the end, the count octet included. */
export function padding(bytes: Uint8Array, at: number, end: number): number {
  return ((bytes[at] ?? 0) & 0x20) === 0 ? 0 : (bytes[end - 1] ?? 0)
}

export function setPayloadType(bytes: Uint8Array, at: number, type: number): void {
  bytes[at + 1] = ((bytes[at + 1] ?? 0) & 0x80) | type
}

export type Header = {
  readonly payloadType: number
  readonly marker: boolean
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
}

/** Writes a plain header without CSRCs, extension or padding. */
export function writeHeader(bytes: Uint8Array, at: number, header: Header): void {
  bytes[at] = 0x80
  bytes[at + 1] = header.payloadType | (header.marker ? 0x80 : 0)
  bytes[at + 2] = header.sequence >>> 8
  bytes[at + 3] = header.sequence
  setWord(bytes, at + 4, header.timestamp)
  setWord(bytes, at + 8, header.ssrc)
}

export function half(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

export function word(bytes: Uint8Array, at: number): number {
  return ((half(bytes, at) << 16) | half(bytes, at + 2)) >>> 0
}

export function setWord(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
