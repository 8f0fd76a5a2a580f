//! CSV by script: `read [piece=N]` with the text as its body; `\n` `\r` `\t` stand for themselves.

import { expect, test } from 'vitest'
import { CsvReader, type CsvRecord } from '../../src/store/csv.ts'
import { walk } from '../harness/datadriven.ts'

walk(new URL('./testdata/csv', import.meta.url).pathname, () => (command) => {
  const ends = command.arg('ends') === 'no' ? '' : '\n'
  const body = command.body.join('\n').replaceAll('\\r', '\r') + ends
  const long = Number(command.arg('long') ?? 0)
  const text = body.replaceAll('LONG', 'x'.repeat(long))
  const whole = read(text, text.length)
  // However the text is cut, the records are the same.
  for (const size of [1, 2, 3, 7, 64])
    if (show(read(text, size)) !== show(whole)) return `cut every ${size}: differs`
  return show(whole)
})

test.each(['x', '"', '"x'])('a line without an end is told once, and not kept: %s…', (start) => {
  const reader = new CsvReader()
  const piece = 'x'.repeat(64 * 1024)
  expect(reader.push('a,b\n')).toHaveLength(1)
  expect(reader.push(start + piece)).toEqual([
    { kind: 'bad', line: 2, reason: expect.stringMatching(/too long|not closed/) },
  ])
  for (let count = 0; count < 15; count++) expect(reader.push(piece)).toEqual([])
  expect(reader.push('x"\nc,d\n')).toEqual([{ kind: 'record', line: 3, fields: ['c', 'd'] }])
  expect(reader.end()).toEqual([])
})

test('what is kept between pieces has a bound', () => {
  const reader = new CsvReader()
  const kept = ['"x\n', 'x', '"'].flatMap((text) => Array.from({ length: 5000 }, () => text))
  for (const text of kept) {
    reader.push(text.repeat(10))
    expect(reader.kept).toBeLessThanOrEqual(16_384)
  }
})

function read(text: string, size: number): readonly CsvRecord[] {
  const reader = new CsvReader()
  const records: CsvRecord[] = []
  for (let at = 0; at < text.length; at += size)
    records.push(...reader.push(text.slice(at, at + size)))
  return [...records, ...reader.end()]
}

function show(records: readonly CsvRecord[]): string {
  const lines = records.map((record) => {
    if (record.kind === 'bad') return `${record.line}: bad: ${record.reason}`
    return `${record.line}: ${record.fields.map(quoted).join(' ')}`
  })
  return lines.join('\n') || 'none'
}

function quoted(field: string): string {
  return field.length > 80 ? `(${field.length} characters)` : JSON.stringify(field)
}
