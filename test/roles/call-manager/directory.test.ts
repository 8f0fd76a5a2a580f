//! The directory over a real store: every change is seen at once, memory or not.

import { expect, test } from 'vitest'
import { wallTime } from '../../../src/base/time.ts'
import { ha1 } from '../../../src/sip/auth/digest.ts'
import { importExtensions } from '../../../src/store/import.ts'
import { openVault } from '../../../src/store/vault.ts'
import { openDirectory } from '../../../roles/call-manager/directory.ts'
import { ACME, acme } from '../../store/commands.ts'
import { newHome, newStore } from '../../store/home.ts'

async function open() {
  const home = newHome()
  const store = await newStore(home)
  await store.propose(acme)
  const isOurs = (host: string): boolean => host === '10.0.0.1'
  return { store, directory: openDirectory({ store, vault: openVault(home), isOurs }) }
}

const at = wallTime(2)
const named = { tenant: ACME, user: '100', displayName: 'Änne', enabled: true, at }
const secretOf = (password: string) => {
  return { kind: 'password', realm: 'acme.example', password } as const
}

test('domains: the primary one, others, and addresses of this machine', async () => {
  const { store, directory } = await open()
  expect(directory.tenantOf('acme.example')?.id).toBe(ACME)
  expect(directory.tenantOf('10.0.0.1')?.id).toBe(ACME)
  expect(directory.tenantOf('voice.acme.example')).toBeUndefined()
  await store.propose({ kind: 'domain.add', tenant: ACME, domain: 'voice.acme.example' })
  expect(directory.tenantOf('voice.acme.example')?.primaryDomain).toBe('acme.example')
  await store.propose({ kind: 'domain.remove', domain: 'voice.acme.example' })
  expect(directory.tenantOf('voice.acme.example')).toBeUndefined()
})

test('an extension appears, changes and goes, whatever had been asked before', async () => {
  const { store, directory } = await open()
  expect(directory.extension(ACME, '100')).toBeUndefined()
  await store.propose({ kind: 'extension.put', ...named, secret: secretOf('a') })
  expect(directory.extension(ACME, '100')).toMatchObject({
    aor: 'sip:100@acme.example',
    domain: 'acme.example',
    // Bytes, as SIP headers hold them.
    displayName: 'Ã\u0084nne',
  })
  const before = directory.credentials(ACME, '100')
  expect(before?.md5).toBe(ha1('MD5', '100', 'acme.example', 'a'))
  expect(before?.sha256).toBe(ha1('SHA-256', '100', 'acme.example', 'a'))
  const passwd = { kind: 'extension.passwd', tenant: ACME, user: '100', at } as const
  await store.propose({ ...passwd, secret: secretOf('b') })
  expect(directory.credentials(ACME, '100')?.md5).toBe(ha1('MD5', '100', 'acme.example', 'b'))
  await store.propose({ kind: 'extension.remove', tenant: ACME, user: '100' })
  expect(directory.extension(ACME, '100')).toBeUndefined()
})

test('who is disabled is known, and has no credentials', async () => {
  const { store, directory } = await open()
  await store.propose({ kind: 'extension.put', ...named, secret: secretOf('a') })
  await store.propose({ kind: 'extension.put', ...named, enabled: false, secret: undefined })
  expect(directory.extension(ACME, '100')?.enabled).toBe(false)
  expect(directory.credentials(ACME, '100')).toBeUndefined()
})

test('an import is seen by who asked before it', async () => {
  const { store, directory } = await open()
  expect(directory.extension(ACME, '7')).toBeUndefined()
  async function* file(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('acme.example,7,seven,Seven\n')
  }
  await importExtensions(store, file(), { wall: () => at, onBadLine: () => undefined })
  expect(directory.extension(ACME, '7')?.displayName).toBe('Seven')
  expect(directory.credentials(ACME, '7')?.md5).toBe(ha1('MD5', '7', 'acme.example', 'seven'))
})
