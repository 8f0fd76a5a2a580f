//! What is said where a host is made a node, and where what it is reached by changes.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeToken } from '../../src/cluster/join/token.ts'
import { readCluster, writeCluster } from '../../src/cluster/settings.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority } from '../../src/x509/issue.ts'
import { run, type Ran } from './run.ts'

const [device = '', address = ''] = Object.entries(networkInterfaces())
  .flatMap(([name, all = []]) => all.map((each) => ({ name, ...each })))
  .filter(({ family, internal }) => family === 'IPv4' && !internal)
  .flatMap(({ name, address: at }) => [name, at])
const HOST = address === '' ? '127.0.0.1' : address

let data: string
let own: readonly string[]
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'pbx-node-'))
  own = ['--data', data, '--address', HOST, '--name', 'one']
})
afterEach(() => rmSync(data, { recursive: true }))

const pbx = (...words: readonly string[]): Promise<Ran> => run(words)
const vip = '203.0.113.10/24'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
const ALTNAME = 'lan-of-the-office'
const LAN = `ip link add v0 up type bridge && ip link add v1 type bridge &&
  ip addr add 10.78.0.1/24 dev v0 && ip link property add dev v0 altname ${ALTNAME}`
const can = spawnSync('unshare', ['-n', 'sh', '-c', LAN]).status === 0

/** On a host with that LAN. */
function there(...words: readonly string[]): readonly [code: number | null, error: string] {
  const command = [process.execPath, MAIN, ...words, '--data', data]
  const script = ['-n', 'sh', '-c', `${LAN}; exec "$0" "$@"`, ...command]
  const { status, stderr } = spawnSync('unshare', script, { encoding: 'utf8' })
  return [status, stderr]
}

test('an interface that its host has not is refused where it joins, before it asks', async () => {
  const by = { purpose: 'call-manager', id: 'node-2' as NodeId, host: HOST, port: 1 } as const
  const token = makeToken(authority('a cluster', new Date()), { ...by, expires: Date.now() + 9e5 })
  const refused = await pbx('cluster', 'join', token, ...own, '--interface', 'nope0')
  expect([refused.code, refused.error]).toEqual([
    2,
    expect.stringContaining('--interface "nope0" must be one of this host\'s: '),
  ])
})

test.skipIf(device === '')(
  'what a node is reached by can be changed while it is stopped',
  async () => {
    await pbx('cluster', 'init', ...own)
    const made = readCluster(data)
    if (made === undefined) throw new Error('it was made')
    // As `--vip` has it, which would ask the LAN of this machine who has that.
    const virtual = { addresses: [{ address: '203.0.113.10', prefix: 24 }], interface: device }
    writeCluster(data, { ...made, settings: { ...made.settings, vip: virtual } })
    const change = (...words: readonly string[]) =>
      pbx('cluster', 'change', '--data', data, ...words)
    const settings = () => readCluster(data)?.settings
    const before = settings()
    expect((await change('--interface', 'nope0')).error).toContain('must be one of')
    expect((await change('--address', '203.0.113.7')).error).toContain(`one of this host's: `)
    expect((await change('--address', '127.0.0.1')).error).toContain('reached by no other host')
    expect(settings()).toEqual(before)
    const changed = await change('--interface', device, '--cluster-port', '7481')
    expect(changed.error).toBe('')
    expect(changed.out).toContain(
      `node-1 (one) is at ${HOST} port 7481; the virtual address goes to ${device}.\n`,
    )
    expect(changed.out).toContain('pbx transfer-leadership --to node-1')
    expect(settings()).toMatchObject({ self: { port: 7481 }, vip: { interface: device } })
    expect((await change('--interface', device)).out).toContain('Start it: ')
  },
)

test.skipIf(!can)('any interface will do, by any of its names', async () => {
  await pbx('cluster', 'init', ...own)
  const made = readCluster(data)
  if (made === undefined) throw new Error('it was made')
  const interfaceOf = (): string | undefined => readCluster(data)?.settings.vip?.interface
  const virtual = { addresses: [{ address: '203.0.113.10', prefix: 24 }], interface: ALTNAME }
  const { settings } = made
  const elsewhere = { ...settings, self: { ...settings.self, host: '10.78.0.1' }, vip: virtual }
  writeCluster(data, { ...made, settings: elsewhere })
  // As it was given: an update may give it another first name.
  expect(there('cluster', 'change', '--cluster-port', '7481')).toEqual([0, ''])
  expect(interfaceOf()).toBe(ALTNAME)
  // One that has no address of its own.
  expect(there('cluster', 'change', '--interface', 'v1')).toEqual([0, ''])
  expect(interfaceOf()).toBe('v1')
  writeCluster(data, {
    ...made,
    settings: { ...elsewhere, vip: { ...virtual, interface: 'gone0' } },
  })
  expect(there('cluster', 'change', '--cluster-port', '7482')).toEqual([
    2,
    expect.stringMatching(/--interface is needed in the place of gone0: one of v\d, v\d\n/),
  ])
  rmSync(join(data, 'cluster'), { recursive: true })
  const short = ['--vip', '10.78.0.10/16', '--address', '10.78.0.1', '--interface', ALTNAME]
  expect(there('cluster', 'init', '--name', 'one', ...short)).toEqual([
    2,
    expect.stringContaining('is larger than the subnet of v0: give 10.78.0.10/24'),
  ])
})

test('an address or an interface that no other host reaches is refused', async () => {
  const lone = ['--data', data, '--name', 'one', '--vip', vip]
  const alone = await pbx('cluster', 'init', ...lone, '--address', '127.0.0.1')
  expect([alone.code, alone.error]).toEqual([2, expect.stringContaining('by no other host')])
  const lo = await pbx('cluster', 'init', ...lone, '--address', HOST, '--interface', 'lo')
  expect(lo.code).toBe(2)
  expect(readCluster(data)).toBeUndefined()
})

test('what an init has made is told of by the next, and how it is undone', async () => {
  await pbx('cluster', 'init', ...own)
  const again = await pbx('cluster', 'init', ...own)
  expect(again.error).toContain('is of node-1 (one) of a cluster already: to undo that remove')
  const made = readCluster(data)
  if (made === undefined) throw new Error('it was made')
  const peers = [{ ...made.settings.self, id: 'node-9' as NodeId }]
  writeCluster(data, { ...made, settings: { ...made.settings, peers } })
  expect((await pbx('cluster', 'init', ...own)).error).toContain(
    'to undo that run pbx cluster remove node-1 on the host that serves, and remove ',
  )
  rmSync(join(data, 'cluster'), { recursive: true })
  const files = (await pbx('cluster', 'init', ...own)).code === 0 ? readCluster(data) : undefined
  if (files === undefined) throw new Error('it can be made again')
  writeCluster(data, { ...files, settings: { ...files.settings, isNew: false } })
  expect((await pbx('cluster', 'init', ...own)).error).toContain('for another cluster name another')
})
