//! One scan over the header lines: where each name and value stands. Nothing is interpreted but
//! Content-Length, which says where the message ends.

import { decimal, skipBlanks, trimEnd } from './chars.ts'
import { headerNameAt, type HeaderName } from './header-name.ts'
import { Field } from './headers.ts'
import * as limits from './limits.ts'
import type { Fault } from './start-line.ts'

export type HeaderIndex = {
  readonly fields: Field[]
  /** The first byte after the empty line. */
  bodyAt: number
  contentLength: number | undefined
  /** The first thing that is wrong; the other fields are indexed all the same. */
  fault: Fault | undefined
}

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20
const COLON = 0x3a

/** `text` is `bytes` as latin1. Lines end in CRLF or LF and go on where the next begins blank. */
export function indexHeaders(bytes: Uint8Array, text: string, from: number): HeaderIndex {
  const index = newIndex(bytes.length)
  const limit = Math.min(bytes.length, from + limits.MAX_HEAD)
  let at = from
  while (at < limit) {
    const first = bytes[at] ?? 0
    if (first === LF || (first === CR && bytes[at + 1] === LF)) {
      index.bodyAt = first === LF ? at + 1 : at + 2
      return index
    }
    let colon = at
    while (colon < limit && (bytes[colon] ?? 0) > SPACE && bytes[colon] !== COLON) colon++
    let end = colon
    while (end < limit && (bytes[end] ?? 0) > CR) end++
    const isRegular =
      bytes[colon] === COLON &&
      bytes[colon + 1] === SPACE &&
      (bytes[colon + 2] ?? 0) > SPACE &&
      (bytes[end - 1] ?? 0) > SPACE &&
      bytes[end] === CR &&
      bytes[end + 1] === LF &&
      !isBlank(bytes[end + 2])
    if (isRegular) {
      keep(index, at, headerNameAt(text, at, colon), { text, at: colon + 2, end })
      at = end + 2
    } else at = indexOddLine(index, { bytes, text, limit }, at)
  }
  const isTooLarge = limit < bytes.length
  index.fault ??= isTooLarge
    ? { offset: limit, rule: 'header too large', status: 513 }
    : { offset: limit, rule: 'no empty line after the header', status: 400 }
  return index
}

function newIndex(bodyAt: number): HeaderIndex {
  return { fields: [], bodyAt, contentLength: undefined, fault: undefined }
}

type Head = { readonly bytes: Uint8Array; readonly text: string; readonly limit: number }

/** Any other than `Name: value` CRLF on one line. Returns where the next line begins. */
function indexOddLine(index: HeaderIndex, { bytes, text, limit }: Head, at: number): number {
  let end = at
  for (;;) {
    while (end < limit && bytes[end] !== LF) end++
    if (end >= limit) return limit
    if (!isBlank(bytes[end + 1])) break
    end++
  }
  let colon = at
  while (colon < end && bytes[colon] !== COLON) colon++
  let nameEnd = colon === end ? at : colon
  while (nameEnd > at && isBlank(bytes[nameEnd - 1])) nameEnd--
  const value = unfold(text.slice(colon + 1, end))
  keep(index, at, headerNameAt(text, at, nameEnd), { text: value, at: 0, end: value.length })
  return end + 1
}

type Place = { readonly text: string; readonly at: number; readonly end: number }

function keep(
  index: HeaderIndex,
  lineAt: number,
  name: HeaderName | undefined,
  { text, at, end }: Place,
): void {
  const { fields } = index
  if (name === undefined)
    index.fault ??= { offset: lineAt, rule: 'no header name and colon', status: 400 }
  else if (end - at > limits.MAX_HEADER)
    index.fault ??= { offset: lineAt, rule: 'header field too long', status: 513 }
  else if (fields.length === limits.MAX_HEADERS)
    index.fault ??= { offset: lineAt, rule: 'too many header fields', status: 513 }
  else {
    fields.push(new Field(name, text, at, end))
    if (name === 'content-length') readLength(index, lineAt, decimal(text, at, end))
  }
}

function readLength(index: HeaderIndex, offset: number, length: number | undefined): void {
  const before = index.contentLength ?? length
  if (length !== undefined && length === before) index.contentLength = length
  else index.fault ??= { offset, rule: 'bad Content-Length, or two that differ', status: 400 }
}

/** The value on one line: a fold, or a CR on its own, and the blanks round it become one space. */
function unfold(value: string): string {
  let line = ''
  let at = skipBlanks(value, 0, value.length)
  while (at < value.length) {
    let end = at
    while (end < value.length && value.charCodeAt(end) !== CR && value.charCodeAt(end) !== LF) end++
    line += value.slice(at, trimEnd(value, at, end))
    at = skipBlanks(value, end, value.length)
    if (at < value.length) line += ' '
  }
  return line
}

function isBlank(code: number | undefined): boolean {
  return code === SPACE || code === TAB
}
