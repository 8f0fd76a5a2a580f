//! `npm run kill -- [--rounds 50] [--seed 1]`: the product killed under load, again and again.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../src/base/random.ts'
import { Victim } from './kill-round.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: process.env['KILL_ROUNDS'] ?? '50' },
    seed: { type: 'string', default: process.env['KILL_SEED'] ?? '1' },
  },
})
const data = mkdtempSync(join(tmpdir(), 'pbx-kill-'))
const random = seededRandom(Number(values.seed))
const executable = process.env['PBX_BIN']
const victim = await Victim.start({ data, random, args: positionals, executable })
const rounds = Number(values.rounds)
let bad = 0
try {
  for (let round = 1; round <= rounds; round++) {
    const { wrong, ...seen } = await victim.round()
    const figures = Object.entries(seen).map(([name, value]) => `${name} ${value}`)
    console.log(`${wrong.total === 0 ? 'ok    ' : 'FAILED'} ${round}: ${figures.join(', ')}`)
    for (const line of wrong.lines()) console.log(`       ${line}`)
    if (wrong.total > 0) bad++
  }
  const left = await victim.left()
  if (left.length > 0) {
    console.log(`FAILED at rest: ${left.join(', ')}`)
    bad++
  }
} finally {
  await victim.stop()
  if (bad === 0) rmSync(data, { recursive: true, force: true })
}
console.log(
  bad === 0
    ? `${rounds} kills, nothing lost`
    : `${bad} of ${rounds} kills lost something; the data are in ${data}`,
)
process.exitCode = bad === 0 ? 0 : 1
