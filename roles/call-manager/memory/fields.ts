//! Several texts in one: how many, how long each is, then all of them. Pure.

import { assert } from '../../../src/base/assert.ts'
import type { Place, Texts } from './texts.ts'

const FIELD_MAX = 0xffff

export function packed(fields: readonly string[]): string {
  let head = twoBytes(fields.length)
  let body = ''
  for (const field of fields) {
    head += twoBytes(field.length)
    body += field
  }
  return head + body
}

export function unpacked(text: string): string[] {
  const count = numberAt(text, 0)
  const fields: string[] = []
  let from = headOf(count)
  for (let index = 0; index < count; index++) {
    const length = numberAt(text, 2 + 2 * index)
    fields.push(text.slice(from, from + length))
    from += length
  }
  return fields
}

/** Whether the first field of what lies at `place` is `text`. Makes no string. */
export function isFirst(texts: Texts, place: Place, text: string): boolean {
  return isField(texts, place, 0, text)
}

/** The same of any other, from 0. */
export function isField(texts: Texts, place: Place, index: number, text: string): boolean {
  if (lengthAt(texts, place, index) !== text.length) return false
  let from = headOf(twoAt(texts, place, 0))
  for (let before = 0; before < index; before++) from += lengthAt(texts, place, before)
  return texts.holds(place, text, from)
}

function lengthAt(texts: Texts, place: Place, index: number): number {
  return twoAt(texts, place, 2 + 2 * index)
}

function twoAt(texts: Texts, place: Place, at: number): number {
  return texts.codeAt(place, at) | (texts.codeAt(place, at + 1) << 8)
}

function headOf(count: number): number {
  return 2 + 2 * count
}

function numberAt(text: string, index: number): number {
  return text.charCodeAt(index) | (text.charCodeAt(index + 1) << 8)
}

function twoBytes(value: number): string {
  assert(value <= FIELD_MAX, 'a field of more than 64 KiB')
  return String.fromCharCode(value & 0xff, value >> 8)
}
