//! What stream framing needs to know of bytes that are still arriving: RFC 3261 §18.3.

/** Just past the empty line that ends the head which begins at `from`; -1 when it is not there yet. */
export function headEnd(bytes: Uint8Array, from = 0): number {
  let at = bytes.indexOf(LF, from)
  while (at !== -1) {
    const next = bytes[at + 1]
    if (next === LF) return at + 2
    if (next === CR && bytes[at + 2] === LF) return at + 3
    at = bytes.indexOf(LF, at + 1)
  }
  return -1
}

/**
 * The Content-Length of a complete head: 0 when absent, undefined when it cannot be trusted to say
 * where the message ends (no number, or two that differ), after which a stream is beyond repair.
 */
export function contentLengthOf(head: Uint8Array): number | undefined {
  let length: number | undefined
  let at = head.indexOf(LF)
  while (at !== -1 && at + 1 < head.length) {
    const lineAt = at + 1
    at = head.indexOf(LF, lineAt)
    const valueAt = lengthValueAt(head, lineAt)
    if (valueAt === -1) continue
    const value = readNumber(head, valueAt, at === -1 ? head.length : at)
    if (value === undefined || (length !== undefined && length !== value)) return undefined
    length = value
  }
  return length ?? 0
}

const CR = 0x0d
const LF = 0x0a
const COLON = 0x3a
const LONG_FORM = 'content-length'
const MAX_LENGTH_DIGITS = 9

/** Past the colon, when the line is a Content-Length in either form; otherwise -1. */
function lengthValueAt(head: Uint8Array, at: number): number {
  const first = (head[at] ?? 0) | 0x20
  let index = at + 1
  if (first === 0x63) {
    for (let place = 1; place < LONG_FORM.length; place++, index++)
      if (((head[index] ?? 0) | 0x20) !== LONG_FORM.charCodeAt(place)) return -1
  } else if (first !== 0x6c) return -1
  while (isBlank(head[index])) index++
  return head[index] === COLON ? index + 1 : -1
}

function readNumber(head: Uint8Array, at: number, end: number): number | undefined {
  let index = at
  while (index < end && isBlank(head[index])) index++
  let value = 0
  const start = index
  for (; index < end; index++) {
    const digit = (head[index] ?? 0) - 0x30
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  const digits = index - start
  while (index < end && (isBlank(head[index]) || head[index] === CR)) index++
  return digits === 0 || digits > MAX_LENGTH_DIGITS || index < end ? undefined : value
}

function isBlank(code: number | undefined): boolean {
  return code === 0x20 || code === 0x09
}
