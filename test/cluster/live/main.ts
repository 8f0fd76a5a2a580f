//! `npm run test:cluster [-- --only cable,pause] [--pairs 8] [--seed 1] [--timing fast]`: three
//! real nodes, phones and load generators on a LAN, and everything that may befall them; after each
//! the checks of `round.ts`. `--only` takes names of faults, `cable/follower`, and `pairs`.

import { parseArgs } from 'node:util'
import { seededRandom } from '../../../src/base/random.ts'
import { ensureSystemPackages } from '../../../scripts/system-packages.ts'
import { canMakeLan } from '../../harness/lan.ts'
import { FAULTS } from './faults.ts'
import { plan, type Trial } from './plan.ts'
import { Rounds } from './round.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    pairs: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 1_000_000)) },
    timing: { type: 'string', default: 'default' },
  },
})

type Tally = { passed: number; failed: number }

async function main(): Promise<number> {
  const only = values.only.split(',').filter((each) => each !== '')
  const known = ['pairs', ...FAULTS.map(({ name }) => name)]
  const strange = only.find((each) => !known.includes(each.split('/')[0] ?? ''))
  if (strange !== undefined) return refuse(`there is no fault ${strange}: ${known.join(', ')}`)
  if (!canMakeLan()) return refuse('it needs network namespaces: run it as root, with iproute2')
  if (!ensureSystemPackages()) return 2
  const timing = values.timing === 'fast' ? 'fast' : 'default'
  const trials = plan(seededRandom(Number(values.seed)), Number(values.pairs), only)
  console.log(`${trials.length} trials, seed ${values.seed}, ${timing} timing`)
  const tally: Tally = { passed: 0, failed: 0 }
  const rounds = await Rounds.begin(timing)
  try {
    await runAll(rounds, trials, tally)
    for (const [name, wrong] of await rounds.atTheEnd()) count(tally, name, '', wrong)
  } finally {
    await rounds.stop(tally.failed > 0)
  }
  if (tally.failed > 0) console.log(`seed ${values.seed}; logs and data are in ${rounds.directory}`)
  console.log(`\n${tally.passed} passed, ${tally.failed} failed`)
  return tally.failed === 0 && tally.passed > 0 ? 0 : 1
}

async function runAll(rounds: Rounds, trials: readonly Trial[], tally: Tally): Promise<void> {
  for (const [place, trial] of trials.entries()) {
    const missing = rounds.lacks(trial)
    if (missing !== undefined) {
      console.log(`not run  ${trial.name}: ${missing}`)
      continue
    }
    const { told, wrong } = await rounds.run(trial, place)
    count(tally, `${place + 1}/${trials.length} ${trial.name}`, told, wrong)
    if (wrong.length > 0 && !(await rounds.recover())) {
      const left = trials.length - place - 1
      tally.failed += left
      console.log(`FAILED   the cluster does not come back: ${left} trials not reached`)
      return
    }
  }
}

function count(tally: Tally, name: string, told: string, wrong: readonly string[]): void {
  const isWell = wrong.length === 0
  tally[isWell ? 'passed' : 'failed']++
  console.log(`${isWell ? 'ok      ' : 'FAILED  '} ${name}${told === '' ? '' : `: ${told}`}`)
  for (const each of wrong) console.log(`         ${each.replaceAll('\n', '\n         ')}`)
}

function refuse(why: string): number {
  console.error(`pbx: ${why}`)
  return 2
}

process.exitCode = await main()
// Sockets of phones and probers that are gone keep nothing that is still wanted.
process.exit()
