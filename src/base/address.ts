//! Numeric addresses: bytes, families, and which of them the outside world cannot reach. Pure.

/** 4 or 16 bytes; undefined when the text is no numeric address. A zone (`%eth0`) is left out. */
export function addressBytes(text: string): Uint8Array | undefined {
  return text.includes(':') ? ipv6Bytes(text) : ipv4Bytes(text)
}

export function familyOf(address: string): 4 | 6 {
  return address.includes(':') ? 6 : 4
}

/** What a dual-stack socket calls `::ffff:192.0.2.1` is `192.0.2.1`. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** Of this machine (RFC 1122 §3.2.1.3, RFC 4291 §2.5.3). IPv4 may come dressed as IPv6. */
export function isLoopback(address: string): boolean {
  return /^(127\.|::1$|::ffff:127\.)/.test(address)
}

/** Undefined when the text is no numeric address. */
export function addressNumber(text: string): bigint | undefined {
  return addressBytes(text)?.reduce((number, byte) => (number << 8n) | BigInt(byte), 0n)
}

/** Whether the first `length` bits of two addresses of one family are the same. */
export function sharePrefix(one: string, other: string, length: number): boolean {
  if (familyOf(one) !== familyOf(other)) return false
  const [a, b] = [one, other].map(addressNumber)
  const rest = BigInt((familyOf(one) === 6 ? 128 : 32) - length)
  return a !== undefined && b !== undefined && a >> rest === b >> rest
}

/** Private, link-local, loopback or shared (RFC 1918, 3927, 6598, 4193, 4291): never routed. */
export function isPrivate(address: string): boolean {
  const bytes = addressBytes(address)
  if (bytes === undefined) return false
  const [a = 0, b = 0] = bytes
  if (bytes.length === 16) {
    const mapped = plainAddress(address)
    if (mapped !== address) return isPrivate(mapped)
    const loopback = bytes.every((byte, index) => byte === (index === 15 ? 1 : 0))
    return loopback || (a & 0xfe) === 0xfc || (a === 0xfe && (b & 0xc0) === 0x80)
  }
  if (a === 10 || a === 127) return true
  if (a === 172) return b >= 16 && b < 32
  if (a === 192) return b === 168
  if (a === 169) return b === 254
  return a === 100 && b >= 64 && b < 128
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split('.')
  if (parts.length !== 4) return undefined
  const bytes = new Uint8Array(4)
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9]\d{0,2})$/.test(part) || Number(part) > 255) return undefined
    bytes[index] = Number(part)
  }
  return bytes
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  const [plain = ''] = text.split('%')
  const halves = plain.split('::')
  if (halves.length > 2) return undefined
  const head = groups(halves[0] ?? '', halves.length === 1)
  const tail = groups(halves[1] ?? '', true)
  if (head === undefined || tail === undefined) return undefined
  const missing = 16 - head.length - tail.length
  if (halves.length === 2 ? missing < 2 : missing !== 0) return undefined
  const bytes = new Uint8Array(16)
  bytes.set(head, 0)
  bytes.set(tail, 16 - tail.length)
  return bytes
}

/** The bytes of groups between colons; the last one may be an IPv4 address. */
function groups(text: string, last: boolean): number[] | undefined {
  if (text === '') return []
  const bytes: number[] = []
  const parts = text.split(':')
  for (const [index, part] of parts.entries()) {
    const four = last && index === parts.length - 1 ? ipv4Bytes(part) : undefined
    if (four !== undefined) bytes.push(...four)
    else if (/^[\da-f]{1,4}$/i.test(part)) {
      const value = Number.parseInt(part, 16)
      bytes.push(value >> 8, value & 0xff)
    } else return undefined
  }
  return bytes
}
