//! The product under load, on one core, with the load on another: what `npm run bench` prints of
//! REGISTER, calls and memory. Kamailio, when it is installed, is measured the same way.
//!
//! Each load runs in several rounds and the best counts: what else happens on a machine can only
//! take away. The note tells the others, so that a lucky one shows, and what the machine gave to
//! others meanwhile: CPU time, and the cache that all cores share.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { assert } from '../../src/base/assert.ts'
import { cpuTime, memoryLatency, withheldSince } from '../harness/machine.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { residentMebibytes } from '../soak/metrics.ts'
import type { Job } from './load/main.ts'
import type { Outcome } from './load/pace.ts'
import type { Row } from './parse.ts'

const SERVER_CORE = '0'
const LOAD_CORE = '1'
const DOMAIN = 'pbx.example'
const USERS = 100_000
const CALL_USERS = 2_000
const ROUNDS = Number(process.env['ROUNDS'] ?? 3)
const SECONDS = 6
/**
 * Until the hot paths are compiled: V8 counts how often each was taken, and at two thousand calls a
 * second is done after half a minute. A call costs a fifth less then than after eight seconds.
 */
const WARM_UP = 40
const WINDOW = 96
/** The port of all phones: who comes again comes from where it was, and so refreshes. */
const PHONES = 15_061

export type ProductRow = Row & {
  /** What issue and design ask for: at least, or for memory at most. */
  readonly wanted?: string
  readonly note?: string
}

type Server = { readonly address: string; readonly port: number }

/** What is measured of the product, each on one that has just been started. */
export const PRODUCT_PARTS = {
  register: measureRegister,
  bindings: measureBindings,
  anchored: (echo: number) => measureCalls(echo, true),
  calls: (echo: number) => measureCalls(echo, false),
  held: measureHeldCalls,
} as const

/** `echo`: packets a second that plain dgram echoes in this run, the baseline of all ratios. */
export async function* productRows(
  echo: number,
  wants: (part: string) => boolean,
): AsyncGenerator<ProductRow> {
  for (const [name, measure] of Object.entries(PRODUCT_PARTS))
    if (wants(name)) yield* await measure(echo)
}

// ---- registrations -----------------------------------------------------------------------------

async function measureRegister(echo: number): Promise<readonly ProductRow[]> {
  const product = await started([])
  try {
    await provision(product, USERS)
    const job = { kind: 'register', ...common(product), users: USERS, localPort: PHONES } as const
    const first = await load({ ...job, ...pace(0, 300), window: 32, count: USERS })
    const { most, steady } = await measured(product.process, job, 10_000)
    const perSecond = Math.round(first.perSecond)
    return [
      { name: 'REGISTER with digest, the first of each', value: perSecond, unit: '/s' },
      rate('REGISTER with digest, again', most, echo, '10,000'),
      calm('REGISTER at 10,000/s', steady),
    ]
  } finally {
    await product.stop()
  }
}

/** Everyone registers, then refreshes every 300 s, until what was in passing is forgotten. */
async function measureBindings(): Promise<readonly ProductRow[]> {
  const product = await started([])
  try {
    await provision(product, USERS)
    const before = residentMebibytes(product.process)
    const job = { kind: 'register', ...common(product), users: USERS, localPort: PHONES } as const
    const all = await load({ ...job, ...pace(0, 300), window: 32, count: USERS })
    const refreshes = await load({ ...job, ...pace(USERS / 300, 45) })
    const notes = [`${before.toFixed(0)} MiB before`, noteOf(all), noteOf(refreshes)]
    const after = residentMebibytes(product.process)
    return [memory('100,000 bindings', after, 400, notes.join('; '))]
  } finally {
    await product.stop()
  }
}

// ---- calls -------------------------------------------------------------------------------------

async function measureCalls(echo: number, anchored: boolean): Promise<readonly ProductRow[]> {
  const product = await started(anchored ? [] : ['--media-anchor', 'off'])
  const name = `calls with digest, media ${anchored ? 'anchored' : 'not anchored'}`
  const wanted = anchored ? 500 : 2_500
  try {
    await provision(product, CALL_USERS)
    const job = { kind: 'calls', ...common(product), users: CALL_USERS, hold: false } as const
    await load({ ...job, ...pace(0, WARM_UP) })
    const { most, steady } = await measured(product.process, job, wanted)
    const asked = wanted.toLocaleString('en')
    return [rate(name, most, echo, asked), calm(`${name}, at ${asked}/s`, steady)]
  } finally {
    await product.stop()
  }
}

