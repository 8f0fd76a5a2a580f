import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { loadIdentity } from '../../src/http/certificate.ts'
import { authority } from '../../src/x509/issue.ts'

const NONE = { certificate: undefined, key: undefined }
const NAMES = ['pbx.example', 'localhost', '192.0.2.1', '2001:db8::1', '::1']
const NOW = new Date('2026-02-03T04:05:06Z')

let data = ''
beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'pbx-tls-'))))
afterEach(() => rmSync(data, { recursive: true }))

test('the certificate is made out to every name, for a server, and signed by its own key', () => {
  const identity = loadIdentity(NONE, data, NAMES, NOW)
  const certificate = new X509Certificate(identity.certificate)
  expect(certificate.subject).toBe('CN=pbx.example')
  expect(certificate.verify(certificate.publicKey)).toBe(true)
  expect(certificate.ca).toBe(false)
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2'])
  for (const name of NAMES.slice(0, 2)) expect(certificate.checkHost(name)).toBe(name)
  for (const name of NAMES.slice(2)) expect(certificate.checkIP(name)).toBe(name)
  expect(certificate.checkHost('example.com')).toBeUndefined()
  expect(new Date(certificate.validFrom)).toEqual(new Date('2026-02-02T04:05:06Z'))
  expect(new Date(certificate.validTo)).toEqual(new Date('2027-03-06T04:05:06Z'))
})

test('openssl, where there is one, finds nothing to complain about', () => {
  loadIdentity(NONE, data, NAMES, new Date())
  const file = join(data, 'tls', 'certificate.pem')
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', file, file]
  const run = spawnSync('openssl', args, { encoding: 'utf8' })
  if (run.error !== undefined) return
  expect(run.stdout + run.stderr).toContain(': OK')
})

test('the key is for its owner only; the pair is kept until near its end or renamed', () => {
  const first = loadIdentity(NONE, data, NAMES, NOW)
  expect(statSync(join(data, 'tls', 'key.pem')).mode & 0o777).toBe(0o600)
  const days = (count: number): Date => new Date(NOW.getTime() + count * 86_400_000)
  expect(loadIdentity(NONE, data, NAMES, days(300))).toEqual(first)
  expect(loadIdentity(NONE, data, [...NAMES, '192.0.2.2'], NOW).key).not.toBe(first.key)
  const renewed = loadIdentity(NONE, data, NAMES, days(370))
  expect(renewed.key).not.toBe(first.key)
  writeFileSync(join(data, 'tls', 'certificate.pem'), 'damaged')
  expect(loadIdentity(NONE, data, NAMES, days(370)).key).not.toBe(renewed.key)
})

test('configured files are used as they are; a foreign key or a missing file is refused', () => {
  const { certificate, key } = loadIdentity(NONE, data, NAMES, NOW)
  const files = { certificate: join(data, 'c.pem'), key: join(data, 'k.pem') }
  writeFileSync(files.certificate, certificate)
  expect(() => loadIdentity(files, data, NAMES, NOW)).toThrow(/k\.pem cannot be read: ENOENT/)
  writeFileSync(files.key, key)
  expect(loadIdentity(files, data, [], NOW)).toEqual({ certificate, key, selfSigned: false })
  loadIdentity(NONE, data, ['other.example'], NOW)
  writeFileSync(files.key, readFileSync(join(data, 'tls', 'key.pem')))
  expect(() => loadIdentity(files, data, NAMES, NOW)).toThrow(/do not work together/)
})

test('in a cluster every node shows what one authority has signed, with the authority', () => {
  const ca = authority('pbx cluster', NOW)
  const alone = loadIdentity(NONE, data, NAMES, NOW)
  const signed = loadIdentity(NONE, data, NAMES, NOW, ca)
  expect(signed.key).not.toBe(alone.key)
  expect(signed.certificate.endsWith(ca.certificate)).toBe(true)
  const [shown, signer] = [signed, ca].map((each) => new X509Certificate(each.certificate))
  expect(signer !== undefined && shown?.verify(signer.publicKey)).toBe(true)
  for (const name of NAMES.slice(2)) expect(shown?.checkIP(name)).toBe(name)
  expect(new Date(shown?.validTo ?? 0)).toEqual(new Date('2027-03-06T04:05:06Z'))
  expect(loadIdentity(NONE, data, NAMES, NOW, ca)).toEqual(signed)
  // After a loss of power, before the clock is set.
  expect(loadIdentity(NONE, data, NAMES, new Date(0), ca)).toEqual(signed)
  // Of another cluster by now.
  expect(loadIdentity(NONE, data, NAMES, NOW, authority('other', NOW)).key).not.toBe(signed.key)
})
