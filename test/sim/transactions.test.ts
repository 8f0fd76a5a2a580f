//! Thousands of exchanges between real stacks over a bad network. `SEEDS=n` runs n worlds, `SEED=s`
//! begins with s. A failing seed is a bug report: run it alone with SEED=s SEEDS=1.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import type { Faults } from '../harness/sim-network.ts'
import { SimNetwork } from '../harness/sim-network.ts'
import { World } from '../harness/world.ts'
import { Duties } from './duties.ts'
import { Phone } from './phone.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 400)
const FIRST = Number(process.env['SEED'] ?? 1)
const EXCHANGES = 40
/** Exchanges begin within this; then everything has the time to end. */
const BUSY_MS = 20_000
const END_MS = 300_000

type Run = {
  readonly world: World
  readonly duties: Duties
  readonly phones: readonly Phone[]
}

function run(seed: number): Run {
  const world = new World(seed)
  const network = new SimNetwork(world, faults(world))
  const duties = new Duties(world)
  const transports = ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map((each) => network.endpoint(each))
  const phones = transports.map((each, index) => new Phone(world, `p${index}`, each, duties))
  for (let index = 0; index < EXCHANGES; index++) {
    const from = world.random.below(phones.length)
    const to = transports[(from + 1 + world.random.below(phones.length - 1)) % phones.length]
    const transport = world.random.chance(1, 4) ? 'tcp' : 'udp'
    const target = to?.target(transport)
    if (target === undefined) continue
    world.in(millis(world.random.below(BUSY_MS)), () => phones[from]?.begin(target))
  }
  world.pass(millis(END_MS))
  duties.settle()
  return { world, duties, phones }
}

/** From a perfect network to one that loses two of three datagrams and delays them by seconds. */
function faults({ random }: World): Faults {
  return {
    lossPercent: random.below(random.chance(1, 4) ? 70 : 30),
    duplicatePercent: random.below(20),
    delayMin: millis(1),
    delayMax: millis(1 + random.below(random.chance(1, 3) ? 3_000 : 100)),
  }
}

const NOTHING = { clients: 0, places: 0, servers: 0, timers: 0, attempts: 0 }
/** Whoever loses two datagrams of three gets an answer in the end, nearly always. */
const TIMEOUT_SHARE_MAX = 0.05

test(`exchanges over a bad network, ${SEEDS} seeds`, () => {
  const outcomes = new Map<string, number>()
  let retransmissions = 0
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const { world, duties, phones } = run(seed)
    const note = `seed ${seed}\n${duties.problems.join('\n')}\n${world.tail()}`
    expect(duties.problems, note).toEqual([])
    for (const { stack } of phones) {
      expect(stack.size, note).toEqual(NOTHING)
      expect(stack.counters.bugs, note).toBe(0)
    }
    retransmissions += duties.retransmissions
    for (const [what, count] of duties.outcomes)
      outcomes.set(what, (outcomes.get(what) ?? 0) + count)
  }
  if (SEEDS < 100) return
  // A simulation that never gets there checks nothing.
  const reached = ['INVITE 200', 'INVITE 486', 'INVITE 487', 'INVITE 407', 'INVITE timeout']
  const asked = ['INVITE cancelled', 'BYE 200', 'MESSAGE 200', 'REGISTER 404', 'OPTIONS timeout']
  for (const what of [...reached, ...asked]) expect(outcomes.get(what), what).toBeGreaterThan(0)
  expect(retransmissions).toBeGreaterThan(SEEDS * 20)
  const total = [...outcomes.values()].reduce((sum, count) => sum + count)
  const timeouts = [...outcomes].filter(([what]) => what.endsWith('timeout'))
  for (const [what, count] of timeouts) {
    const [method = ''] = what.split(' ')
    const all = [...outcomes].filter(([each]) => each.startsWith(method))
    const share = count / all.reduce((sum, [, each]) => sum + each, 0)
    expect(share, what).toBeLessThan(TIMEOUT_SHARE_MAX)
  }
  console.log(`${total} exchanges`, Object.fromEntries(outcomes), retransmissions)
})

test('the same seed gives the same trace, another one does not', () => {
  const digest = (seed: number): string => run(seed).world.digest()
  expect(digest(7)).toBe(digest(7))
  expect(digest(7)).not.toBe(digest(8))
})