async function measureHeldCalls(): Promise<readonly ProductRow[]> {
  const calls = 10_000
  const product = await started(['--media-anchor', 'off'])
  try {
    await provision(product, CALL_USERS)
    let resident = 0
    const up = (): void => void (resident = residentMebibytes(product.process))
    const job = { kind: 'calls', ...common(product), users: CALL_USERS, hold: true } as const
    const outcome = await load({ ...job, rate: 250, window: calls, seconds: 300, count: calls }, up)
    return [memory('10,000 calls up', resident, 1024, noteOf(outcome))]
  } finally {
    await product.stop()
  }
}

// ---- Kamailio ----------------------------------------------------------------------------------

export async function kamailioRows(echo: number): Promise<readonly ProductRow[]> {
  const directory = mkdtempSync(join(tmpdir(), 'pbx-kamailio-'))
  const config = join(import.meta.dirname, 'kamailio', 'kamailio.cfg')
  const port = 15_060
  const args = ['-DD', '-E', '-f', config, '-A', `BENCH_PORT=${port}`, '-m', '512', '-M', '32']
  const dirs = ['-Y', directory, '-w', directory, '-P', join(directory, 'pid')]
  const server = { address: '127.0.0.1', port }
  const child = spawn('taskset', ['-c', SERVER_CORE, 'kamailio', ...args, ...dirs], {
    stdio: 'ignore',
  })
  try {
    const running = await Promise.race([
      new Promise<boolean>((resolve) => void child.once('error', () => resolve(false))),
      new Promise<boolean>((resolve) => void child.once('exit', () => resolve(false))),
      sleep(2_000, true),
    ])
    if (!running) return []
    const job = { server, address: '127.0.0.1', domain: DOMAIN, users: 1_000 }
    const phones = { kind: 'register', ...job, localPort: PHONES } as const
    const registered = await measured(child, phones, 10_000)
    const called = await measured(child, { kind: 'calls', ...job, hold: false }, 2_500)
    return [
      rate('Kamailio: REGISTER with digest', registered.most, echo),
      calm('Kamailio: REGISTER at 10,000/s', registered.steady),
      rate('Kamailio: calls with digest, stateful proxy', called.most, echo),
      calm('Kamailio: calls at 2,500/s', called.steady),
    ]
  } finally {
    child.kill('SIGTERM')
    rmSync(directory, { recursive: true, force: true })
  }
}

// ---- helpers -----------------------------------------------------------------------------------

function started(args: readonly string[]): Promise<Product> {
  const prefix = ['taskset', '-c', SERVER_CORE]
  const executable = process.env['PBX_BIN']
  const options = { prefix, args: ['--log-level', 'warn', ...args] }
  return startProduct(executable === undefined ? options : { ...options, executable })
}

/** Users u0, u1 … with passwords pw-u0, pw-u1 … */
async function provision(product: Product, users: number): Promise<void> {
  const rows = Array.from({ length: users }, (_, user) => `${DOMAIN},u${user},pw-u${user},User`)
  const response = await fetch(`${product.url}/api/v1/import`, {
    method: 'POST',
    headers: { authorization: `Bearer ${product.token}`, 'content-type': 'text/csv' },
    body: rows.join('\n'),
  })
  const said = (await response.text()).trim().split('\n').at(-1) ?? ''
  if (!said.includes('"done"') || !said.includes('"bad":0')) throw new Error(`import: ${said}`)
}

function common(product: Product): { address: string; server: Server; domain: string } {
  const server = { address: '127.0.0.1', port: product.ports['udp'] ?? 0 }
  return { address: '127.0.0.1', server, domain: DOMAIN }
}

function pace(
  rateWanted: number,
  seconds: number,
): { rate: number; window: number; seconds: number; count: number } {
  // At a rate the window only bounds what a server that falls behind may pile up.
  return { rate: rateWanted, window: rateWanted === 0 ? WINDOW : 20_000, seconds, count: 0 }
}

type Measured = Outcome & {
  /** Of the server and the processes it started, while it was loaded. */
  readonly cpuSeconds: number
  /** What the machine did not give meanwhile, in words. */
  readonly machine: string
  /** What the rounds did a second, the best first. */
  readonly rounds: readonly string[]
}

