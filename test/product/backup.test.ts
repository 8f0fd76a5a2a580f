//! Backups of the running product, as an administrator makes and restores them: by the CLI, while
//! phones are in a call.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs'
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type {
  CallList,
  ExtensionPage,
  ExtensionSecret,
  RegistrationPage,
} from '../../src/console/api/shapes.ts'
import { Baresip } from '../harness/baresip.ts'
import { type Product, runProduct, startProduct } from '../harness/product.ts'

const PASSPHRASE = 'a passphrase of some length'
let directory = ''
let product: Product
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'pbx-backup-'))
  product = await startProduct({ data: join(directory, 'data') })
})
afterAll(async () => {
  await product.stop()
  rmSync(directory, { recursive: true, force: true })
})

const path = (name: string): string => join(directory, name)

function pbx(of: Product, line: string, stdin?: string | Buffer): ReturnType<typeof runProduct> {
  return runProduct([...line.split(' '), '--data', of.data], stdin)
}

async function extensions(of: Product): Promise<readonly string[]> {
  const { items } = await of.api<ExtensionPage>('GET', '/extensions')
  return items.map(({ extension }) => extension)
}

async function phoneOf(of: Product, made: ExtensionSecret): Promise<Baresip> {
  const { extension: user, password, domain } = made
  return Baresip.start({ user, password, domain, server: `127.0.0.1:${of.ports['udp']}` })
}

test('a backup comes back while a call is up, and the call goes on', async () => {
  const made: ExtensionSecret[] = []
  for (const extension of ['2001', '2002', '2003'])
    made.push(await product.api<ExtensionSecret>('POST', '/extensions', { extension }))
  const backup = await pbx(product, `backup ${path('one')}`)
  expect(backup, backup.output).toMatchObject({ code: 0 })
  expect(backup.output).toMatch(/one: [\d,]+ bytes, 5 extensions, 0 records/)
  expect(statSync(path('one')).mode & 0o777).toBe(0o600)

  await product.api('DELETE', '/extensions/pbx.example/1001')
  await product.api('POST', '/extensions', { extension: '2009' })
  const phones = await Promise.all(made.slice(0, 2).map((each) => phoneOf(product, each)))
  const [caller, callee] = phones
  caller?.dial('2002')
  await callee?.event('CALL_INCOMING')
  callee?.accept()
  await caller?.event('CALL_ESTABLISHED')

  const asked = await pbx(product, `restore ${path('one')}`)
  expect(asked.code, asked.output).toBe(2)
  expect(asked.output).toContain('nobody can be asked here: say --yes')
  const restored = await pbx(product, `restore ${path('one')} --yes`)
  expect(restored.code, restored.output).toBe(0)
  expect(restored.output).toMatch(/restored the backup of .*: 5 extensions, 0 records/)
  expect(await extensions(product)).toEqual(['1001', '1002', '2001', '2002', '2003'])
  const { items: calls } = await product.api<CallList>('GET', '/calls')
  expect(calls).toMatchObject([{ state: 'up' }])
  const { items: registered } = await product.api<RegistrationPage>('GET', '/registrations')
  expect(registered.map(({ aor }) => aor)).toEqual(['sip:2001@pbx.example', 'sip:2002@pbx.example'])
  const closed = callee?.event('CALL_CLOSED')
  caller?.hangup()
  await closed
  for (const phone of phones) {
    await phone.stop()
    phone.remove()
  }
  expect(readFileSync(join(product.data, 'tls', 'restored', 'key.pem'), 'utf8')).toBe(
    readFileSync(join(product.data, 'tls', 'key.pem'), 'utf8'),
  )
})

test('sealed, it is restored on other hardware: old passwords register phones', async () => {
  const made = await product.api<ExtensionSecret>('POST', '/extensions', { extension: '2004' })
  const stdin = `${PASSPHRASE}\n`
  const backup = await pbx(product, `backup ${path('sealed')} --passphrase-stdin`, stdin)
  expect(backup.code, backup.output).toBe(0)
  const fresh = await startProduct()
  try {
    const none = await pbx(fresh, `restore ${path('sealed')} --yes`)
    expect([none.code, none.output]).toEqual([1, expect.stringContaining('is encrypted')])
    const sealed = `restore ${path('sealed')} --yes --passphrase-stdin`
    const wrong = await pbx(fresh, sealed, 'another passphrase\n')
    expect([wrong.code, wrong.output]).toEqual([1, expect.stringContaining('passphrase is not')])
    expect(await extensions(fresh)).toEqual(['1001', '1002'])
    const right = await pbx(fresh, sealed, stdin)
    expect(right.code, right.output).toBe(0)
    const phone = await phoneOf(fresh, made)
    const { items } = await fresh.api<RegistrationPage>('GET', '/registrations')
    expect(items.map(({ aor }) => aor)).toEqual(['sip:2004@pbx.example'])
    await phone.stop()
    phone.remove()
  } finally {
    await fresh.stop()
  }
})

test('what is damaged, cut or of a newer release is refused, and nothing changes', async () => {
  const before = await extensions(product)
  const bytes = readFileSync(path('one'))
  const refused = async (name: string): Promise<string> => {
    const ran = await pbx(product, `restore ${path(name)} --yes`)
    expect(ran.code, ran.output).toBe(1)
    return ran.output
  }
  const changed = Buffer.from(bytes)
  changed[bytes.length >> 1] = (changed[bytes.length >> 1] ?? 0) ^ 1
  writeFileSync(path('changed'), changed)
  expect(await refused('changed')).toContain('its digest is another')
  copyFileSync(path('one'), path('cut'))
  truncateSync(path('cut'), bytes.length - 5_000)
  expect(await refused('cut')).toContain('cut off')
  writeFileSync(path('newer'), '{"format":"pbx-backup","version":7,"product":"8.0.1"}\n')
  expect(await refused('newer')).toContain('the backup is of pbx 8.0.1: update pbx here')
  // The server itself looks, too.
  const piped = await pbx(product, 'restore - --yes', changed)
  expect(piped.code).toBe(1)
  expect(piped.output).toContain('its digest is another')
  expect(await extensions(product)).toEqual(before)
  const whole = await pbx(product, 'restore - --yes', bytes)
  expect(whole.code, whole.output).toBe(0)
})

test('a file that is there is not written over, unless that is asked for', async () => {
  const again = await pbx(product, `backup ${path('one')}`)
  expect([again.code, again.output]).toEqual([2, expect.stringContaining('--force')])
  const forced = await pbx(product, `backup ${path('one')} --force --json`)
  expect(forced.code, forced.output).toBe(0)
  expect(JSON.parse(forced.output)).toMatchObject({ file: path('one'), sealed: false })
})

test('only an administrator may', async () => {
  const ask = (route: string) => fetch(`${product.url}/api/v1${route}`, { method: 'POST' })
  expect((await ask('/backup')).status).toBe(401)
  expect((await ask('/restore')).status).toBe(401)
})
