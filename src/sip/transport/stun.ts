//! As much STUN as a SIP port owes its phones: a binding request is answered with where it came
//! from (RFC 5626 §3.5.2, §8; RFC 8489). No authentication, no other method. Pure.

const HEADER = 20
const COOKIE = 0x2112_a442
const BINDING_REQUEST = 0x0001
const BINDING_SUCCESS = 0x0101
const BINDING_ERROR = 0x0111
const XOR_MAPPED_ADDRESS = 0x0020
const ERROR_CODE = 0x0009
const UNKNOWN_ATTRIBUTES = 0x000a
const OPTIONAL_FROM = 0x8000
/** USERNAME, MESSAGE-INTEGRITY, REALM, NONCE, MESSAGE-INTEGRITY-SHA256, PRIORITY, USE-CANDIDATE. */
const HARMLESS: ReadonlySet<number> = new Set([0x06, 0x08, 0x14, 0x15, 0x1c, 0x24, 0x25])
const UNKNOWN_MAX = 8

/** STUN begins with two zero bits; no SIP message and no keep-alive CRLF does (RFC 5626 §8). */
export function looksLikeStun(firstByte: number): boolean {
  return firstByte < 4
}

/**
 * The answer to a binding request from `address` (4 or 16 bytes) and `port`; undefined for
 * whatever is no request of ours to answer.
 */
export function answerStun(
  bytes: Uint8Array,
  address: Uint8Array,
  port: number,
): Uint8Array | undefined {
  if (bytes.length < HEADER || bytes.length % 4 !== 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint16(0) !== BINDING_REQUEST || view.getUint32(4) !== COOKIE) return undefined
  if (view.getUint16(2) !== bytes.length - HEADER) return undefined
  const unknown = unknownAttributes(view)
  if (unknown === undefined) return undefined
  return unknown.length > 0 ? refusal(bytes, unknown) : mapped(bytes, address, port)
}

/** Attributes we would have to understand and do not; undefined when they do not fit the length. */
function unknownAttributes(view: DataView): number[] | undefined {
  const unknown: number[] = []
  for (let at = HEADER; at < view.byteLength;) {
    const type = view.getUint16(at)
    const length = view.getUint16(at + 2)
    at += 4 + Math.ceil(length / 4) * 4
    if (at > view.byteLength) return undefined
    const known = type >= OPTIONAL_FROM || HARMLESS.has(type)
    if (!known && unknown.length < UNKNOWN_MAX) unknown.push(type)
  }
  return unknown
}

function mapped(request: Uint8Array, address: Uint8Array, port: number): Uint8Array {
  const { answer, view } = begin(request, BINDING_SUCCESS, 4 + 4 + address.length)
  view.setUint16(HEADER, XOR_MAPPED_ADDRESS)
  view.setUint16(HEADER + 2, 4 + address.length)
  view.setUint8(HEADER + 5, address.length === 4 ? 1 : 2)
  view.setUint16(HEADER + 6, port ^ (COOKIE >>> 16))
  // The address is xored with the cookie and, for IPv6, the transaction id behind it.
  for (let index = 0; index < address.length; index++)
    answer[HEADER + 8 + index] = (address[index] ?? 0) ^ (request[4 + index] ?? 0)
  return answer
}

/** 420 Unknown Attribute. */
function refusal(request: Uint8Array, unknown: readonly number[]): Uint8Array {
  const listed = Math.ceil(unknown.length / 2) * 4
  const { answer, view } = begin(request, BINDING_ERROR, 4 + 4 + 4 + listed)
  view.setUint16(HEADER, ERROR_CODE)
  view.setUint16(HEADER + 2, 4)
  answer[HEADER + 6] = 4
  answer[HEADER + 7] = 20
  view.setUint16(HEADER + 8, UNKNOWN_ATTRIBUTES)
  view.setUint16(HEADER + 10, 2 * unknown.length)
  unknown.forEach((type, index) => view.setUint16(HEADER + 12 + 2 * index, type))
  return answer
}

function begin(
  request: Uint8Array,
  type: number,
  length: number,
): { readonly answer: Uint8Array; readonly view: DataView } {
  const answer = new Uint8Array(HEADER + length)
  answer.set(request.subarray(0, HEADER))
  const view = new DataView(answer.buffer)
  view.setUint16(0, type)
  view.setUint16(2, length)
  return { answer, view }
}
