//! A cluster's authority, and what it signs.

import { spawnSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, connect, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { authority, issue } from '../../src/x509/issue.ts'

const NOW = new Date()
const ca = authority('pbx cluster', NOW)
const node = issue(['node-1', '127.0.0.1'], ca)

test('the authority signs for others, and the node is named', () => {
  const [signer, signed] = [ca, node].map(({ certificate }) => new X509Certificate(certificate))
  expect(signer?.ca).toBe(true)
  expect(signed?.ca).toBe(false)
  expect(signed?.issuer).toBe('CN=pbx cluster')
  expect(signed?.subject).toBe('CN=node-1')
  expect(signer !== undefined && signed?.checkIssued(signer)).toBe(true)
  expect(signer !== undefined && signed?.verify(signer.publicKey)).toBe(true)
  expect(signed?.checkIP('127.0.0.1')).toBe('127.0.0.1')
})

test('a node is known to one whose clock begins in 1970', () => {
  for (const { certificate } of [ca, node])
    expect(new X509Certificate(certificate).validFromDate).toEqual(new Date(0))
})

test('openssl, where there is one, finds nothing to complain about', () => {
  const home = mkdtempSync(join(tmpdir(), 'pbx-x509-'))
  const [caFile, file] = [join(home, 'ca.pem'), join(home, 'node.pem')]
  writeFileSync(caFile, ca.certificate)
  writeFileSync(file, node.certificate)
  const args = ['verify', '-x509_strict', '-purpose', 'sslserver', '-CAfile', caFile, file]
  const run = spawnSync('openssl', args, { encoding: 'utf8' })
  rmSync(home, { recursive: true })
  if (run.error !== undefined) return
  expect(run.stdout + run.stderr).toContain(': OK')
})

test('both ends prove themselves; a node of another cluster is not let in', async () => {
  const options = { ca: ca.certificate, requestCert: true, rejectUnauthorized: true }
  const server = createServer({ cert: node.certificate, key: node.key, ...options })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const peer = issue(['node-2', '127.0.0.1'], ca)
  const stranger = issue(['node-2', '127.0.0.1'], authority('pbx cluster', NOW))
  expect(await greets(port, peer)).toBe('node-2')
  expect(await greets(port, stranger)).toBe('refused')
  server.close()

  async function greets(to: number, who: typeof peer): Promise<string> {
    const accepted = once(server, 'secureConnection').then(([socket]) => {
      const { subject } = (socket as TLSSocket).getPeerCertificate()
      return String(subject.CN)
    })
    const refused = once(server, 'tlsClientError').then(() => 'refused')
    const { certificate: cert, key } = who
    const client = connect({ host: '127.0.0.1', port: to, ca: ca.certificate, cert, key })
    client.on('error', () => {})
    const outcome = await Promise.race([accepted, refused])
    client.destroy()
    return outcome
  }
})
