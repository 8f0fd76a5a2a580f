//! RFC 4180 records from a stream of text, piece by piece. Pure. A bad record is reported and
//! skipped to its end of line; the reading goes on.

export type CsvRecord =
  | { readonly kind: 'record'; readonly line: number; readonly fields: readonly string[] }
  | { readonly kind: 'bad'; readonly line: number; readonly reason: string }

/** Longer than any record that makes sense, in characters. */
const RECORD_MAX = 16_384

export class CsvReader {
  /** The unfinished record at the end of the last piece. */
  #rest = ''
  #line = 1
  /** The line was given up before its end had come. */
  #isSkipping = false

  /** How many characters wait for the end of their record; 16,384 at most. */
  get kept(): number {
    return this.#rest.length
  }

  /** The records that end in this piece. */
  push(piece: string): readonly CsvRecord[] {
    return this.#read(this.#rest + piece, false)
  }

  /** The last record, when no line end follows it. */
  end(): readonly CsvRecord[] {
    return this.#read(this.#rest, true)
  }

  #read(text: string, final: boolean): readonly CsvRecord[] {
    const records: CsvRecord[] = []
    let at = this.#isSkipping ? this.#skipLine(text, 0) : 0
    while (at < text.length) {
      // However the text is cut, the same records are too long.
      const limit = Math.min(text.length, at + RECORD_MAX + 1)
      const end = recordEnd(text, at, limit)
      if (end === undefined || end === limit) {
        const isLong = limit - at > RECORD_MAX
        if (!final && !isLong) break
        if (end === undefined || isLong) {
          const reason = end === undefined ? UNCLOSED : 'the line is too long'
          records.push({ kind: 'bad', line: this.#line, reason })
          at = this.#skipLine(text, at)
          continue
        }
      }
      if (!isBlank(text, at, end)) records.push(recordOf(text, at, end, this.#line))
      this.#line += linesIn(text, at, end) + 1
      at = end + 1
    }
    this.#rest = text.slice(at)
    return records
  }

  /** To the next line, which is the first of a new record, or to the end of what there is. */
  #skipLine(text: string, at: number): number {
    const newline = text.indexOf('\n', at)
    this.#isSkipping = newline === -1
    if (this.#isSkipping) return text.length
    this.#line++
    return newline + 1
  }
}

const UNCLOSED = 'a quote is opened and not closed'

/** Index of the record's line feed, or the limit; undefined when a quote is open there. */
function recordEnd(text: string, from: number, limit: number): number | undefined {
  const newline = text.indexOf('\n', from)
  const end = newline === -1 ? limit : Math.min(newline, limit)
  const quote = text.slice(from, end).indexOf('"')
  if (quote === -1) return end
  let quoted = false
  for (let at = from + quote; at < limit; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) quoted = !quoted
    else if (code === LINE_FEED && !quoted) return at
  }
  return quoted ? undefined : limit
}

function recordOf(text: string, from: number, lineEnd: number, line: number): CsvRecord {
  const end = text.charCodeAt(lineEnd - 1) === CARRIAGE_RETURN ? lineEnd - 1 : lineEnd
  const whole = text.slice(from, end)
  if (!whole.includes('"')) return { kind: 'record', line, fields: whole.split(',') }
  const fields: string[] = []
  let at = 0
  while (at <= whole.length) {
    const quoted = whole.charCodeAt(at) === QUOTE
    const stop = quoted ? closingQuote(whole, at) + 1 : comma(whole, at)
    const field = quoted ? unquote(whole.slice(at + 1, stop - 1)) : whole.slice(at, stop)
    if (!quoted && field.includes('"'))
      return { kind: 'bad', line, reason: 'a quote in a field that does not begin with one' }
    if (stop < whole.length && whole.charCodeAt(stop) !== COMMA)
      return { kind: 'bad', line, reason: 'text after a closing quote' }
    fields.push(field)
    at = stop + 1
  }
  return { kind: 'record', line, fields }
}

function unquote(text: string): string {
  return text.replaceAll('""', '"')
}

function comma(text: string, from: number): number {
  const at = text.indexOf(',', from)
  return at === -1 ? text.length : at
}

/** Quotes are balanced here, so there is one. */
function closingQuote(text: string, opening: number): number {
  let at = text.indexOf('"', opening + 1)
  while (text.charCodeAt(at + 1) === QUOTE) at = text.indexOf('"', at + 2)
  return at
}

function isBlank(text: string, from: number, end: number): boolean {
  for (let at = from; at < end; at++)
    if (text.charCodeAt(at) !== CARRIAGE_RETURN && text.charCodeAt(at) !== SPACE) return false
  return true
}

function linesIn(text: string, from: number, end: number): number {
  let lines = 0
  let at = text.indexOf('\n', from)
  while (at !== -1 && at < end) {
    lines++
    at = text.indexOf('\n', at + 1)
  }
  return lines
}

const QUOTE = 0x22
const COMMA = 0x2c
const SPACE = 0x20
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d
