//! `npm run fuzz`: FUZZ_COUNT (ten million) strange datagrams against the running product, streams
//! beside them, from FUZZ_SEED. Meanwhile honest phones register and call, and must not notice.

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { seededRandom } from '../../src/base/random.ts'
import type { CallList } from '../../src/console/api/shapes.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { type Load, startLoad } from '../soak/load.ts'
import { Figures, residentMebibytes, restless } from '../soak/metrics.ts'
import { provision } from '../soak/provision.ts'
import { trend, Watch } from '../soak/watch.ts'
import { FuzzCrowd } from './fuzz-crowd.ts'
import { fuzzStreams, type StreamCounts } from './fuzz-streams.ts'

const DOMAIN = 'pbx.lab'
const AGENTS = 480
const FIRST_USER = 5_000
const TOLD_MS = 10_000
/** The longest that a phone may ring (180 s), Timer J after that, and room. */
const REST_MS = 230_000
/** From BYE to the last timer, with room. */
const HANGUP_MS = 80_000
/** Of what it had at the beginning of the last two thirds: caches are full by then. */
const GROWTH_SHARE = 0.12
const GROWTH_MIB = 40

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    count: { type: 'string', default: process.env['FUZZ_COUNT'] ?? '10000000' },
    seed: { type: 'string', default: process.env['FUZZ_SEED'] ?? '1' },
    /** Other work runs on this machine: honest phones may be turned away by overload control. */
    shared: { type: 'boolean', default: false },
  },
})
const count = Number(values.count)
const seed = Number(values.seed)
const began = performance.now()
process.exitCode = (await fuzz()) ? 0 : 1

async function fuzz(): Promise<boolean> {
  const executable = process.env['PBX_BIN']
  const args = ['--domain', DOMAIN, '--log-level', 'warn', '--min-expires', '10', ...positionals]
  const product = await startProduct({ args, ...(executable && { executable }) })
  console.log(`pbx runs as ${product.process.pid}; ${count} datagrams from seed ${seed}`)
  try {
    return await attack(product)
  } finally {
    await product.stop()
  }
}

async function attack(product: Product): Promise<boolean> {
  const honest = await startLoad(product, {
    domain: DOMAIN,
    calls: 1,
    registrations: 5,
    phones: 20,
    seed,
    capacity: 1_000_000,
    hold: { min: 300, max: 900 },
    soundEvery: 0,
    strangers: true,
  })
  await provision(product, DOMAIN, FIRST_USER + AGENTS)
  const crowd = await FuzzCrowd.open({
    server: { address: '127.0.0.1', port: product.ports['udp'] ?? 0 },
    domain: DOMAIN,
    random: seededRandom(seed),
    agents: AGENTS,
    firstUser: FIRST_USER,
  })
  const before = await Figures.of(product)
  const watch = new Watch(product)
  const dead = (): boolean =>
    product.process.exitCode !== null || product.process.signalCode !== null
  let over = false
  const streams = fuzzStreams(
    {
      random: seededRandom(seed + 1),
      domain: DOMAIN,
      sipPort: product.ports['tcp'] ?? 0,
      httpPort: product.ports['ws'] ?? 0,
    },
    () => over || dead(),
  )
  const teller = setInterval(() => tell(crowd, honest, watch), TOLD_MS)
  await crowd.run(count, dead)
  over = true
  const streamed = await streams
  const seconds = (performance.now() - began) / 1000
  clearInterval(teller)
  await watch.stop()
  honest.stop()
  if (dead()) return died(product)
  const during = await Figures.of(product)
  const rest = await comeToRest(product, honest)
  const good = report({ product, honest, crowd, watch, before, during, streamed, rest, seconds })
  await crowd.close()
  await honest.close()
  return good
}

function died(product: Product): boolean {
  const { exitCode, signalCode } = product.process
  console.log(`FAILED the product ended by itself: ${exitCode ?? signalCode}`)
  console.log(product.output().split('\n').slice(-20).join('\n'))
  return false
}

/** What is left when every timer has run out and calls that nobody can end any more are ended. */
async function comeToRest(product: Product, honest: Load): Promise<readonly string[]> {
  await quiet(product, honest, REST_MS)
  const { items } = await product.api<CallList>('GET', '/calls')
  const waiting = items.filter(({ answeredAt }) => answeredAt === undefined)
  // Broken BYEs left them up; nobody was to end them before their session timers.
  for (const { id } of items) await product.api('DELETE', `/calls/${id}`)
  console.log(`left up               ${items.length - waiting.length} calls`)
  const left = await quiet(product, honest, HANGUP_MS)
  return [...waiting.map(({ id, state }) => `call ${id} still ${state}`), ...left]
}

