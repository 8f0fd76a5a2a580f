//! Random REGISTERs against a model that is a map: what the registrar answers, keeps in memory and
//! has in its store must agree with it. Commits come late, fail, and mix with timers.

import { expect, test } from 'vitest'
import { assert } from '../../../src/base/assert.ts'
import { seededRandom, type Random } from '../../../src/base/random.ts'
import { after, millis, seconds, wallTime, type Millis } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request, type SipResponse } from '../../../src/sip/message/message.ts'
import type { FlowId, Source } from '../../../src/sip/transaction/flow.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import { BlockTokens } from '../../../roles/call-manager/auth/block-token.ts'
import { aorOf, type Extension } from '../../../roles/call-manager/directory.ts'
import { BindingTable } from '../../../roles/call-manager/registrar/binding-table.ts'
import { TemporaryGruus } from '../../../roles/call-manager/registrar/gruu.ts'
import { DEFAULT_POLICY } from '../../../roles/call-manager/registrar/policy.ts'
import {
  Registrar,
  type CommitOutcome,
  type Input,
} from '../../../roles/call-manager/registrar/registrar.ts'

const SEEDS = 300
const STEPS = 200
const USERS = ['a', 'b', 'c']
const CONTACTS = 4
const CALLS = 3
const LIFETIME_MAX = 120_000

type Kept = { readonly callId: string; readonly cseq: number; readonly until: number }

/** One REGISTER as the model sees it: contact number and lifetime, `*`, or a fetch. */
type Asked = {
  readonly user: string
  readonly callId: string
  readonly cseq: number
  readonly wildcard: boolean
  readonly wishes: ReadonlyMap<number, number>
  readonly at: number
}

/** RFC 3261 §10.3 in a few lines. */
class Model {
  readonly users = new Map<string, Map<number, Kept>>(USERS.map((user) => [user, new Map()]))

  /** The status; 200 has taken effect. */
  register(asked: Asked, untils: ReadonlyMap<number, number>): number {
    const { user, callId, cseq, wildcard, wishes } = asked
    const mine = this.of(user)
    const touched = wildcard ? [...mine.keys()] : [...wishes.keys()]
    const isLate = ({ callId: made, cseq: last }: Kept): boolean => made === callId && cseq <= last
    if (touched.some((contact) => isLate(mine.get(contact) ?? NEVER))) return 500
    if (wildcard) mine.clear()
    for (const [contact, lifetime] of wishes) {
      if (lifetime === 0) mine.delete(contact)
      else mine.set(contact, { callId, cseq, until: untils.get(contact) ?? 0 })
    }
    return 200
  }

  expire(now: number): void {
    for (const mine of this.users.values())
      for (const [contact, { until }] of mine) if (until <= now) mine.delete(contact)
  }

  of(user: string): Map<number, Kept> {
    const mine = this.users.get(user)
    assert(mine !== undefined, 'a user of the model')
    return mine
  }
}

const NEVER: Kept = { callId: '', cseq: 0, until: 0 }

/** The binding table of a store: what the commands that were committed have made of it. */
class Stored {
  readonly rows = new Map<string, number>()

  apply(command: BindingCommand): void {
    if (command.kind === 'binding.bind') {
      for (const key of command.remove) this.rows.delete(`${command.aor} ${key}`)
      for (const row of command.put) this.rows.set(`${row.aor} ${row.key}`, row.expiresAt)
    } else if (command.kind === 'binding.refresh') {
      for (const { aor, key, expiresAt } of command.refreshed)
        if (this.rows.has(`${aor} ${key}`)) this.rows.set(`${aor} ${key}`, expiresAt)
      for (const { aor, key, expiresAt } of command.expired)
        if ((this.rows.get(`${aor} ${key}`) ?? Infinity) <= expiresAt)
          this.rows.delete(`${aor} ${key}`)
    }
  }
}

