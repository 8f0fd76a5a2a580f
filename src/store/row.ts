//! Decoders of SQLite columns: the border where rows become types.

import { assert } from '../base/assert.ts'
import { wallTime, type WallTime } from '../base/time.ts'
import type { Row } from './store.ts'

export function text(row: Row, column: string): string {
  const value = row[column]
  assert(typeof value === 'string', `column ${column} is not text`)
  return value
}

export function textOrNone(row: Row, column: string): string | undefined {
  return row[column] === null ? undefined : text(row, column)
}

export function integer(row: Row, column: string): number {
  const value = row[column]
  assert(typeof value === 'number', `column ${column} is not a number`)
  return value
}

export function integerOrNone(row: Row, column: string): number | undefined {
  return row[column] === null ? undefined : integer(row, column)
}

export function time(row: Row, column: string): WallTime {
  return wallTime(integer(row, column))
}

export function timeOrNone(row: Row, column: string): WallTime | undefined {
  return row[column] === null ? undefined : time(row, column)
}

export function flag(row: Row, column: string): boolean {
  return integer(row, column) !== 0
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column]
  assert(value instanceof Uint8Array, `column ${column} is not a blob`)
  return value
}
