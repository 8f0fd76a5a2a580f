//! Multipart bodies (RFC 2046 §5.1, RFC 5621), as much of them as a call needs: one part by type.

/** The content of the first part of that type; undefined when there is none. */
export function multipartPart(
  body: string,
  boundary: string,
  wanted: string,
): string | undefined {
  const parts = `\r\n${body}`.split(`\r\n--${boundary}`)
  for (const part of parts.slice(1)) {
    if (part.startsWith('--')) return undefined
    const headEnd = part.indexOf('\r\n\r\n')
    if (headEnd === -1) continue
    if (typeOf(part.slice(0, headEnd)) === wanted) return part.slice(headEnd + 4)
  }
  return undefined
}

function typeOf(head: string): string {
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (name !== 'content-type' && name !== 'c') continue
    return (line.slice(colon + 1).split(';', 1)[0] ?? '').trim().toLowerCase()
  }
  return 'text/plain'
}
