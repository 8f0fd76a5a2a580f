//! Commits a second through the replica's thread, by how many proposers wait at once; the import
//! of extensions. Disk-bound: the first row is what one fsync costs here.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { wallTime } from '../../src/base/time.ts'
import { importExtensions } from '../../src/store/import.ts'
import { openStore } from '../../src/store/open.ts'
import type { Command, Store } from '../../src/store/store.ts'
import { realHost } from '../store/host.ts'
import type { Row } from './parse.ts'

const PROPOSERS = [1, 10, 100, 1_000] as const
const SECONDS = 2
const IMPORTED = Number(process.env['ROWS'] ?? 100_000)

export async function run(): Promise<readonly Row[]> {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-bench-'))
  const store = await openStore({ host: realHost(), directory, onFault: fail })
  try {
    const rows: Row[] = []
    for (const proposers of PROPOSERS) rows.push(await commits(store, proposers, rows[0]?.value))
    rows.push(await imports(store))
    return rows
  } finally {
    await store.close()
    rmSync(directory, { recursive: true })
  }
}

function fail(fault: Error): never {
  throw fault
}

async function commits(store: Store, proposers: number, alone?: number): Promise<Row> {
  let commits = 0
  const began = performance.now()
  const end = began + SECONDS * 1000
  const propose = async (lane: number): Promise<void> => {
    for (let n = 0; performance.now() < end; n++) {
      const result = await store.propose(snapshot(lane, n))
      if (!result.ok) throw new Error(result.error.kind)
      commits++
    }
  }
  await Promise.all(Array.from({ length: proposers }, (_, lane) => propose(lane)))
  const value = (commits / (performance.now() - began)) * 1000
  const name = `commits, ${proposers} waiting at once`
  return { name, value, unit: '/s', ...(alone === undefined ? {} : { ratio: value / alone }) }
}

/** About what a call's snapshot weighs. */
const SNAPSHOT = JSON.stringify({ dialogs: 'x'.repeat(2_000) })

function snapshot(lane: number, n: number): Command {
  const id = `c${lane}-${n % 100}` as Extract<Command, { kind: 'call.saved' }>['id']
  return { kind: 'call.saved', id, snapshot: SNAPSHOT, at: wallTime(n) }
}

async function imports(store: Store): Promise<Row> {
  const began = performance.now()
  const options = { wall: () => wallTime(1), onBadLine: () => undefined }
  const result = await importExtensions(store, lines(), options)
  if (!result.ok || result.value.imported !== IMPORTED) throw new Error('the import failed')
  const value = (IMPORTED / (performance.now() - began)) * 1000
  return { name: `extensions imported (of ${IMPORTED.toLocaleString('en')})`, value, unit: '/s' }
}

async function* lines(): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < IMPORTED; at += 1_000) {
    let piece = ''
    for (let n = at; n < at + 1_000; n++) piece += `pbx.example,${n},password-${n},User ${n}\n`
    yield Buffer.from(piece)
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href)
  for (const { name, value, unit } of await run()) console.log(name, Math.round(value), unit)
