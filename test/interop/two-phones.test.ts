//! Two real phones register, call each other, and what each hears of the other's 1017 Hz is
//! measured: level, frequency, gaps, slips.

import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { CdrPage, ExtensionSecret, RegistrationPage } from '../../src/console/api/shapes.ts'
import { Baresip, type PhoneOptions } from '../harness/baresip.ts'
import { type Product, startProduct } from '../harness/product.ts'
import { measureTone } from '../harness/sound.ts'
import { readWav } from '../harness/wav.ts'

const DOMAIN = 'pbx.example'
const TALK_MS = 4_000

let product: Product
const passwords = new Map<string, string>()
const phones: Baresip[] = []

beforeAll(async () => {
  product = await startProduct()
  for (const user of ['2001', '2002']) {
    const made = await product.api<ExtensionSecret>('POST', '/extensions', { extension: user })
    passwords.set(user, made.password)
  }
})
afterAll(async () => {
  expect(await product.stop(), product.output()).toBe(0)
})
afterEach(async () => {
  for (const each of phones.splice(0)) {
    await each.stop()
    each.remove()
  }
})

async function phone(user: string, more: Partial<PhoneOptions> = {}): Promise<Baresip> {
  const transport = more.transport ?? 'udp'
  const started = await Baresip.start({
    user,
    password: passwords.get(user) ?? '',
    domain: DOMAIN,
    server: `127.0.0.1:${product.ports[transport]}`,
    ...more,
  })
  phones.push(started)
  return started
}

function expectTone(path: string | undefined): void {
  if (path === undefined) throw new Error('the phone recorded nothing')
  const { rate, samples } = readWav(path)
  const heard = measureTone(samples, rate, 1017)
  expect(heard.heardMs).toBeGreaterThan(TALK_MS * 0.8)
  expect(Math.abs(heard.frequency - 1017)).toBeLessThan(2)
  expect(heard.level).toBeGreaterThan(-20)
  expect(heard.gapMs).toBeLessThanOrEqual(60)
  expect(heard.slips).toBeLessThanOrEqual(3)
}

test.each([
  { codecs: 'pcmu', transport: 'udp' },
  { codecs: 'pcma', transport: 'tcp' },
  { codecs: 'g722', transport: 'tls' },
  { codecs: 'opus', transport: 'udp' },
] as const)('a call over $transport in $codecs, heard both ways', async (options) => {
  const caller = await phone('2001', options)
  const callee = await phone('2002', options)
  caller.dial('2002')
  await callee.event('CALL_INCOMING')
  await caller.event('CALL_RINGING')
  callee.accept()
  await Promise.all([caller.event('CALL_ESTABLISHED'), callee.event('CALL_ESTABLISHED')])
  await sleep(TALK_MS)
  caller.hangup()
  await callee.event('CALL_CLOSED')
  await Promise.all([caller.stop(), callee.stop()])
  expectTone(caller.heard().at(-1))
  expectTone(callee.heard().at(-1))
  const { items } = await product.api<CdrPage>('GET', '/cdrs?limit=1')
  expect(items[0]).toMatchObject({
    caller: `sip:2001@${DOMAIN}`,
    callee: `sip:2002@${DOMAIN}`,
    status: 200,
    endedBy: 'caller',
  })
})

test('a phone hears itself at the echo test *43', async () => {
  const caller = await phone('2001', { codecs: 'pcmu' })
  caller.dial('*43')
  await caller.event('CALL_ESTABLISHED')
  await sleep(TALK_MS)
  caller.hangup()
  await caller.stop()
  expectTone(caller.heard().at(-1))
})

test('a call that is turned away, and one to nobody, end with the reason', async () => {
  const caller = await phone('2001')
  const callee = await phone('2002')
  caller.dial('2002')
  await callee.event('CALL_INCOMING')
  callee.hangup()
  await caller.event('CALL_CLOSED')
  caller.dial('4711')
  const closed = await caller.event('CALL_CLOSED')
  expect(JSON.stringify(closed)).toContain('404')
})

test('registrations come and go with the phones', async () => {
  await phone('2001')
  const there = await product.api<RegistrationPage>('GET', '/registrations')
  expect(there.items.map(({ aor }) => aor)).toContain(`sip:2001@${DOMAIN}`)
  await phones[0]?.stop()
  await expect
    .poll(async () => {
      const { items } = await product.api<RegistrationPage>('GET', '/registrations')
      return items.map(({ aor }) => aor)
    })
    .not.toContain(`sip:2001@${DOMAIN}`)
})

test('a phone with a wrong password is told so, and then gets no more answers', async () => {
  await expect(phone('2002', { password: 'wrong' })).rejects.toThrow(/REGISTER got "?40[13]/)
})
