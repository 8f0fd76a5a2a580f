//! The product under calls and registrations, killed at some moment, and started again on the same
//! data: what somebody was told is done must be there.
//!
//! What is promised: a binding is committed before its 200; the snapshot of a call before the
//! caller's 200; a record comes after the BYE's 200, so it is acknowledged when the API shows it.
//! A call that was answered and has no record yet gets one from the next start.

import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Random } from '../../src/base/random.ts'
import type { CdrPage, CdrView, RegistrationPage } from '../../src/console/api/shapes.ts'
import { ReadConnection } from '../../src/store/database.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { type Load, startLoad } from '../soak/load.ts'
import { Figures, restless } from '../soak/metrics.ts'
import { Tally } from '../soak/tally.ts'

export type KillOptions = {
  readonly data: string
  readonly random: Random
  /** Of the product; not the SIP port. */
  readonly args: readonly string[]
  readonly executable?: string | undefined
}

export type Round = {
  /** Milliseconds of load before the kill. */
  readonly after: number
  readonly bindings: number
  readonly departures: number
  readonly seenRecords: number
  readonly answeredCalls: number
  /** Calls that the next start had to end. */
  readonly endedByRestart: number
  readonly wrong: Tally
}

const DOMAIN = 'pbx.lab'
const LOAD = { calls: 12, registrations: 500, phones: 2_000, soundEvery: 0 }
const HOLD = { min: 200, max: 1_500 }
const POLL_MS = 100
const LAST_WORDS_MS = 100
const SETTLED_MS = 10_000
/** Twice 64*T1, with room: a phone that is gone answers no BYE. */
const REST_MS = 75_000

/** A product that is killed again and again. */
export class Victim {
  #product: Product
  #rounds = 0
  readonly #options: KillOptions

  private constructor(options: KillOptions, product: Product) {
    this.#options = options
    this.#product = product
  }

  static async start(given: KillOptions): Promise<Victim> {
    const sipPort = await freePort(given.random)
    const options = { ...given, args: [...given.args, '--sip-port', String(sipPort)] }
    return new Victim(options, await started(options))
  }

