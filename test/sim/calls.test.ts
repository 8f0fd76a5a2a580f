//! Thousands of calls by people with phones, over a bad network, through the whole call-manager
//! role: real stacks, registrar, media engine and store tables. First everybody does as they like
//! (safety), then the network heals and everybody hangs up (liveness): nothing may be left, and
//! every call has exactly one record. `SEEDS=n` runs n worlds, `SEED=s` begins with s.

import { expect, test } from 'vitest'
import { millis } from '../../src/base/time.ts'
import { countCdrs } from '../../src/store/schema/cdr.ts'
import { savedCalls } from '../../src/store/schema/call.ts'
import type { SipMessage } from '../../src/sip/message/message.ts'
import { ScriptedPhone } from '../harness/phone.ts'
import { pass } from '../harness/settle.ts'
import { SimNetwork, type Faults } from '../harness/sim-network.ts'
import { DOMAIN, SimPbx } from '../harness/sim-pbx.ts'
import { World } from '../harness/world.ts'
import { dial, habitsOf, type Habits } from './call-habits.ts'
import { Deaths } from './deaths.ts'
import { Duties } from './duties.ts'
import { Heard } from './heard.ts'

const SEEDS = Number(process.env['SEEDS'] ?? 60)
const FIRST = Number(process.env['SEED'] ?? 1)
const CALLS = 40
const BUSY = millis(60_000)
/** Long enough for every ringing to end, and for who died to be missed. */
const REST = millis(150_000)
/** Longer than any timer of RFC 3261, and than the silence after which a phone is asked. */
const END = millis(260_000)

const NO_FAULTS: Faults = {
  lossPercent: 0,
  duplicatePercent: 0,
  delayMin: millis(1),
  delayMax: millis(1),
}

const USERS = ['alice', 'bob', 'carol', 'dave', 'erin', 'frank']
const DEVICES = [...USERS, 'bob/mobile', 'carol/home']

type Run = {
  readonly deaths: Deaths
  readonly world: World
  readonly pbx: SimPbx
  readonly duties: Duties
  readonly phones: readonly ScriptedPhone[]
  readonly habits: readonly Habits[]
  readonly dead: ReadonlySet<ScriptedPhone>
  readonly heard: ReadonlySet<string>
}

async function run(seed: number): Promise<Run> {
  const world = new World(seed)
  const network = new SimNetwork(world)
  const duties = new Duties(world, { answersCopies: true })
  const heard = new Heard(world)
  const pbx = await SimPbx.open({
    network,
    address: '10.0.0.1',
    delay: millis(1 + world.random.below(40)),
    // Without media a dead phone is only missed when it is asked: after half of this, in seconds.
    config: { anchor: world.random.chance(3, 4), sessionExpires: 160 },
    onMessage: (direction, _peer, message) => {
      trace(world, direction, message)
      heard.onMessage(direction, message)
      deaths.onMessage(direction, message)
      // Several devices ring in one transaction, and reliable ones are repeated (RFC 3262 §3).
      // A challenge is forgotten with Timer H, and given again to an INVITE that comes later.
      if (message.kind === 'response' && (message.status < 200 || message.status === 407)) return
      // A process does not know what the one before it sent.
      duties.onMessage(`pbx${deaths.count}`, direction, message)
    },
  })
  const deaths = new Deaths(world, pbx)
  for (const user of USERS) pbx.extension(user, `pw-${user}`)
  const phones = DEVICES.map((name, index) => phoneOf(pbx, network, name, index))
  const targets = [...USERS, ...USERS, 'nobody', '*43', '*44'].map(
    (user) => `sip:${user}@${DOMAIN}`,
  )
  const office = { world, targets, phones }
  const habits = phones.map((phone) => habitsOf(office, phone))
  for (const [index, phone] of phones.entries()) {
    phone.register(7_200)
    const own = habits[index]
    if (own !== undefined) phone.habits = own
  }
  await pass(world, millis(2_000))
  network.faults = faultsOf(world)
  const dead = beBusy(world, phones, habits)
  troubleTheStore(world, pbx)
  deaths.plan(phones, BUSY)
  await pass(world, BUSY)
  network.faults = NO_FAULTS
  for (const each of habits) each.rest()
  await pass(world, REST)
  const run = { world, pbx, deaths, duties, phones, habits, dead, heard: heard.callIds }
  checkAgreement(seed, run)
  for (const [index, each] of habits.entries()) {
    const phone = phones[index]
    if (phone !== undefined && !dead.has(phone)) each.retire()
  }
  await pass(world, END)
  duties.settle()
  return run
}

/** `TRACE=text` prints the messages whose dialog has that text in a tag or the Call-ID. */
function trace(world: World, direction: 'in' | 'out', message: SipMessage): void {
  const { headers } = message
  const wanted = process.env['TRACE']
  const names = ['call-id', 'from', 'to', 'cseq'].map((name) => headers.get(name) ?? '')
  if (wanted === undefined || !names.some((value) => value.includes(wanted))) return
  const what = message.kind === 'request' ? `${message.method} ${message.uri}` : message.status
  console.log(`${Math.round(world.now)} ${direction} ${what} ${names.join(' | ')}`)
}

function phoneOf(pbx: SimPbx, network: SimNetwork, name: string, index: number): ScriptedPhone {
  const { random } = network.world
  const [user = name] = name.split('/')
  const transport = random.chance(1, 4) ? 'tcp' : 'udp'
  return new ScriptedPhone({
    world: network.world,
    endpoint: network.endpoint(`10.0.0.${2 + index}`),
    server: pbx.endpoint.target(transport),
    name,
    user,
    domain: DOMAIN,
    password: `pw-${user}`,
    transport,
    supported: random.chance(1, 3) ? ['100rel'] : [],
    allowsUpdate: random.chance(1, 2),
  })
}

