//! Whether rows fit into their tables, before any is written: what SQLite would throw at. A command
//! that throws ends the process, on every node, and again after each restart; one that is refused
//! changes nothing.
//!
//! Looked at is what the tables of a backup have: STRICT types, NOT NULL, PRIMARY KEY, UNIQUE, and
//! REFERENCES among themselves.

import { integer, text, textOrNone } from '../row.ts'
import type { ReadOnlyDatabase } from '../store.ts'

/** Of a row: as SQLite has them, or as JSON has them (`bytes-json.ts`), with objects for bytes. */
export type Values = readonly unknown[]

type Column = {
  readonly name: string
  readonly type: string
  readonly isRequired: boolean
  readonly isKey: boolean
}
/** Columns, by name and place. */
type Key = { readonly names: readonly string[]; readonly places: readonly number[] }
type Reference = {
  readonly from: Key
  readonly table: string
  readonly to: readonly string[]
  /** What is referred to. */
  readonly wanted: Set<string>
}
type Table = {
  readonly fits: (values: Values) => boolean
  readonly unique: readonly Key[]
  readonly references: readonly Reference[]
}

/** Whether each row alone fits into the table: how many values, their types, those required. */
export function fitsInto(db: ReadOnlyDatabase, table: string): (values: Values) => boolean {
  return fitting(columnsOf(db, table))
}

/** All rows that tables are to have when they are empty now. */
export class Constraints {
  readonly #db: ReadOnlyDatabase
  readonly #tables = new Map<string, Table>()
  /** Those there are, by table and columns. */
  readonly #keys = new Map<string, Set<string>>()

  constructor(db: ReadOnlyDatabase) {
    this.#db = db
  }

  /** More rows of one. What is wrong with them; undefined when nothing is. */
  take(name: string, rows: readonly Values[]): string | undefined {
    const { fits, unique, references } = this.#table(name)
    for (const row of rows) {
      if (!fits(row)) return `a value is missing or of another type in a row of ${name}`
      for (const { names, places } of unique) {
        const seen = this.#seen(name, names)
        const key = keyOf(row, places)
        if (seen.has(key)) return `the same ${names.join(', ')} in two rows of ${name}`
        seen.add(key)
      }
      for (const { from, wanted } of references)
        if (row[from.places[0] ?? -1] !== null) wanted.add(keyOf(row, from.places))
    }
    return undefined
  }

  /** When all have been taken: what is wrong between them. */
  left(): string | undefined {
    for (const [name, { references }] of this.#tables)
      for (const { table, to, wanted } of references)
        for (const key of wanted)
          if (!this.#seen(table, to).has(key))
            return `there is none of ${table} for a row of ${name}`
    return undefined
  }

  #seen(table: string, names: readonly string[]): Set<string> {
    const name = `${table} ${names.join(' ')}`
    const seen = this.#keys.get(name) ?? new Set()
    this.#keys.set(name, seen)
    return seen
  }

  #table(name: string): Table {
    const known = this.#tables.get(name)
    if (known !== undefined) return known
    const columns = columnsOf(this.#db, name)
    const table = {
      fits: fitting(columns),
      unique: uniqueOf(this.#db, name, columns),
      references: referencesOf(this.#db, name, columns),
    }
    this.#tables.set(name, table)
    return table
  }
}

function fitting(columns: readonly Column[]): (values: Values) => boolean {
  return (values) =>
    values.length === columns.length &&
    columns.every(({ type, isRequired }, place) => isOf(type, values[place] ?? null, isRequired))
}

function isOf(type: string, value: unknown, isRequired: boolean): boolean {
  if (value === null) return !isRequired
  switch (type) {
    case 'INTEGER':
      return Number.isInteger(value) && Math.abs(Number(value)) < 2 ** 63
    case 'TEXT':
      return typeof value === 'string'
    case 'BLOB':
      return typeof value === 'object'
    default:
      return true
  }
}

function columnsOf(db: ReadOnlyDatabase, table: string): readonly Column[] {
  return db.all(`PRAGMA table_info(${table})`).map((row) => ({
    name: text(row, 'name'),
    type: text(row, 'type'),
    isRequired: integer(row, 'notnull') === 1,
    isKey: integer(row, 'pk') > 0,
  }))
}

function keyOf(row: Values, places: readonly number[]): string {
  return JSON.stringify(places.map((place) => row[place]))
}

function keyNamed(names: readonly string[], columns: readonly Column[]): Key {
  return { names, places: names.map((each) => columns.findIndex(({ name }) => name === each)) }
}

/** Their columns are all required: in none of them may be NULL. */
function uniqueOf(
  db: ReadOnlyDatabase,
  table: string,
  columns: readonly Column[],
): Table['unique'] {
  return db
    .all(`PRAGMA index_list(${table})`)
    .filter((row) => integer(row, 'unique') === 1)
    .map((row) => db.all(`PRAGMA index_info(${text(row, 'name')})`))
    .map((found) => found.map((column) => text(column, 'name')))
    .map((names) => keyNamed(names, columns))
}

/** Each is of one column, and to the primary key where it names none. */
function referencesOf(
  db: ReadOnlyDatabase,
  name: string,
  columns: readonly Column[],
): Table['references'] {
  return db.all(`PRAGMA foreign_key_list(${name})`).map((row) => {
    const table = text(row, 'table')
    const key = columnsOf(db, table).filter(({ isKey }) => isKey)
    const to = textOrNone(row, 'to')
    return {
      from: keyNamed([text(row, 'from')], columns),
      table,
      to: to === undefined ? key.map((each) => each.name) : [to],
      wanted: new Set(),
    }
  })
}
