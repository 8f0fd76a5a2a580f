//! RFC 3263 with a real resolver, a real name server on loopback and a real hosts file.

import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { assert } from '../../../src/base/assert.ts'
import { millis, seconds } from '../../../src/base/time.ts'
import { realHost } from '../../../src/observe/real-host.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import type { Target } from '../../../src/sip/transaction/flow.ts'
import { HostsFile } from '../../../src/sip/transport/hosts-file.ts'
import { openLocator, type Locator } from '../../../src/sip/transport/locate-host.ts'
import { a, nameServer, naptr, srv, type NameServer, type Zone } from './dns-server.ts'

const directory = mkdtempSync(join(tmpdir(), 'pbx-hosts-'))
const closings: (() => void)[] = [() => rmSync(directory, { recursive: true })]
afterEach(() => {
  for (const close of closings.splice(1)) close()
})

type Site = { locator: Locator; server: NameServer }

async function site(zone: Zone, silent: readonly string[] = [], hosts = ''): Promise<Site> {
  const hostsPath = join(directory, 'hosts')
  writeFileSync(hostsPath, hosts)
  const server = await nameServer(zone, silent)
  const host = realHost(() => undefined)
  const servers = [server.address]
  const deadline = millis(300)
  const locator = openLocator({ host, families: [4], servers, hostsPath, deadline })
  closings.push(
    () => locator.close(),
    () => server.close(),
  )
  return { locator, server }
}

function locate({ locator }: Site, text: string): Promise<readonly Target[]> {
  const uri = parseUri(text)
  assert(uri !== undefined, text)
  return new Promise((resolve) => locator.resolve(uri, resolve))
}

test('NAPTR, SRV and addresses of a real name server', async () => {
  const here = await site({
    'NAPTR example.com': [
      naptr(20, 0, 'SIP+D2U', '_sip._udp.example.com'),
      naptr(10, 0, 'SIP+D2T', '_sip._tcp.example.com'),
    ],
    'SRV _sip._tcp.example.com': [
      srv(2, 0, 5072, 'two.example.com'),
      srv(1, 0, 5071, 'one.example.com'),
    ],
    'SRV _sip._udp.example.com': [srv(1, 0, 5060, 'one.example.com')],
    'A one.example.com': [a('192.0.2.1')],
    'A two.example.com': [a('192.0.2.2')],
  })
  expect(await locate(here, 'sip:example.com')).toEqual([
    { transport: 'tcp', host: '192.0.2.1', port: 5071 },
    { transport: 'tcp', host: '192.0.2.2', port: 5072 },
    { transport: 'udp', host: '192.0.2.1', port: 5060 },
  ])
  const before = here.server.asked.length
  await locate(here, 'sip:example.com')
  expect(here.server.asked.length).toBe(before)
})

test('a numeric host is found before resolve returns', async () => {
  const here = await site({})
  let found: readonly Target[] = []
  const uri = parseUri('sip:192.0.2.1')
  assert(uri !== undefined, 'no URI')
  here.locator.resolve(uri, (targets) => (found = targets))
  expect(found).toEqual([{ transport: 'udp', host: '192.0.2.1', port: 5060 }])
})

test('the hosts file comes before the DNS', async () => {
  const here = await site({ 'A pbx.lab': [a('192.0.2.1')] }, [], '127.0.0.5 pbx.lab PBX2.lab # x\n')
  const [target] = await locate(here, 'sip:pbx.lab:5060')
  expect(target?.host).toBe('127.0.0.5')
  expect((await locate(here, 'sip:pbx2.LAB:5060'))[0]?.host).toBe('127.0.0.5')
  expect(here.server.asked).toEqual([])
})

test('a name that is nowhere leads nowhere', async () => {
  expect(await locate(await site({}), 'sip:nobody.example')).toEqual([])
})

test('a silent server costs its deadline, no more, and what is known is used', async () => {
  const here = await site({ 'A b.example': [a('192.0.2.2')] }, ['a.example'])
  const began = performance.now()
  const [first, second] = await Promise.all([
    locate(here, 'sip:a.example:5060'),
    locate(here, 'sip:b.example:5060'),
  ])
  expect(performance.now() - began).toBeLessThan(3_000)
  expect(first).toEqual([])
  expect(second?.[0]?.host).toBe('192.0.2.2')
})

test('a changed hosts file is read again', () => {
  const path = join(directory, 'changing')
  let now = millis(0)
  writeFileSync(path, '192.0.2.1 one\nfe80::1 one\nnonsense two\n')
  const hosts = new HostsFile(() => now, path)
  expect(hosts.addresses('ONE', 4)).toEqual(['192.0.2.1'])
  expect(hosts.addresses('one', 6)).toEqual(['fe80::1'])
  expect(hosts.addresses('two', 4)).toBeUndefined()
  writeFileSync(path, '192.0.2.3 three\n')
  utimesSync(path, 1, 1)
  expect(hosts.addresses('three', 4)).toBeUndefined()
  now = seconds(6)
  expect(hosts.addresses('three', 4)).toEqual(['192.0.2.3'])
  rmSync(path)
  now = seconds(12)
  expect(hosts.addresses('three', 4)).toBeUndefined()
})
