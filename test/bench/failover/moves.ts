//! Planned moves under load: registrations and short calls over UDP while leadership is handed
//! over and nodes are drained; which transactions had no good final answer.

import { setTimeout as sleep } from 'node:timers/promises'
import { Trio } from '../../cluster/live/trio.ts'
import { ClientProcess } from './client-process.ts'
import type { LoadSaid } from './load-client.ts'
import type { Timing } from './results.ts'

const PAIRS = 50
const REST_MS = 2_000

/** Lines for people. */
export async function movesUnderLoad(timing: Timing, runs: number): Promise<readonly string[]> {
  const trio = await Trio.start(timing)
  try {
    await trio.provision(2 * PAIRS)
    const host = trio.lan.host('phones', 150)
    const args = [trio.vip, host.address, String(PAIRS)]
    const client = new ClientProcess<LoadSaid>(host, 'load-client.ts', args)
    await client.hear('ready')
    const moves: { readonly name: string; readonly at: number }[] = []
    while (moves.length < runs) {
      await sleep(REST_MS)
      await trio.whole()
      const name = moves.length % 2 === 0 ? 'transfer-leadership' : 'drain'
      const leader = await trio.leader()
      moves.push({ name, at: Date.now() })
      leader.pbx(name)
      await trio.until('another serves', async () => (await trio.leader()) !== leader)
      if (name === 'drain') leader.pbx('undrain')
      console.log(`  ${moves.length} of ${runs}: ${name}`)
    }
    await sleep(REST_MS)
    client.tell('end')
    const said = await client.hear('done')
    await client.stop()
    return linesOf(said, moves)
  } finally {
    await trio.stop()
  }
}

function linesOf(
  { counts, failures, longest }: Extract<LoadSaid, { readonly kind: 'done' }>,
  moves: readonly { readonly name: string; readonly at: number }[],
): readonly string[] {
  const all = Object.entries(counts).map(([what, count]) => `${count} ${what}`)
  const head = `${moves.length} planned moves under load: ${all.join(', ')}`
  const wrong = failures.map(({ what, why, at, took }) => {
    const move = moves.findLast((each) => each.at <= at + took)
    const when = move === undefined ? 'before any' : `${at - move.at} ms after ${move.name}`
    return `  ${what}: ${why}, begun ${when}, took ${took} ms`
  })
  return [`${head}; ${failures.length} failed; longest took ${longest.join(', ')} ms`, ...wrong]
}
