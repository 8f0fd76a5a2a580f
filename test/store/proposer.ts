//! A process to be killed: proposes without pause, and writes down what was acknowledged.
//!     node proposer.ts DIRECTORY RUN ACKNOWLEDGED
//! Says `working` after the first one, and `fault CODE MESSAGE` when the store has failed.

import { openSync, writeSync } from 'node:fs'
import { openStore } from '../../src/store/open.ts'
import { put } from './commands.ts'
import { realHost } from './host.ts'

const [directory = '', run = '', file = ''] = process.argv.slice(2)
/** Enough for large batches, few enough that many commits are cut in the middle. */
const AT_ONCE = 64

// A file outlives us however we die, and never makes us wait, as a pipe may.
const acknowledged = openSync(file, 'a')
const store = await openStore({
  host: realHost(),
  directory,
  onFault(fault) {
    writeSync(1, `fault ${fault.code} ${fault.message}\n`)
    process.exit(fault.exitCode)
  },
})
let working = false
await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => propose(lane)))

async function propose(lane: number): Promise<void> {
  for (let n = 0; ; n++) {
    const name = `${run}.${lane}.${n}`
    const result = await store.propose(put(name, 'x'.repeat(100)))
    if (!result.ok) return
    writeSync(acknowledged, `${name} ${result.value}\n`)
    if (!working) writeSync(1, 'working\n')
    working = true
  }
}
