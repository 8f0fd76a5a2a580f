//! The registrar's host on a real store: what outlives a restart, and what does not.

import { expect, test } from 'vitest'
import { err } from '../../../src/base/result.ts'
import { millis, wallTime } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import type { Host } from '../../../src/base/host.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import { bindingsOf } from '../../../src/store/schema/binding.ts'
import type { Store } from '../../../src/store/store.ts'
import { newHome } from '../../store/home.ts'
import { realHost } from '../../store/host.ts'
import { RegistrarWorld, sourceOf, withCredentials } from './registrar-world.ts'

const DOMAIN = 'x.example'
const AOR = `sip:alice@${DOMAIN}`
const ALICE = { user: 'alice', password: 'wonder' }

/** A clock of its own origin, as another process has. */
function hostAt(origin: number, ahead = 0): Host {
  const host = realHost()
  return {
    ...host,
    now: () => millis(host.now() + origin),
    wall: () => wallTime(host.wall() + ahead),
    wake: (at, run) => host.wake(millis(at - origin), run),
  }
}

function register(source: Source, cseq: number, contact: string): string {
  const lines = [
    `REGISTER sip:${DOMAIN} SIP/2.0`,
    `Via: SIP/2.0/UDP ${source.address}:${source.port};branch=z9hG4bK${cseq}`,
    'Max-Forwards: 70',
    `From: <${AOR}>;tag=1`,
    `To: <${AOR}>`,
    'Call-ID: c1',
    `CSeq: ${cseq} REGISTER`,
    `Contact: ${contact}`,
    'Content-Length: 0',
  ]
  return `${lines.join('\r\n')}\r\n\r\n`
}

async function login(world: RegistrarWorld, source: Source, cseq: number, contact: string) {
  const text = register(source, cseq, contact)
  const challenged = await world.receive(text, source)
  return world.receive(withCredentials(text, challenged, ALICE), source)
}

const udp = sourceOf('udp', '10.0.0.1', 5060)
const wss = sourceOf('wss', '10.0.0.2', 50505)

test('a restart brings the bindings back, with what is left of their time', async () => {
  const home = newHome()
  const first = await RegistrarWorld.open(home, hostAt(5_000))
  await first.tenant(DOMAIN, ALICE)
  expect((await login(first, udp, 1, '<sip:alice@10.0.0.1:5060>;expires=300'))?.status).toBe(200)
  await login(first, wss, 3, '<sip:alice@df.invalid;transport=ws>;expires=60;q=0.5')
  await first.stop()

  const second = await RegistrarWorld.open(home, hostAt(700_000))
  const { location } = second.registrar
  const [phone, browser] = location.bindings(AOR).toSorted((a, b) => b.q - a.q)
  expect(phone?.target).toEqual({ transport: 'udp', host: '10.0.0.1', port: 5060 })
  const left = (phone?.expiresAt ?? 0) - second.host.now()
  expect(left).toBeGreaterThan(290_000)
  expect(left).toBeLessThanOrEqual(300_000)
  // Its connection died with the process; it has to come again.
  expect(browser?.reachable).toBe(false)
  expect(location.lookup(AOR)).toEqual([phone])
  // A refresh after the restart is still in order of its CSeq.
  expect((await login(second, udp, 1, '<sip:alice@10.0.0.1:5060>'))?.status).toBe(500)
  expect((await login(second, udp, 5, '<sip:alice@10.0.0.1:5060>'))?.status).toBe(200)
  await second.stop()
})

const HOUR = 3_600_000

test('what ran out an hour ago while nobody was there does not come back', async () => {
  const home = newHome()
  const first = await RegistrarWorld.open(home)
  await first.tenant(DOMAIN, ALICE)
  await login(first, udp, 1, '<sip:alice@10.0.0.1:5060>;expires=300')
  await first.stop()
  const second = await RegistrarWorld.open(home, hostAt(0, HOUR + 301_000))
  expect(second.registrar.location.size).toBe(0)
  await second.store.readLinearizable(() => undefined)
  expect(second.store.read((db) => bindingsOf(db, AOR))).toEqual([])
  await second.stop()
})

