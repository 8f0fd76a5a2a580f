//! Bodies in parts: RFC 2046 §5.1, RFC 5621. A body without parts counts as its own only part.

import { parseMediaType, type MediaType } from './field-values.ts'
import { indexHeaders } from './header-index.ts'
import { Headers } from './headers.ts'
import { MAX_PART_DEPTH, MAX_PARTS } from './limits.ts'
import type { SipMessage } from './message.ts'
import { textOf } from './text.ts'

export type BodyPart = { readonly headers: Headers; readonly body: Uint8Array }

/** All parts that are not multiparts themselves, in order; empty when malformed or without body. */
export function bodyParts(message: SipMessage): readonly BodyPart[] {
  const { headers, body } = message
  return body.length === 0 ? [] : leaves({ headers, body }, 0)
}

/** The first part of that media type, `application/sdp`; undefined when there is none. */
export function bodyOfType(message: SipMessage, type: string): BodyPart | undefined {
  return bodyParts(message).find((part) => typeName(part) === type)
}

function leaves(part: BodyPart, depth: number): readonly BodyPart[] {
  const type = mediaTypeOf(part)
  if (type?.type !== 'multipart') return [part]
  const boundary = type.params.get('boundary')
  if (boundary === undefined || boundary === '' || depth === MAX_PART_DEPTH) return []
  const parts = splitParts(part.body, boundary) ?? []
  return parts.flatMap((each) => leaves(each, depth + 1))
}

/** The parts between the delimiters; undefined when the closing one is missing. */
function splitParts(body: Uint8Array, boundary: string): readonly BodyPart[] | undefined {
  const text = textOf(body)
  const parts: BodyPart[] = []
  let line = delimiterAfter(text, boundary, 0)
  while (line !== undefined && !line.isLast) {
    const next = delimiterAfter(text, boundary, line.end)
    if (next === undefined || parts.length === MAX_PARTS) return undefined
    parts.push(readPart(body.subarray(line.end, Math.max(line.end, next.start))))
    line = next
  }
  return line === undefined ? undefined : parts
}

function mediaTypeOf({ headers }: BodyPart): MediaType | undefined {
  const text = headers.get('content-type')
  return text === undefined ? undefined : parseMediaType(text)
}

function typeName(part: BodyPart): string {
  const type = mediaTypeOf(part)
  return type === undefined ? 'text/plain' : `${type.type}/${type.subtype}`
}

/** `start` is before the line break that belongs to the delimiter, `end` after its line. */
type Delimiter = { readonly start: number; readonly end: number; readonly isLast: boolean }

function delimiterAfter(text: string, boundary: string, from: number): Delimiter | undefined {
  const mark = `--${boundary}`
  for (let at = text.indexOf(mark, from); at !== -1; at = text.indexOf(mark, at + 1)) {
    if (at > 0 && text.charAt(at - 1) !== '\n') continue
    const isLast = text.startsWith('--', at + mark.length)
    const lineEnd = text.indexOf('\n', at)
    const rest = text.slice(
      at + mark.length + (isLast ? 2 : 0),
      lineEnd === -1 ? undefined : lineEnd,
    )
    if (rest.trim() !== '' || (lineEnd === -1 && !isLast)) continue
    const breakAt = text.charAt(at - 2) === '\r' ? at - 2 : at - 1
    return { start: Math.max(0, breakAt), end: lineEnd === -1 ? text.length : lineEnd + 1, isLast }
  }
  return undefined
}

function readPart(bytes: Uint8Array): BodyPart {
  const { fields, bodyAt } = indexHeaders(bytes, textOf(bytes), 0)
  return { headers: new Headers(fields), body: bytes.subarray(bodyAt) }
}
