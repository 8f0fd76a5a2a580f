//! Three nodes with many registrations that refresh, and calls besides: how long an OPTIONS waits.
//! `node test/bench/commit/latency.ts [--users 100000] [--seconds 30]`. The load generator and all
//! nodes share this machine: whose CPU time it was is told.

import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Trio, type Node } from '../../cluster/live/trio.ts'

const PROBE_MS = 10
const GOAL_MS = 20
const TICKS_A_SECOND = 100

const { values } = parseArgs({
  options: {
    users: { type: 'string', default: '100000' },
    seconds: { type: 'string', default: '30' },
  },
})
const users = Number(values.users)

const trio = await Trio.start('default')
try {
  await trio.provision(users)
  console.log(`${users} extensions imported; ${availableParallelism()} cores for all`)
  await measure()
} finally {
  await trio.stop()
}
process.exit()

async function measure(): Promise<void> {
  const host = trio.lan.host('phones', 150)
  const program = join(import.meta.dirname, 'load-client.ts')
  const args = [program, trio.vip, host.address, String(users), values.seconds]
  const child = host.spawn(process.execPath, ...args)
  const leader = await trio.leader()
  let begun: { at: number; cpu: readonly number[] } | undefined
  let said = 0
  child.stderr?.on('data', (piece: Buffer) => process.stderr.write(piece))
  child.stdout?.on('data', (piece: Buffer) => {
    const text = piece.toString()
    process.stdout.write(text.replace('loaded\n', ''))
    if (text.includes('loaded')) {
      trio.probe(PROBE_MS)
      begun = { at: Date.now(), cpu: trio.nodes.map(cpuSeconds) }
    } else if (begun !== undefined && said++ === 0) tellShares(begun, leader)
  })
  await new Promise((resolve) => child.once('close', resolve))
  const since = begun?.at ?? 0
  const waits = trio
    .answers()
    .filter(({ asked }) => asked >= since)
    .map(({ asked, answered }) => answered - asked)
    .toSorted((a, b) => a - b)
  const at = (share: number): string => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(1)
  console.log(
    `OPTIONS, ${waits.length} answered: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms (goal ${GOAL_MS})`,
  )
}

function tellShares(begun: { at: number; cpu: readonly number[] }, leader: Node): void {
  const seconds = (Date.now() - begun.at) / 1_000
  const shares = trio.nodes.map((node, place) => {
    const share = (cpuSeconds(node) - (begun.cpu[place] ?? 0)) / seconds
    const role = node === leader ? ' (serves)' : ''
    return `${node.host.name}${role} ${Math.round(share * 100)} %`
  })
  console.log(`of a core: ${shares.join(', ')}; the rest is the load's`)
}

function cpuSeconds({ process: child }: Node): number {
  return cpuSecondsOf(child?.pid)
}

/** Of all threads of a process, user and system: fields 14 and 15 of proc_pid_stat(5). */
function cpuSecondsOf(pid: number | undefined): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND
}
