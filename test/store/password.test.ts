import { expect, test } from 'vitest'
import { hashPassword, hashToken, newToken, verifyPassword } from '../../src/store/password.ts'
import { Vault } from '../../src/store/vault.ts'

test('a password is known again, another one is not, and no two hashes are alike', async () => {
  const [a, b] = await Promise.all([hashPassword('correct horse'), hashPassword('correct horse')])
  expect(a).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  expect(a).not.toBe(b)
  expect(await verifyPassword('correct horse', a)).toBe(true)
  expect(await verifyPassword('battery staple', a)).toBe(false)
  expect(await verifyPassword('correct horse', 'nonsense')).toBe(false)
})

test('a hash made elsewhere with another cost is understood (RFC 9106 parameters)', async () => {
  const made = '$argon2id$v=19$m=64,t=1,p=2$c29tZXNhbHRzb21lc2FsdA$'
  const tag = 'A'.repeat(43)
  expect(await verifyPassword('x', made + tag)).toBe(false)
})

test('tokens are long, different, and found by their hash', () => {
  const token = newToken()
  expect(token).toMatch(/^[\w-]{32}$/)
  expect(newToken()).not.toBe(token)
  expect(hashToken(token)).toEqual(hashToken(token))
})

test('what is sealed opens for its context and key only, and not when a bit is flipped', () => {
  const vault = new Vault(new Uint8Array(32).fill(1))
  const secret = new TextEncoder().encode('secret')
  const sealed = vault.seal('of alice', secret)
  expect(vault.open('of alice', sealed)).toEqual(Buffer.from(secret))
  expect(vault.open('of bob', sealed)).toBeUndefined()
  expect(new Vault(new Uint8Array(32).fill(2)).open('of alice', sealed)).toBeUndefined()
  for (let at = 0; at < sealed.length; at++) {
    const damaged = sealed.slice()
    damaged[at] = (damaged[at] ?? 0) ^ 1
    expect(vault.open('of alice', damaged)).toBeUndefined()
  }
  expect(vault.open('of alice', sealed.subarray(0, 10))).toBeUndefined()
  expect(vault.seal('of alice', secret)).not.toEqual(sealed)
})