  async round(): Promise<Round> {
    const { random } = this.#options
    const isProvisioned = this.#rounds++ > 0
    const capacity = 10_000
    const seed = random.below(1 << 30)
    const given = { domain: DOMAIN, seed, capacity, hold: HOLD, isProvisioned, ...LOAD }
    const load = await startLoad(this.#product, given)
    const after = 200 + random.below(2_500)
    const poller = new RecordPoller(this.#product)
    try {
      await sleep(after)
      await this.#product.kill()
      load.stop()
      const records = await poller.stop()
      // What was on its way when it died still counts.
      await sleep(LAST_WORDS_MS)
      const known = { records, ...load.registrations.acknowledged() }
      const answered = [...load.calls.ledger.answeredCalls()]
      this.#product = await started(this.#options)
      const wrong = new Tally()
      await checkBindings(this.#product, load, known, wrong)
      const endedByRestart = await checkRecords(this.#product, load, { records, answered }, wrong)
      return {
        after,
        bindings: known.bound.length,
        departures: known.gone.length,
        seenRecords: records.size,
        answeredCalls: answered.length,
        endedByRestart,
        wrong,
      }
    } finally {
      await load.close()
    }
  }

  /** What still lives when every timer must have run out. */
  async left(): Promise<readonly string[]> {
    const deadline = Date.now() + REST_MS
    for (;;) {
      const left = restless(await Figures.of(this.#product))
      if (left.length === 0 || Date.now() > deadline) return left
      await sleep(500)
    }
  }

  stop(): Promise<number> {
    return this.#product.stop()
  }
}

function started({ data, args, executable }: KillOptions): Promise<Product> {
  const all = ['--domain', DOMAIN, '--log-level', 'warn', ...args]
  return startProduct({ data, args: all, ...(executable === undefined ? {} : { executable }) })
}

/** The same at every start, as phones expect; below what RTP and the system's own choices use. */
async function freePort(random: Random): Promise<number> {
  for (;;) {
    const port = 20_000 + random.below(10_000)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (!isFree) continue
    await new Promise((resolve) => server.close(resolve))
    return port
  }
}

/** Asks for the newest records all the time: what it has seen once must never be gone. */
class RecordPoller {
  readonly #records = new Map<string, CdrView>()
  readonly #done: Promise<void>
  #stopped = false

  constructor(product: Product) {
    this.#done = this.#run(product)
  }

  async stop(): Promise<ReadonlyMap<string, CdrView>> {
    this.#stopped = true
    await this.#done
    return this.#records
  }

  async #run(product: Product): Promise<void> {
    while (!this.#stopped) {
      try {
        const { items } = await product.api<CdrPage>('GET', '/cdrs?limit=200')
        for (const cdr of items) this.#records.set(cdr.call, cdr)
      } catch {
        // It is being killed: whether that is all that is wrong, the next start shows.
        if (product.process.signalCode !== null) return
      }
      await sleep(POLL_MS)
    }
  }
}

async function checkBindings(
  product: Product,
  { registrations }: Load,
  known: { readonly bound: readonly number[]; readonly gone: readonly number[] },
  wrong: Tally,
): Promise<void> {
  const present = new Set<string>()
  for (let after: string | undefined = ''; after !== undefined;) {
    const path: string = `/registrations?limit=1000&after=${encodeURIComponent(after)}`
    const page: RegistrationPage = await product.api('GET', path)
    for (const { contacts } of page.items) for (const { uri } of contacts) present.add(uri)
    after = page.next
  }
  for (const user of known.bound)
    if (!present.has(registrations.contactOf(user))) wrong.add('lost binding', `u${user}`)
  for (const user of known.gone)
    if (present.has(registrations.contactOf(user))) wrong.add('binding came back', `u${user}`)
}

/** How many calls the restart has ended. */
async function checkRecords(
  product: Product,
  { calls }: Load,
  known: {
    readonly records: ReadonlyMap<string, CdrView>
    readonly answered: readonly number[]
  },
  wrong: Tally,
): Promise<number> {
  const deadline = Date.now() + SETTLED_MS
  while ((await unwritten(product)) > 0 && Date.now() < deadline) await sleep(100)
  const { items } = await product.api<CdrPage>('GET', '/cdrs?limit=1000')
  const shown = new Map(items.map((cdr) => [cdr.call, cdr]))
  for (const [call, before] of known.records) {
    const now = shown.get(call)
    // Of earlier rounds there are more than a page holds.
    if (now === undefined && items.length === 1000) continue
    if (now === undefined) wrong.add('record is gone from the API', call)
    else if (JSON.stringify(now) !== JSON.stringify(before)) wrong.add('record changed', call)
  }
  return inDatabase(product, (db) => {
    const sound = db.get('PRAGMA integrity_check')?.['integrity_check']
    if (sound !== 'ok') wrong.add(`integrity_check says ${String(sound)}`, product.data)
    const saved = Number(db.get(SAVED)?.['n'])
    if (saved !== 0) wrong.add('snapshots are left', String(saved))
    const count = 'SELECT count(*) AS n FROM cdrs WHERE call = ?'
    for (const call of known.records.keys())
      if (db.get(count, call)?.['n'] !== 1) wrong.add('record is gone', call)
    const ofCall = new Map<string, number>()
    for (const row of db.each('SELECT caller_sip_call_id AS id FROM cdrs')) {
      const id = String(row['id'])
      ofCall.set(id, (ofCall.get(id) ?? 0) + 1)
      if (ofCall.get(id) === 2) wrong.add('double record', id)
    }
    for (const serial of known.answered) {
      const id = calls.ledger.callId(serial)
      if (!ofCall.has(id)) wrong.add('answered call without a record', id)
    }
    const like = `%.${calls.ledger.run}`
    const ended = `SELECT count(*) AS n FROM cdrs
      WHERE caller_sip_call_id LIKE ? AND cause = 'system restarted'`
    return Number(db.get(ended, like)?.['n'])
  })
}

/** Calls of before without their record: still in the tables, or on their way there. */
async function unwritten(product: Product): Promise<number> {
  const waiting = (await Figures.of(product)).get('cdrs_waiting')
  return inDatabase(product, (db) => waiting + Number(db.get(SAVED)?.['n']))
}

const SAVED = 'SELECT count(*) AS n FROM calls'

function inDatabase<T>(product: Product, look: (db: ReadConnection) => T): T {
  const db = ReadConnection.open(join(product.data, 'pbx.db'), { addon: undefined })
  try {
    return look(db)
  } finally {
    db.close()
  }
}
