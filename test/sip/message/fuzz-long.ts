//! Broken messages for as long as wanted: `N=10000000 SEED=1 node test/sip/message/fuzz-long.ts`.
//! Ends with code 1 at the first that breaks a promise, printing it; says how memory stands.

import { seededRandom } from '../../../src/base/random.ts'
import { exercise, mutant } from './fuzz.ts'

const count = Number(process.env['N'] ?? 100_000)
const seed = Number(process.env['SEED'] ?? 1)
const random = seededRandom(seed)
const start = performance.now()
let slowest = 0

for (let index = 1; index <= count; index++) {
  const bytes = mutant(random)
  const before = performance.now()
  try {
    exercise(bytes)
  } catch (error) {
    console.error(`mutant ${index} of seed ${seed}: ${String(error)}`)
    process.stderr.write(bytes)
    process.exit(1)
  }
  slowest = Math.max(slowest, performance.now() - before)
  if (index % 100_000 === 0) report(index)
}

function report(index: number): void {
  const rate = Math.round((index * 1000) / (performance.now() - start))
  const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20)
  console.log(`${index} messages, ${rate}/s, slowest ${slowest.toFixed(0)} ms, RSS ${megabytes} MB`)
}
