//! G.711: 16-bit linear to A-law and µ-law and back (ITU-T G.191's g711.c is the reference).

export function encodeUlaw(sample: number): number {
  const magnitude = Math.min(((sample < 0 ? ~sample : sample) >> 2) + 33, 0x1fff)
  const exponent = 31 - Math.clz32(magnitude) - 5
  const mantissa = (magnitude >> (exponent + 1)) & 0x0f
  return ~((sample < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff
}

export function decodeUlaw(code: number): number {
  const inverted = ~code & 0xff
  const magnitude = (((inverted & 0x0f) << 3) + 132) << ((inverted & 0x70) >> 4)
  return (inverted & 0x80) === 0 ? magnitude - 132 : 132 - magnitude
}

export function encodeAlaw(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80
  const magnitude = Math.min(sample < 0 ? ~sample : sample, 32_767) >> 4
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 3)
  const mantissa = exponent < 2 ? magnitude & 0x1f : (magnitude >> (exponent - 1)) & 0x0f
  const code = exponent < 2 ? mantissa : (exponent << 4) | mantissa
  return (code | sign) ^ 0x55
}

export function decodeAlaw(code: number): number {
  const plain = code ^ 0x55
  const exponent = (plain & 0x70) >> 4
  const mantissa = (plain & 0x0f) << 4
  const magnitude = exponent === 0 ? mantissa + 8 : (mantissa + 0x108) << (exponent - 1)
  return (plain & 0x80) === 0 ? -magnitude : magnitude
}

const ULAW = table(encodeUlaw)
const ALAW = table(encodeAlaw)

/** One octet a sample. */
export const toUlaw = (samples: Int16Array): Uint8Array => mapped(samples, ULAW)
export const toAlaw = (samples: Int16Array): Uint8Array => mapped(samples, ALAW)

export function fromUlaw(octets: Uint8Array): Int16Array {
  return Int16Array.from(octets, decodeUlaw)
}

export function fromAlaw(octets: Uint8Array): Int16Array {
  return Int16Array.from(octets, decodeAlaw)
}

function table(encode: (sample: number) => number): Uint8Array {
  return Uint8Array.from({ length: 65_536 }, (_, index) => encode((index << 16) >> 16))
}

function mapped(samples: Int16Array, codes: Uint8Array): Uint8Array {
  const octets = new Uint8Array(samples.length)
  for (let index = 0; index < samples.length; index++)
    octets[index] = codes[(samples[index] ?? 0) & 0xffff] ?? 0
  return octets
}
