//! Killed under load three times: nothing that was acknowledged is lost. `npm run kill` does fifty.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { Victim } from './kill-round.ts'

const ROUNDS = 3
/** Some 20 s on an idle machine; the load waits for whom overload control turns away. */
const TIMEOUT = 120_000

test(
  'kill -9 under load loses no acknowledged binding, call or record',
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'pbx-kill-'))
    const victim = await Victim.start({ data, random: seededRandom(5), args: [] })
    try {
      let answered = 0
      for (let round = 1; round <= ROUNDS; round++) {
        const { wrong, bindings, answeredCalls } = await victim.round()
        expect([round, ...wrong.lines()]).toEqual([round])
        expect(bindings).toBeGreaterThan(400)
        answered += answeredCalls
      }
      expect(answered).toBeGreaterThan(10)
    } finally {
      await victim.stop()
      rmSync(data, { recursive: true, force: true })
    }
  },
  TIMEOUT,
)
