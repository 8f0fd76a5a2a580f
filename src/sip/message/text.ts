//! Strings as bytes: one character is one byte of the wire, 0 to 255. Only the outermost border
//! (console, CLI) turns them into readable text and back.

/** The bytes of a received message as characters. */
export function textOf(bytes: Uint8Array): string {
  return bufferOf(bytes).toString('latin1')
}

/** The same memory as a Buffer. */
export function bufferOf(bytes: Uint8Array): Buffer {
  if (bytes instanceof Buffer) return bytes
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Characters, each a byte, as bytes: a body to send. */
export function binary(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

/** What people read: the UTF-8 text that a string of bytes holds. */
export function utf8(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8')
}

/** The reverse of `utf8`: text as people write it, as a string of bytes. */
export function bytesOf(text: string): string {
  return isAscii(text) ? text : Buffer.from(text, 'utf8').toString('latin1')
}

/** A copy that does not keep the whole datagram alive, for whoever stores a received string. */
export function flat(text: string): string {
  // V8 copies shorter slices anyway.
  if (text.length < SHORTEST_SLICE) return text
  const copy = Buffer.from(text, 'latin1').toString('latin1')
  return copy === text ? copy : text
}

const SHORTEST_SLICE = 13

export function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}
