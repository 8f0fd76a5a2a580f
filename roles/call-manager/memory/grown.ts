//! Typed arrays that grow: a column of a table, one number a row.

type Column = Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>

const FIRST_LENGTH = 256

/** The same column when it has `length` rows, else a copy with at least that; `fill` is 0. */
export function grown<C extends Column>(column: C, length: number, fill?: number): C
export function grown(column: Column, length: number, fill = 0): Column {
  const { length: before } = column
  if (length <= before) return column
  const room = Math.max(FIRST_LENGTH, length, before + (before >> 1))
  const larger = newColumn(column, room)
  larger.set(column)
  if (fill !== 0) larger.fill(fill, before)
  return larger
}

function newColumn(like: Column, length: number): Column {
  if (like instanceof Int32Array) return new Int32Array(length)
  return like instanceof Uint32Array ? new Uint32Array(length) : new Float64Array(length)
}