/** Calls at random moments; now and then a phone dies and is heard of no more. */
function beBusy(
  world: World,
  phones: readonly ScriptedPhone[],
  habits: readonly Habits[],
): ReadonlySet<ScriptedPhone> {
  const dead = new Set<ScriptedPhone>()
  for (let index = 0; index < CALLS; index++) {
    const who = world.random.below(phones.length)
    const own = habits[who]
    if (own !== undefined) world.in(millis(world.random.below(BUSY - 10_000)), () => dial(own))
  }
  const victim = phones[world.random.below(phones.length)]
  if (victim !== undefined && world.random.chance(1, 3))
    world.in(millis(world.random.below(BUSY)), () => {
      dead.add(victim)
      victim.die()
    })
  return dead
}

/** In one world of four nothing can be committed for some seconds. */
function troubleTheStore(world: World, { store }: SimPbx): void {
  if (!world.random.chance(1, 4)) return
  const begin = world.random.below(BUSY - 10_000)
  world.in(millis(begin), () => {
    store.fails = true
  })
  world.in(millis(begin + 500 + world.random.below(8_000)), () => {
    store.fails = false
  })
}

function faultsOf({ random }: World): Faults {
  if (random.chance(1, 4)) return NO_FAULTS
  return {
    lossPercent: random.below(25),
    duplicatePercent: random.below(15),
    delayMin: millis(1),
    delayMax: millis(1 + random.below(random.chance(1, 4) ? 1_500 : 80)),
  }
}

/** Everybody is quiet, and the network is good: both sides of every call see the same. */
function checkAgreement(seed: number, { world, pbx, deaths, phones, dead, heard }: Run): void {
  const calls = pbx.role.calls()
  const who = [...dead].map((phone) => phone.options.name).join()
  const note = `seed ${seed}, dead: ${who}\n${world.tail()}`
  for (const { state } of calls) expect(['up', 'held'], note).toContain(state)
  const known = new Set(calls.flatMap(({ sipCallIds }) => sipCallIds))
  const up = new Set<string>()
  for (const phone of phones)
    for (const call of dead.has(phone) ? [] : phone.calls)
      // Unheard of: it rings, and we have given it up.
      if (call.isLive && (call.state !== 'incoming' || heard.has(call.id))) {
        if (deaths.unaware.has(call.id)) continue
        up.add(call.id)
        const what = `${phone.options.name} ${call.state} alone, ${call.id}, ${note}`
        expect(known.has(call.id), what).toBe(true)
      }
  // Who holds is silent, and so is who died on hold: that one is only missed after minutes.
  for (const call of calls.filter(({ state }) => state === 'up'))
    expect(
      call.sipCallIds.some((id) => up.has(id)),
      `a call of nobody, ${JSON.stringify(call)}, ${note}`,
    ).toBe(true)
  for (const [media, peer] of pbx.media.sessions)
    if (peer !== undefined)
      expect(pbx.media.areConnected(media, peer), `${media} hears ${peer} alone, ${note}`).toBe(
        true,
      )
}

function check(seed: number, { world, pbx, deaths, duties, phones, dead }: Run): void {
  const note = `seed ${seed}\n${duties.problems.join('\n')}\n${world.tail()}`
  expect(duties.problems, note).toEqual([])
  const { calls, cdrsWaiting } = pbx.role.counters()
  const { clients, servers, attempts } = pbx.stack.size
  const left = {
    calls,
    cdrsWaiting,
    bugs: deaths.counted('bugs') + deaths.stackBugs,
    media: pbx.media.sessions.size,
    saved: pbx.store.read(savedCalls).length,
    clients,
    servers,
    attempts,
  }
  expect(left, note).toEqual({
    calls: 0,
    cdrsWaiting: 0,
    bugs: 0,
    media: 0,
    saved: 0,
    clients: 0,
    servers: 0,
    attempts: 0,
  })
  const records = pbx.store.read(countCdrs)
  expect(records, `seed ${seed}: records of calls that were committed`).toBe(deaths.accepted)
  // A process that is killed takes those with it that nobody knows of yet.
  const began = deaths.counted('began')
  if (deaths.count === 0) expect(records, `seed ${seed}: records of ${began} calls`).toBe(began)
  for (const phone of phones)
    for (const each of phone.calls)
      if (!dead.has(phone))
        expect(each.state, `seed ${seed}: a call of ${phone.options.name} hangs`).toBe('ended')
}

test(`calls over a bad network, ${SEEDS} seeds`, { timeout: 600_000 }, async () => {
  const done = new Map<string, number>()
  let began = 0
  let deaths = 0
  for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
    const result = await run(seed)
    check(seed, result)
    began += result.deaths.counted('began')
    deaths += result.deaths.count
    for (const { done: deeds } of result.habits)
      for (const [what, count] of deeds) done.set(what, (done.get(what) ?? 0) + count)
    result.pbx.role.stop()
  }
  if (SEEDS < 30) return
  expect(began).toBeGreaterThan(SEEDS * 15)
  expect(deaths).toBeGreaterThan(SEEDS / 4)
  // A simulation that never gets there checks nothing.
  const wanted = ['transfers blindly', 'transfers attended', 'offers by INVITE', 'offers by UPDATE']
  const taken = ['takes over up', 'takes over ringing']
  for (const what of [...wanted, ...taken, 'rejects 302', 'rejects 486', 'ignores', 'incoming up'])
    expect(done.get(what), what).toBeGreaterThan(0)
})

test('the same seed gives the same calls', async () => {
  const first = (await run(7)).world.digest()
  expect((await run(7)).world.digest()).toBe(first)
  expect((await run(8)).world.digest()).not.toBe(first)
})