type Paced = 'rate' | 'window' | 'seconds' | 'count'
type Unpaced = Job extends infer J ? (J extends Job ? Omit<J, Paced> : never) : never

/**
 * As much as it takes, and a rate, in turn. CPU time tells what it took the server: on a machine
 * that others use too, the one figure that holds.
 */
async function measured(
  server: ChildProcess,
  job: Unpaced,
  wanted: number,
): Promise<{ readonly most: Measured; readonly steady: Measured }> {
  const most: Measured[] = []
  const steady: Measured[] = []
  for (let round = 0; round < ROUNDS; round++) {
    most.push(await loaded(server, { ...job, ...pace(0, SECONDS) }))
    steady.push(await loaded(server, { ...job, ...pace(wanted, SECONDS) }))
  }
  return {
    most: best(most, ({ perSecond }) => -perSecond),
    steady: best(steady, ({ late, retransmitted, failed }) => late + retransmitted + failed),
  }
}

/** The one with the least of something, with what all of them did. */
function best(outcomes: readonly Measured[], of: (outcome: Measured) => number): Measured {
  const [first, ...others] = outcomes.toSorted((a, b) => of(a) - of(b))
  assert(first !== undefined, 'there is a round')
  const rounds = [first, ...others].map(
    ({ perSecond, machine }) => `${Math.round(perSecond)} (${machine})`,
  )
  return { ...first, rounds }
}

async function loaded(server: ChildProcess, job: Job): Promise<Measured> {
  const before = cpuSeconds(server.pid ?? 0)
  const time = cpuTime(SERVER_CORE)
  const outcome = await load(job)
  const withheld = Math.round(100 * withheldSince(time, cpuTime(SERVER_CORE)))
  const machine = `${withheld} % withheld, memory ${Math.round(memoryLatency())} ns`
  return { ...outcome, cpuSeconds: cpuSeconds(server.pid ?? 0) - before, machine, rounds: [] }
}

/** Of all its threads and child processes so far, by the scheduler's count of nanoseconds. */
function cpuSeconds(pid: number): number {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
  const below = children.filter(Boolean).map((child) => cpuSeconds(Number(child)))
  const own = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [onCpu = '0'] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')
    return Number(onCpu) / 1e9
  })
  return [...own, ...below].reduce((sum, each) => sum + each, 0)
}

/** Runs a job on the other core. */
function load(job: Job, onUp: () => void = () => {}): Promise<Outcome> {
  const program = join(import.meta.dirname, 'load', 'main.ts')
  const args = ['-c', LOAD_CORE, process.execPath, program, JSON.stringify(job)]
  const child = spawn('taskset', args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => reject(new Error(`the load generator ended with ${code}`)))
    child.on('message', (message: { kind: 'up' } | { kind: 'done'; outcome: Outcome }) => {
      if (message.kind === 'done') return resolve(message.outcome)
      onUp()
      child.send('go')
    })
  })
}

function rate(name: string, outcome: Measured, echo: number, wanted?: string): ProductRow {
  const row = { name, value: outcome.perSecond, unit: '/s', ratio: outcome.perSecond / echo }
  const byCpu = Math.round(outcome.done / outcome.cpuSeconds).toLocaleString('en')
  const times = `p50 ${outcome.p50} ms, p99 ${outcome.p99} ms`
  const rounds = `rounds ${outcome.rounds.join(', ')}`
  const note = `${byCpu} a CPU second; ${times}; ${rounds}; ${noteOf(outcome)}`
  return { ...row, note, ...(wanted === undefined ? {} : { wanted: `>= ${wanted}` }) }
}

/** At the rate that is asked for nobody may have to send anything twice. */
function calm(name: string, outcome: Measured): ProductRow {
  const value = outcome.late + outcome.retransmitted
  const note = `rounds ${outcome.rounds.join(', ')}; p99 ${outcome.p99} ms; ${noteOf(outcome)}`
  return { name: `${name}: retransmissions`, value, unit: '', wanted: '0', note }
}

function memory(name: string, value: number, most: number, note: string): ProductRow {
  return { name: `${name}: RSS`, value, unit: ' MiB', wanted: `<= ${most}`, note }
}

function noteOf({ failed, late, retransmitted, reasons }: Outcome): string {
  const why = Object.entries(reasons).map(([reason, count]) => `${reason} ${count}`)
  const parts = [`failed ${failed}`, ...why, `late ${late}`, `repeated ${retransmitted}`]
  return parts.join(', ')
}
