//! Calls that are up, or ring, when the node that serves is killed: how many are kept. Each is
//! proved by both of its ends afterwards (`calls-client.ts`), and by its one record.

import { setTimeout as sleep } from 'node:timers/promises'
import { counted } from '../../cluster/live/load.ts'
import { Trio } from '../../cluster/live/trio.ts'
import type { CallsSaid, Outcome } from './calls-client.ts'
import { ClientProcess } from './client-process.ts'
import { KILLED } from './faults.ts'
import type { Timing } from './results.ts'

export type CallsTrial = {
  readonly timing: Timing
  readonly kind: 'up' | 'ringing'
  readonly calls: number
  readonly media: 'elsewhere' | 'on the nodes'
  /** How long after the fault the phones go on. */
  readonly afterMs: number
}

const CALLS_A_PAIR = { up: 10, ringing: 1 } as const
const RECORDS_PATIENCE_MS = 60_000

/** A line for people. */
export async function callsKept(trial: CallsTrial): Promise<string> {
  const trio = await Trio.start(trial.timing)
  try {
    if (trial.media === 'elsewhere') await trio.addMediaServer('media-server-1', 140)
    return await keptOn(trio, trial)
  } finally {
    await trio.stop()
  }
}

async function keptOn(trio: Trio, trial: CallsTrial): Promise<string> {
  const { kind, calls, afterMs } = trial
  const pairs = Math.ceil(calls / CALLS_A_PAIR[kind])
  await trio.provision(2 * pairs)
  const host = trio.lan.host('phones', 150)
  const args = [trio.vip, host.address, String(pairs), String(calls), kind]
  const client = new ClientProcess<CallsSaid>(host, 'calls-client.ts', args)
  const { calls: placed } = await client.hear('ready')
  await trio.whole()
  const leader = await trio.leader()
  console.log(`${placed} calls ${kind}, media ${trial.media}: the node is killed`)
  KILLED.strike(leader)
  await sleep(afterMs)
  client.tell('go')
  const { outcomes } = await client.hear('done')
  const records = await recordsOf(trio, outcomes)
  await client.stop()
  const kept = outcomes.filter(({ id, wrong }) => wrong === '' && !records.has(id)).length
  const again = outcomes.reduce((sum, each) => sum + each.again, 0)
  const whys = whyNot(outcomes.map(({ id, wrong }) => wrong || (records.get(id) ?? '')))
  const head = `${kind}, media ${trial.media}, phones go on after ${afterMs} ms`
  return `${head}: ${kept} of ${placed} kept${whys}; ${again} re-INVITEs again`
}

/** What is wrong with the record of each, by the caller's Call-ID, when something is. */
async function recordsOf(
  trio: Trio,
  outcomes: readonly Outcome[],
): Promise<ReadonlyMap<string, string>> {
  const ids = new Set(outcomes.map(({ id }) => id))
  const deadline = performance.now() + RECORDS_PATIENCE_MS
  for (;;) {
    const { wrong } = counted(ids, ids, await trio.allCdrs())
    const found = new Map([...ids].map((id) => [id, wrong.find((each) => each.includes(id))]))
    const bad = [...found].flatMap(([id, why]) => (why === undefined ? [] : [[id, why] as const]))
    if (bad.length === 0 || performance.now() > deadline)
      return new Map(bad.map(([id, why]) => [id, why.replace(id, 'it')]))
    await sleep(1_000)
  }
}

function whyNot(wrongs: readonly string[]): string {
  const byWhy = Map.groupBy(
    wrongs.filter((each) => each !== ''),
    (each) => each,
  )
  return [...byWhy].map(([why, all]) => `; ${all.length} ${why}`).join('')
}
