import { expect, test } from 'vitest'
import { millis } from '../../../src/base/time.ts'
import { LockOut, type Claimant } from '../../../roles/call-manager/auth/lockout.ts'

const NOW = millis(1_000)

function claimant(address: string, user: string): Claimant {
  return { address, port: 5060, isForgeable: true, aor: `sip:${user}@pbx.example` }
}

test('who has an account spares only itself: no address is found that passes for another', () => {
  const lockOut = new LockOut(new Uint8Array(16))
  // FNV-1a, by which the proven were once kept, has one 31-bit hash for these two.
  lockOut.succeeded(claimant('198.51.228.188', 'mallory'))
  for (let n = 0; n < 200; n++) lockOut.failed(claimant(`192.0.2.${n}`, 'alice'), NOW)
  expect(lockOut.ban(claimant('198.51.156.160', 'alice'), NOW)).toBe('user-banned')
})

test('who has shown the right password from there is spared, however long the name', () => {
  const lockOut = new LockOut(new Uint8Array(16))
  const name = 'a'.repeat(2_000)
  lockOut.succeeded(claimant('192.0.2.1', `${name}1`))
  for (const last of ['1', '2'])
    for (let n = 0; n < 200; n++) lockOut.failed(claimant(`198.51.100.${n}`, name + last), NOW)
  expect(lockOut.ban(claimant('192.0.2.1', `${name}1`), NOW)).toBeUndefined()
  expect(lockOut.ban(claimant('192.0.2.1', `${name}2`), NOW)).toBe('user-banned')
})
