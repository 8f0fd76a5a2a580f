//! Strings as bytes: one character is one byte of the wire, 0 to 255. Only the outermost border
//! (console, CLI) turns them into readable text and back.

/** The bytes of a received message as characters. */
export function textOf(bytes: Uint8Array): string {
  const { buffer, byteOffset, byteLength } = bytes
  const view = bytes instanceof Buffer ? bytes : Buffer.from(buffer, byteOffset, byteLength)
  return view.toString('latin1')
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
  return joined(text.charAt(0), text.slice(1))
}

const SHORTEST_SLICE = 13

/**
 * The parts as one piece, for what is kept or written as JSON. What `+` and templates make
 * remembers its parts until it is read, and is more work for everybody from then on.
 */
export function joined(...parts: readonly string[]): string {
  return parts.join('')
}

export function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7f) return false
  return true
}

/** What may be put on the wire as a value: no line can be broken out of it. */
export function wireText(value: string): string {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index)
    if (code > 0xff || (code < 0x20 && code !== 0x09)) return cleaned(value)
  }
  return value
}

/** Line breaks and controls become spaces, characters beyond a byte their UTF-8. */
function cleaned(value: string): string {
  let clean = ''
  for (const character of value) {
    const code = character.codePointAt(0) ?? 0
    if (code > 0xff) clean += Buffer.from(character, 'utf8').toString('latin1')
    else clean += code < 0x20 && code !== 0x09 ? ' ' : character
  }
  return clean
}