async function quiet(
  product: Product,
  { calls, registrations }: Load,
  patience: number,
): Promise<readonly string[]> {
  const deadline = Date.now() + patience
  for (;;) {
    const left = restless(await Figures.of(product))
    if (left.length === 0 && calls.open + registrations.open === 0) return left
    if (Date.now() > deadline) return left
    await sleep(1_000)
  }
}

function tell(crowd: FuzzCrowd, { calls, registrations }: Load, { last }: Watch): void {
  const seconds = (performance.now() - began) / 1000
  const failed = calls.failed + registrations.failures.total
  console.log(
    [
      `${seconds.toFixed(0)} s`.padStart(7),
      `${crowd.sent} sent (${Math.round(crowd.sent / seconds)}/s)`,
      `pings ${crowd.pings}, lost ${crowd.lostPings}`,
      `honest: ${calls.done} calls, ${registrations.done} registrations, ${failed} failed, ` +
        `${calls.turnedAway + registrations.turnedAway} turned away`,
      last === undefined
        ? 'no figures yet'
        : `RSS ${last.resident.toFixed(0)} MiB, ${last.figures.get('calls')} calls, ` +
          `lag max ${last.lagMax.toFixed(0)} ms`,
    ].join(' | '),
  )
}

type Evidence = {
  readonly product: Product
  readonly honest: Load
  readonly crowd: FuzzCrowd
  readonly watch: Watch
  readonly before: Figures
  readonly during: Figures
  readonly streamed: StreamCounts
  readonly rest: readonly string[]
  readonly seconds: number
}

function report(evidence: Evidence): boolean {
  const { product, honest, watch, rest } = evidence
  const { calls, registrations } = honest
  const turnedAway = calls.turnedAway + registrations.turnedAway
  const { growth } = trend(watch.samples, ({ resident }) => resident)
  const early = watch.samples[Math.floor(watch.samples.length / 3)]?.resident ?? 0
  const now = residentMebibytes(product.process)
  const errors = product
    .output()
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line))
  reach(evidence)
  const short = watch.samples.length < 60
  const results = [
    [
      'honest phones',
      `${calls.done} calls, ${registrations.done} registrations, ${turnedAway} turned away`,
      [...calls.failures.lines(), ...registrations.failures.lines()],
      calls.failures.total + registrations.failures.total === 0 &&
        (values.shared || turnedAway === 0),
    ],
    ['at rest', 'no call, transaction, session or port is left', rest, rest.length === 0],
    [
      'RSS',
      `${early.toFixed(0)} MiB after a third, ${now.toFixed(0)} at rest, ` +
        `growth ${growth.toFixed(0)}${short ? ': too short to judge' : ''}`,
      [],
      short || growth < Math.max(GROWTH_MIB, early * GROWTH_SHARE),
    ],
    ['log', 'no error', errors.slice(0, 5), errors.length === 0],
  ] as const
  for (const [name, detail, bad, ok] of results)
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(14)} ${[detail, ...bad].join('\n  ')}`)
  return results.every(([, , , ok]) => ok)
}

/** How deep the strange messages got. */
function reach({ before, during, crowd, streamed, seconds }: Evidence): void {
  const since = (name: string): number => during.get(name) - before.get(name)
  const share = (part: number): string => `${part} (${((100 * part) / crowd.sent).toFixed(1)} %)`
  const rate = Math.round(crowd.sent / seconds)
  const lines: readonly (readonly [string, string])[] = [
    ['sent', `${crowd.sent} datagrams in ${seconds.toFixed(0)} s, ${rate}/s`],
    [
      'received',
      `${share(since('sip_datagrams_total received'))}, pings and honest ones among them`,
    ],
    ['kernel dropped', String(since('sip_datagrams_total kernelDropped'))],
    ['messages', `${share(since('sip_events_total received'))} read by the parser`],
    ['no message', share(since('sip_unread_total invalid'))],
    ['keep-alives', `${since('sip_datagrams_total keepAlives')}`],
    ['STUN', `${since('sip_datagrams_total stun')}`],
    ['invalid', `${share(since('sip_events_total invalid'))} refused before a transaction`],
    ['challenged', share(since('requests_turned_away_total challenged'))],
    ['refused', share(since('requests_turned_away_total refused'))],
    ['dropped', `${share(since('requests_turned_away_total dropped'))}, banned or of no domain`],
    ['calls', `${since('call_events_total began')} begun`],
    ['answered', `${since('call_events_total answered')} of them`],
    ['overload', `${since('sip_events_total overloaded')} refused by overload control`],
    ['streams', `${streamed.messages} messages on ${streamed.connections} connections`],
    ['cut short', `${streamed.refused} connections`],
  ]
  for (const [name, text] of lines) console.log(`${name.padEnd(21)} ${text}`)
}
