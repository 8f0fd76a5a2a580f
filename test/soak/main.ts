//! `npm run soak`: the product under a steady load for an hour, with what must hold watched beside
//! it: every call ends as it should and has exactly one record, nothing grows, all comes to rest.

import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ReadConnection } from '../../src/store/database.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { type Load, startLoad } from './load.ts'
import { Figures, restless } from './metrics.ts'
import { progressLine, summary, type Finding } from './report.ts'
import { readSettings, type Settings } from './settings.ts'
import { Watch } from './watch.ts'

const DOMAIN = 'pbx.lab'
const PROGRESS_MS = 10_000
/** 64*T1 and what a prompt takes, with room. */
const REST_MS = 90_000

const settings = readSettings(process.argv.slice(2), process.env)
process.exitCode = (await soak(settings)) ? 0 : 1

async function soak(settings: Settings): Promise<boolean> {
  const { executable, data, args } = settings
  const product = await startProduct({
    args: ['--domain', DOMAIN, '--log-level', 'warn', ...args],
    ...(executable === undefined ? {} : { executable }),
    ...(data === undefined ? {} : { data }),
  })
  console.log(`pbx runs as ${product.process.pid} on ${product.data}`)
  try {
    return await run(product, settings)
  } finally {
    await product.stop()
  }
}

async function run(product: Product, settings: Settings): Promise<boolean> {
  const { calls, registrations, phones, seed, minutes } = settings
  const capacity = Math.ceil(calls * minutes * 60 * 1.05) + 1000
  const hold = { min: 1_000, max: 2_500 }
  const rates = { calls, registrations, phones, seed }
  const load = await startLoad(product, {
    domain: DOMAIN,
    ...rates,
    capacity,
    hold,
    soundEvery: 40,
  })
  const before = await Figures.of(product)
  const watch = new Watch(product)
  const findings: Finding[] = []
  const ended = await lasts(product, load, watch, minutes * 60_000)
  if (ended !== undefined) findings.push({ name: 'the product', detail: ended, ok: false })
  load.stop()
  await watch.stop()
  const rest = ended === undefined ? await comeToRest(product, load) : ['it is dead']
  const records = compare(product, load)
  const after = ended === undefined ? await Figures.of(product) : before
  const log = troubles(product.output())
  findings.push(...summary({ settings, load, watch, rest, records, before, after, log }))
  for (const { name, detail, ok } of findings)
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(22)} ${detail}`)
  await load.close()
  return findings.every(({ ok }) => ok)
}

/** Undefined when it lived to the end. */
async function lasts(
  product: Product,
  load: Load,
  watch: Watch,
  milliseconds: number,
): Promise<string | undefined> {
  const began = Date.now()
  let told = began
  while (Date.now() - began < milliseconds) {
    await sleep(250)
    const { exitCode, signalCode } = product.process
    if (exitCode !== null || signalCode !== null)
      return `ended by itself: ${exitCode ?? signalCode}\n${product.output().slice(-4_000)}`
    if (Date.now() - told < PROGRESS_MS) continue
    console.log(progressLine((Date.now() - began) / 1000, load, watch))
    told += PROGRESS_MS
  }
  return undefined
}

/** What still lives after all calls have ended and every timer has run out. */
async function comeToRest(product: Product, load: Load): Promise<readonly string[]> {
  const deadline = Date.now() + REST_MS
  while (load.calls.open + load.registrations.open > 0 && Date.now() < deadline) await sleep(100)
  for (;;) {
    const left = restless(await Figures.of(product))
    if (left.length === 0 || Date.now() > deadline) return left
    await sleep(500)
  }
}

function compare(product: Product, load: Load): ReturnType<Load['calls']['ledger']['compare']> {
  const db = ReadConnection.open(join(product.data, 'pbx.db'), { addon: undefined })
  try {
    return load.calls.ledger.compare(db)
  } finally {
    db.close()
  }
}

/** What the product logged above `info`. */
function troubles(output: string): readonly string[] {
  return output.split('\n').filter((line) => /"level":"(warn|error|fatal)"/.test(line))
}