test.each([
  ['a minute and a half ahead', 90_000, 0, HOUR],
  ['an hour ahead', HOUR, 0, HOUR],
  ['an hour behind', -HOUR, 0, HOUR + 60_000],
  ['fifty years behind', -50 * 365 * 24 * HOUR, 0, 1.1 * 2 * HOUR],
])('a clock that is %s costs no phone its binding', async (_, ahead, least, most) => {
  const home = newHome()
  const first = await RegistrarWorld.open(home)
  await first.tenant(DOMAIN, ALICE)
  await login(first, udp, 1, '<sip:alice@10.0.0.1:5060>;expires=60')
  await first.stop()
  const second = await RegistrarWorld.open(home, hostAt(0, ahead))
  const { location } = second.registrar
  expect(location.lookup(AOR).length).toBe(1)
  const left = (location.bindings(AOR)[0]?.expiresAt ?? 0) - second.host.now()
  expect(left).toBeGreaterThan(least)
  expect(left).toBeLessThanOrEqual(most)
  await second.store.readLinearizable(() => undefined)
  expect(second.store.read((db) => bindingsOf(db, AOR)).length).toBe(1)
  // What it says next is stored by the clock that is here.
  expect((await login(second, udp, 5, '<sip:alice@10.0.0.1:5060>;expires=600'))?.status).toBe(200)
  await second.stop()
  const third = await RegistrarWorld.open(home, hostAt(0, ahead))
  const again = (third.registrar.location.bindings(AOR)[0]?.expiresAt ?? 0) - third.host.now()
  expect(again).toBeGreaterThan(590_000)
  expect(again).toBeLessThanOrEqual(600_000)
  await third.stop()
})

test('refreshes of the last second are handed over when it stops', async () => {
  const home = newHome()
  const world = await RegistrarWorld.open(home)
  await world.tenant(DOMAIN, ALICE)
  await login(world, udp, 1, '<sip:alice@10.0.0.1:5060>;expires=60')
  await login(world, udp, 3, '<sip:alice@10.0.0.1:5060>;expires=6000')
  const kept = world.store.read((db) => bindingsOf(db, AOR))[0]?.expiresAt ?? 0
  await world.stop()
  const again = await RegistrarWorld.open(home)
  const saved = again.store.read((db) => bindingsOf(db, AOR))[0]?.expiresAt ?? 0
  expect(saved - kept).toBeGreaterThan(5_900_000)
  await again.stop()
})

test('refreshes that the store could not take are told again', async () => {
  let ahead = 0
  const wakes: (() => void)[] = []
  const real = realHost()
  const wake: Host['wake'] = (_, run) => {
    wakes.push(run)
    return () => wakes.splice(wakes.indexOf(run), 1)
  }
  const host: Host = { ...real, now: () => millis(real.now() + ahead), wake, log: () => undefined }
  let isOverloaded = true
  const refuse = (store: Store): Store => ({
    propose: async (command) => {
      if (command.kind !== 'binding.refresh' || !isOverloaded) return store.propose(command)
      isOverloaded = false
      return err({ kind: 'overloaded' })
    },
    read: (query) => store.read(query),
    readLinearizable: (query) => store.readLinearizable(query),
    applied: (listener) => store.applied(listener),
    close: () => store.close(),
  })
  const world = await RegistrarWorld.open(newHome(), host, refuse)
  await world.tenant(DOMAIN, ALICE)
  await login(world, udp, 1, '<sip:alice@10.0.0.1:5060>;expires=60')
  await login(world, udp, 3, '<sip:alice@10.0.0.1:5060>;expires=6000')
  const stored = (): number => world.store.read((db) => bindingsOf(db, AOR))[0]?.expiresAt ?? 0
  const before = stored()
  for (const kept of [before, expect.any(Number)]) {
    ahead += 1_001
    for (const run of wakes.splice(0)) run()
    await world.store.readLinearizable(() => undefined)
    expect(stored()).toEqual(kept)
  }
  expect(isOverloaded).toBe(false)
  expect(stored() - before).toBeGreaterThan(5_900_000)
  await world.stop()
})

test('an extension that is removed or disabled loses its devices, here and on disk', async () => {
  const world = await RegistrarWorld.open()
  await world.tenant(DOMAIN, ALICE)
  const tenant = DOMAIN as TenantId
  await login(world, udp, 1, '<sip:alice@10.0.0.1:5060>')
  const named = { tenant, user: 'alice', displayName: 'Alice', at: wallTime(2) }
  const secret = undefined
  await world.store.propose({ kind: 'extension.put', ...named, enabled: false, secret })
  expect(world.registrar.location.size).toBe(0)
  expect((await login(world, udp, 3, '<sip:alice@10.0.0.1:5060>'))?.status).toBe(401)
  await world.store.propose({ kind: 'extension.put', ...named, enabled: true, secret })
  expect((await login(world, udp, 5, '<sip:alice@10.0.0.1:5060>'))?.status).toBe(200)
  await world.store.propose({ kind: 'extension.remove', tenant, user: 'alice' })
  expect(world.registrar.location.size).toBe(0)
  expect(world.store.read((db) => bindingsOf(db, AOR))).toEqual([])
  await world.stop()
})

test('a flow that closes takes the way to a browser with it', async () => {
  const world = await RegistrarWorld.open()
  await world.tenant(DOMAIN, ALICE)
  await login(world, wss, 1, '<sip:alice@df.invalid;transport=ws>')
  expect(world.registrar.location.lookup(AOR).length).toBe(1)
  world.closeFlow(wss.flow)
  expect(world.registrar.location.lookup(AOR)).toEqual([])
  expect(world.registrar.location.bindings(AOR).length).toBe(1)
  await world.stop()
})
