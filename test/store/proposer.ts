//! A process to be killed: proposes without pause, and prints what was acknowledged, line by line.
//!     node proposer.ts DIRECTORY RUN

import { writeSync } from 'node:fs'
import { openStore } from '../../src/store/open.ts'
import { put } from './commands.ts'
import { realHost } from './host.ts'

const [directory = '', run = ''] = process.argv.slice(2)
/** Enough for large batches, few enough that many commits are cut in the middle. */
const AT_ONCE = 64

const store = await openStore({
  host: realHost(),
  directory,
  onFault(fault) {
    writeSync(1, `fault ${fault.code} ${fault.message}\n`)
    process.exit(fault.exitCode)
  },
})
writeSync(1, 'open\n')
await Promise.all(Array.from({ length: AT_ONCE }, (_, lane) => propose(lane)))

async function propose(lane: number): Promise<void> {
  for (let n = 0; ; n++) {
    const name = `${run}.${lane}.${n}`
    const result = await store.propose(put(name, 'x'.repeat(100)))
    if (!result.ok) return
    // Synchronous: what is printed was acknowledged, and what was acknowledged is soon printed.
    writeSync(1, `ack ${name} ${result.value}\n`)
  }
}
