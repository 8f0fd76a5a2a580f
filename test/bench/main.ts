//! `npm run bench [-- rooms|product|kamailio …]`: what the rooms and the whole product do on one
//! core, and the same against a plain dgram echo in the same run. Only prints: figures belong to a
//! machine and a day. Parts of `product` have names of their own: register, bindings, anchored,
//! calls, held. PBX_BIN names an executable to measure instead of the sources; ROUNDS how often.

import { availableParallelism, cpus } from 'node:os'
import { run as callRows } from './call.ts'
import { run as mediaRows } from './media.ts'
import { overloadRows } from './overload.ts'
import { run as parseRows, type Row } from './parse.ts'
import { kamailioRows, PRODUCT_PARTS, type ProductRow, productRows } from './product.ts'
import { run as registrarRows } from './registrar.ts'
import { run as storeRows } from './store.ts'
import { run as transactionRows } from './transaction.ts'
import { transportRows } from './transport.ts'

const parts = process.argv.slice(2)
const wants = (part: string): boolean => parts.length === 0 || parts.includes(part)

const cpu = cpus()[0]?.model ?? 'unknown'
console.log(`Node ${process.versions.node}, ${cpu}, ${availableParallelism()} cores`)
if (availableParallelism() < 2) throw new Error('two cores are needed: one serves, one loads')

const echoRows = await transportRows()
const echo = echoRows[0]?.value ?? 0
if (wants('rooms')) {
  print('messages', parseRows())
  print('transactions', transactionRows())
  print('datagrams', echoRows)
  print('store', await storeRows())
  print('registrar', await registrarRows())
  print('calls', callRows())
  print('media', await mediaRows())
  print('overload', await overloadRows())
} else print('datagrams', echoRows.slice(0, 1))
const wantsPart = (part: string): boolean => wants('product') || parts.includes(part)
if (Object.keys(PRODUCT_PARTS).some(wantsPart)) {
  print('product (ratio: to echoed packets)', [])
  for await (const row of productRows(echo, wantsPart)) printRow(row)
}
if (wants('kamailio')) {
  const rows = await kamailioRows(echo)
  if (rows.length === 0) console.log('\nKamailio is not installed: not compared')
  else print('Kamailio (ratio: to echoed packets)', rows)
}

function print(title: string, rows: readonly (Row | ProductRow)[]): void {
  console.log(`\n${title}`)
  for (const row of rows) printRow(row)
}

function printRow(row: Row | ProductRow): void {
  const value = `${Math.round(row.value).toLocaleString('en')} ${row.unit.trim()}`.trim()
  const ratio = row.ratio === undefined ? '' : row.ratio.toFixed(3)
  const wanted = 'wanted' in row ? (row.wanted ?? '') : ''
  const note = 'note' in row ? (row.note ?? '') : ''
  const cells = [row.name.padEnd(64), value.padStart(20), ratio.padStart(6), wanted.padStart(9)]
  console.log(`  ${cells.join(' ')}  ${note}`.trimEnd())
}
