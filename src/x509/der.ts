//! DER, as much of it as an X.509 certificate takes (ITU-T X.690). Pure.

export type Der = Uint8Array

const SEQUENCE = 0x30
const SET = 0x31

export function sequence(...parts: readonly Der[]): Der {
  return tagged(SEQUENCE, ...parts)
}

export function setOf(...parts: readonly Der[]): Der {
  return tagged(SET, ...parts)
}

/** `[number]` constructed around the parts, or in place of their own tag. */
export function context(number: number, ...parts: readonly Der[]): Der {
  return tagged(0xa0 | number, ...parts)
}

/** `[number]` in place of a primitive's tag. */
export function contextPrimitive(number: number, content: Der): Der {
  return tagged(0x80 | number, content)
}

/** A positive integer, most significant byte first. */
export function integer(bytes: Der): Der {
  const first = bytes.findIndex((byte) => byte !== 0)
  const significant = first === -1 ? Uint8Array.of(0) : bytes.subarray(first)
  const negative = (significant[0] ?? 0) >= 0x80
  return tagged(0x02, negative ? joined([Uint8Array.of(0), significant]) : significant)
}

export function boolean(value: boolean): Der {
  return tagged(0x01, Uint8Array.of(value ? 0xff : 0))
}

export function bitString(content: Der, unusedBits = 0): Der {
  return tagged(0x03, Uint8Array.of(unusedBits), content)
}

export function octetString(content: Der): Der {
  return tagged(0x04, content)
}

export function utf8String(text: string): Der {
  return tagged(0x0c, new TextEncoder().encode(text))
}

export function ascii(text: string): Der {
  return new TextEncoder().encode(text)
}

/** UTCTime to 2049, GeneralizedTime after (RFC 5280 §4.1.2.5). */
export function time(at: Date): Der {
  const text = at.toISOString().replaceAll(/[-:T]|\.\d+/g, '')
  return at.getUTCFullYear() < 2050 ? tagged(0x17, ascii(text.slice(2))) : tagged(0x18, ascii(text))
}

/** Dotted, such as `2.5.29.17`. */
export function oid(dotted: string): Der {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(0x06, Uint8Array.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): readonly number[] {
  const septets = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) septets.unshift((rest & 0x7f) | 0x80)
  return septets
}

function tagged(tag: number, ...parts: readonly Der[]): Der {
  const content = joined(parts)
  return joined([Uint8Array.of(tag), lengthOf(content.length), content])
}

function lengthOf(length: number): Der {
  if (length < 0x80) return Uint8Array.of(length)
  const bytes: number[] = []
  for (let rest = length; rest > 0; rest >>>= 8) bytes.unshift(rest & 0xff)
  return Uint8Array.from([0x80 | bytes.length, ...bytes])
}

function joined(parts: readonly Der[]): Der {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
