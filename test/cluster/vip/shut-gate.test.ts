//! What neighbours and a host with a shut gate tell each other of the addresses.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { canMakeLan, Lan, type LanHost } from '../../harness/lan.ts'

const can = canMakeLan()
const ADDRESSES = ['10.9.0.100', 'fd00:9::100']
const WRONG = '02:00:00:00:00:99'

let lan: Lan
let owner: LanHost
let standby: LanHost

beforeAll(() => {
  if (!can) return
  lan = new Lan('shut')
  owner = lan.host('owner', 1)
  standby = lan.host('standby', 2)
  for (const [place, host] of lan.hosts.entries())
    host.run('ip', 'addr', 'add', `fd00:9::${place + 1}/64`, 'dev', 'eth0', 'nodad')
})

afterAll(() => lan?.remove())

function trial(host: LanHost, what: string): string {
  return host.run(process.execPath, `${import.meta.dirname}/shut-gate-trial.ts`, what, ...ADDRESSES)
}

function mistake(host: LanHost): void {
  for (const address of ADDRESSES)
    host.run('ip', 'neigh', 'replace', address, 'lladdr', WRONG, 'dev', 'eth0', 'nud', 'stale')
}

/** Where `host` takes the addresses to be. */
function taken(host: LanHost): readonly string[] {
  return ADDRESSES.map((address) => {
    const known = host.run('ip', 'neigh', 'show', address, 'dev', 'eth0')
    const mac = /lladdr (\S+)/.exec(known)?.[1] ?? 'nowhere'
    return mac === owner.mac ? 'owner' : mac === standby.mac ? 'standby' : mac
  })
}

test.skipIf(!can)('who has a shut gate hears where the addresses are', async () => {
  expect(trial(standby, 'shut')).toContain('pbx_vip')
  mistake(standby)
  expect(taken(standby)).toEqual([WRONG, WRONG])
  trial(owner, 'announce')
  await expect.poll(() => taken(standby)).toEqual(['owner', 'owner'])
})

test.skipIf(!can)('and says nothing, asked or told, though they are there as well', async () => {
  trial(standby, 'shut')
  for (const each of ['10.9.0.100/32', 'fd00:9::100/128'])
    standby.run('ip', 'addr', 'add', each, 'dev', 'eth0', 'nodad')
  mistake(owner)
  trial(owner, 'announce')
  for (const address of ADDRESSES) owner.run('sh', '-c', `ping -c 2 -W 1 ${address} || true`)
  expect(taken(owner)).not.toContain('standby')
  // It would, but for the gate.
  expect(trial(standby, 'none')).toBe('')
  owner.run('ip', 'neigh', 'flush', 'dev', 'eth0')
  for (const address of ADDRESSES) owner.run('ping', '-c', '1', '-W', '2', address)
  expect(taken(owner)).toEqual(['standby', 'standby'])
})