class World {
  readonly #random: Random
  readonly #model = new Model()
  readonly #stored = new Stored()
  readonly #table = new BindingTable({
    gruuOwner: () => undefined,
    aorOf: () => undefined,
  })
  readonly #registrar: Registrar
  readonly #asked = new Map<number, Asked>()
  /** Applied in the order of proposing; acknowledged in any. */
  readonly #proposed: { readonly aor: string; readonly outcome: CommitOutcome }[] = []
  readonly #told: { readonly telling: number; readonly isSaved: boolean }[] = []
  #isStoreWell = false
  #now: Millis = millis(0)
  #ticket = 0
  #waits = 0
  answers = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
    this.#registrar = new Registrar(this.#table, {
      policy: DEFAULT_POLICY,
      random: seededRandom(seed + 1),
      wallAt: (now) => wallTime(now),
      date: () => wallTime(this.#now),
      gruus: new TemporaryGruus(new BlockTokens(new Uint8Array(16))),
      isOpen: () => true,
    })
  }

  step(): void {
    const dice = this.#random.below(10)
    if (dice < 5) this.#register()
    else if (dice < 8) this.#commit()
    else this.#wait()
  }

  /** The store answers within ten seconds, or not at all: less than the shortest lifetime. */
  #wait(): void {
    if (this.#proposed.length === 0) return this.#advance(seconds(1 + this.#random.below(40)))
    if (++this.#waits % 3 === 0) while (this.#proposed.length > 0) this.#commit()
    this.#advance(seconds(1 + this.#random.below(3)))
  }

  /** Everything committed and told: memory, store and model are one. */
  settle(): void {
    this.#isStoreWell = true
    while (this.#proposed.length + this.#told.length > 0) this.#commit()
    this.#advance(DEFAULT_POLICY.refreshInterval)
    this.#advance(DEFAULT_POLICY.refreshInterval)
    this.#crash()
    const last = this.#registrar.drain(this.#now)
    if (last !== undefined) this.#stored.apply(last)
    for (const user of USERS) {
      const aor = aorOf(user, 'x.example')
      const kept = [...this.#model.of(user)]
      const wanted = kept.map(([contact, { until }]) => `${contactOf(contact)} ${until}`)
      const found = this.#table.bindings(aor).map(({ contact, expiresAt }) => {
        return `${contact} ${expiresAt}`
      })
      expect(found.toSorted()).toEqual(wanted.toSorted())
      const live = [...this.#stored.rows].filter(([, until]) => until > this.#now)
      const rows = live.filter(([key]) => key.startsWith(`${aor} `))
      const saved = rows.map(([key, until]) => `${key.slice(aor.length + 1)} ${until}`)
      expect(saved.toSorted()).toEqual(wanted.toSorted())
    }
    expect(this.#asked.size, 'every REGISTER was answered').toBe(0)
  }

  /** Who would come after us would know every binding, for as long as was promised or a little. */
  #crash(): void {
    for (const user of USERS)
      for (const [contact, { until }] of this.#model.of(user)) {
        const key = `${aorOf(user, 'x.example')} ${contactOf(contact)}`
        const saved = this.#stored.rows.get(key) ?? -Infinity
        expect(saved, `${key} until ${until}`).toBeGreaterThanOrEqual(until)
        expect(saved).toBeLessThanOrEqual(until + LIFETIME_MAX / 10)
      }
  }

  #register(): void {
    const user = USERS[this.#random.below(USERS.length)] ?? ''
    const wildcard = this.#random.chance(1, 12)
    const wishes = new Map<number, number>()
    for (let n = this.#random.below(3); n > 0 && !wildcard; n--)
      wishes.set(this.#random.below(CONTACTS), this.#random.chance(1, 4) ? 0 : this.#lifetime())
    const callId = `call-${this.#random.below(CALLS)}`
    // Mostly rising, at times late or repeated.
    const cseq = Math.max(1, this.#ticket - (this.#random.chance(1, 5) ? 20 : 0))
    const asked: Asked = { user, callId, cseq, wildcard, wishes, at: this.#now }
    this.#asked.set(++this.#ticket, asked)
    this.#input({ kind: 'register', ticket: this.#ticket, registration: registration(asked) })
  }

  #lifetime(): number {
    return LIFETIME_MAX - 1000 * this.#random.below(90)
  }

  /** Something that the store was given comes back. */
  #commit(): void {
    const told = this.#random.chance(1, 2) ? this.#told.shift() : undefined
    if (told !== undefined) this.#input({ kind: 'told', ...told })
    const next = this.#proposed.splice(this.#random.below(this.#proposed.length || 1), 1)[0]
    if (next !== undefined) this.#input({ kind: 'committed', ...next })
  }

  #advance(by: Millis): void {
    const until = after(this.#now, by)
    for (;;) {
      const due = this.#registrar.deadline()
      if (due === undefined || due > until) break
      this.#now = due
      this.#model.expire(due)
      this.#input({ kind: 'wake' })
      const left = this.#registrar.deadline()
      assert(left === undefined || left > due, 'a deadline that fired was left armed')
    }
    this.#now = until
    this.#model.expire(until)
  }

  #input(input: Input): void {
    for (const output of this.#registrar.step(input, this.#now)) {
      if (output.kind === 'propose') this.#onPropose(output.aor, output.command)
      else if (output.kind === 'tell') this.#onTell(output.telling, output.command)
      else this.#onAnswer(output.ticket, output.response)
    }
  }

  #onPropose(aor: string, command: BindingCommand): void {
    const outcome = this.#random.chance(1, 6) ? 'busy' : 'ok'
    if (outcome === 'ok') this.#stored.apply(command)
    this.#proposed.push({ aor, outcome })
  }

  /** What is said not to be saved may be. */
  #onTell(telling: number, command: BindingCommand): void {
    const isSaved = this.#isStoreWell || !this.#random.chance(1, 3)
    if (isSaved || this.#random.chance(1, 2)) this.#stored.apply(command)
    this.#told.push({ telling, isSaved })
  }

  /** Answers come in the order in which things took effect, so the model follows them. */
  #onAnswer(ticket: number, response: SipResponse): void {
    const asked = this.#asked.get(ticket)
    assert(asked !== undefined, 'answered once')
    this.#asked.delete(ticket)
    this.answers++
    if (response.status === 503) return
    const untils = new Map<number, number>()
    for (const text of response.headers.all('contact')) {
      const [, port, left] = /:(\d+)>;expires=(\d+)/.exec(text) ?? []
      untils.set(Number(port) - 5060, this.#now + Number(left) * 1000)
    }
    expect(response.status).toBe(this.#model.register(asked, untils))
    if (response.status !== 200) return
    expect(new Set(untils.keys())).toEqual(new Set(this.#model.of(asked.user).keys()))
    for (const [contact, lifetime] of asked.wishes) {
      const began = (untils.get(contact) ?? this.#now) - lifetime
      if (lifetime === 0) continue
      expect(began, 'a lifetime begins while it is asked for').toBeGreaterThanOrEqual(asked.at)
      expect(began).toBeLessThanOrEqual(this.#now)
    }
  }
}

function contactOf(number: number): string {
  return `sip:phone@10.0.0.1:${5060 + number}`
}

function registration({ user, callId, cseq, wildcard, wishes }: Asked) {
  const aor = aorOf(user, 'x.example')
  const headers = Headers.of([
    ['via', 'SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1'],
    ['to', `<${aor}>`],
    ['from', `<${aor}>;tag=1`],
    ['call-id', callId],
    ['cseq', `${cseq} REGISTER`],
  ])
  if (wildcard) headers.add('contact', '*').add('expires', '0')
  for (const [contact, lifetime] of wishes)
    headers.add('contact', `<${contactOf(contact)}>;expires=${lifetime / 1000}`)
  const flow = 'udp:1' as FlowId
  const local = { localAddress: '10.0.0.100', localPort: 5060 }
  const source: Source = { flow, transport: 'udp', address: '10.0.0.1', port: 5060, ...local }
  const tenant = 't' as TenantId
  const named = { tenant, user, displayName: user, domain: 'x.example', aor, enabled: true }
  const extension: Extension = named
  const message = request('REGISTER', 'sip:x.example', headers)
  return { request: message, source, extension, callId, cseq }
}

test(`${SEEDS} seeds of ${STEPS} steps agree with the model`, () => {
  let answers = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const world = new World(seed)
    try {
      for (let n = 0; n < STEPS; n++) world.step()
      world.settle()
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error })
    }
    answers += world.answers
  }
  expect(answers).toBeGreaterThan(SEEDS * STEPS * 0.4)
})
