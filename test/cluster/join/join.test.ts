//! Joining over real TLS on loopback: who gets in, and what is said to who does not.

import {
  existsSync,
  readdirSync,
  symlinkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { joinCluster, type Joining } from '../../../src/cluster/join/ask.ts'
import type { JoinAnswer, JoinRequest } from '../../../src/cluster/join/messages.ts'
import { rejoinCluster, SET_ASIDE } from '../../../src/cluster/join/rejoin.ts'
import { Strangers } from '../../../src/cluster/join/stranger.ts'
import { checkToken, expired, makeToken, readToken } from '../../../src/cluster/join/token.ts'
import { openPeerLink, type PeerLink } from '../../../src/cluster/peer-link.ts'
import { readCluster, writeCluster } from '../../../src/cluster/settings.ts'
import { wallTime } from '../../../src/base/time.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import { authority, certify, issue } from '../../../src/x509/issue.ts'
import { createPublicKey } from 'node:crypto'
import { realHost } from '../../store/host.ts'

const NOW = new Date()
const CA = authority('a cluster', NOW)
const OTHER = authority('another cluster', NOW)
const [ONE, TWO] = ['node-1', 'node-2'] as NodeId[] as [NodeId, NodeId]
const HOUR = 3_600_000
const NODES = 'call-manager'

const open: PeerLink[] = []
const directories: string[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true })
})

/** A node that answers `answer` to whoever asks; its port. */
async function node(
  answer: (request: JoinRequest) => JoinAnswer,
  by = CA,
  id = ONE,
): Promise<number> {
  const link = await openPeerLink({
    host: realHost(),
    id,
    identity: issue([id], by),
    authority: by.certificate,
    listen: { host: '127.0.0.1', port: 0 },
    onStranger: new Strangers((request) => Promise.resolve(answer(request))).take,
  })
  open.push(link)
  return link.port
}

function welcome({ publicKey }: JoinRequest): JoinAnswer {
  return {
    kind: 'welcome',
    welcome: {
      id: TWO,
      peers: [{ id: ONE, name: 'one', host: '127.0.0.1', port: 1 }],
      certificate: certify([TWO], createPublicKey(publicKey), CA),
      authorityKey: CA.key,
      secretKey: Buffer.alloc(32, 7).toString('base64'),
      vip: undefined,
      timing: 'default',
    },
  }
}

function tokenFor(port: number, by = CA): string {
  const expires = NOW.getTime() + HOUR
  return makeToken(by, { purpose: 'call-manager', id: TWO, host: '127.0.0.1', port, expires })
}

function joining(token: string): Joining {
  const data = mkdtempSync(join(tmpdir(), 'pbx-join-'))
  directories.push(data)
  return { token, data, name: 'two', host: '127.0.0.1', port: 7_480, interface: undefined }
}

test('who is let in has all that a node needs, and its key never left it', async () => {
  let asked: JoinRequest | undefined
  const port = await node((request) => {
    asked = request
    return welcome(request)
  })
  const wanted = joining(tokenFor(port))
  expect(await joinCluster(wanted)).toMatchObject({ id: TWO, name: 'two' })
  const files = readCluster(wanted.data)
  expect(files?.settings).toMatchObject({ self: { id: TWO }, isNew: true, peers: [{ id: ONE }] })
  expect(files?.authority).toEqual(CA)
  expect(readFileSync(join(wanted.data, 'secret.key'))).toEqual(Buffer.alloc(32, 7))
  for (const name of ['node.key', 'authority.key'])
    expect(statSync(join(wanted.data, 'cluster', name)).mode & 0o077).toBe(0)
  expect(JSON.stringify(asked)).not.toContain('PRIVATE')
  expect(Math.abs((asked?.now ?? 0) - Date.now())).toBeLessThan(60_000)
  // What it was given connects to a node of the cluster.
  const two = await openPeerLink({
    host: realHost(),
    id: TWO,
    identity: files?.identity ?? CA,
    authority: CA.certificate,
    listen: { host: '127.0.0.1', port: 0 },
  })
  open.push(two)
  two.dial({ id: ONE, host: '127.0.0.1', port })
  await expect.poll(() => two.peers).toEqual([ONE])
})

test('who asks the wrong one is sent to the leader', async () => {
  const leader = await node(welcome)
  const port = await node(() => ({ kind: 'elsewhere', host: '127.0.0.1', port: leader }))
  expect(await joinCluster(joining(tokenFor(port)))).toMatchObject({ id: TWO })
})

test.each([
  ['a refusal is passed on', () => node(() => ({ kind: 'refused', why: 'not you' })), 'not you'],
  [
    'a node of another cluster is not trusted',
    () => node(welcome, OTHER),
    'no node of the cluster',
  ],
  [
    'a media server of the cluster is not trusted',
    () => node(welcome, CA, 'media:one' as NodeId),
    'no node of the cluster',
  ],
  [
    'nobody there',
    () => Promise.resolve(1),
    /ECONNREFUSED.*is pbx running there, and is that port/,
  ],
])('%s', async (_, there, why) => {
  const wanted = joining(tokenFor(await there()))
  await expect(joinCluster(wanted)).rejects.toThrow(why)
  expect(existsSync(join(wanted.data, 'secret.key'))).toBe(false)
  expect(readCluster(wanted.data)).toBeUndefined()
})

test('a directory with a system of its own, or of a node, is left alone', async () => {
  const port = await node(welcome)
  const own = joining(tokenFor(port))
  writeFileSync(join(own.data, 'pbx.db'), 'precious')
  await expect(joinCluster(own)).rejects.toThrow('would be lost')
  const member = joining(tokenFor(port))
  mkdirSync(join(member.data, 'cluster'))
  writeFileSync(join(member.data, 'cluster', 'cluster.json'), '{}')
  await expect(joinCluster(member)).rejects.toThrow('already')
  await expect(joinCluster(joining('half a tok'))).rejects.toThrow('not whole')
})

test('a disk that is full is told of before anything is asked for', async () => {
  let asked = 0
  const port = await node((request) => {
    asked++
    return welcome(request)
  })
  const wanted = joining(tokenFor(port))
  symlinkSync('/dev/full', join(wanted.data, 'room.new'))
  await expect(joinCluster(wanted)).rejects.toThrow(/cannot be written \(ENOSPC.*and try again$/)
  expect([asked, readdirSync(wanted.data)]).toEqual([0, []])
  await joinCluster(wanted)
})

test('a disk that is full afterwards leaves nothing behind that hinders the next try', async () => {
  const port = await node(welcome)
  const wanted = joining(tokenFor(port))
  symlinkSync('/dev/full', join(wanted.data, 'secret.key.new'))
  await expect(joinCluster(wanted)).rejects.toThrow(/ENOSPC.*with another token/)
  expect(readdirSync(wanted.data)).toEqual([])
  await joinCluster(wanted)
  expect(readFileSync(join(wanted.data, 'secret.key'))).toEqual(Buffer.alloc(32, 7))
})

/** A directory of the node `two`, whose database is of no use. */
function member(...ports: readonly number[]): string {
  const { data } = joining('')
  const self = { id: TWO, name: 'two', host: '127.0.0.1', port: 7_480 }
  const peers = ports.map((port) => ({ id: ONE, name: 'one', host: '127.0.0.1', port }))
  const settings = { self, peers, vip: undefined, timing: 'default', isNew: false } as const
  writeCluster(data, { settings, identity: issue([TWO], CA), authority: CA })
  for (const name of ['pbx.db', 'pbx.db-wal']) writeFileSync(join(data, name), `broken ${name}`)
  return data
}

const THREE = 'node-3' as NodeId

test('a node that joins anew is another in its own place, and keeps what it had', async () => {
  let asked: JoinRequest | undefined
  const port = await node((request) => {
    asked = request
    const answer = welcome(request)
    if (answer.kind !== 'welcome') throw new Error('it is one')
    const certificate = certify([THREE], createPublicKey(request.publicKey), CA)
    return { kind: 'welcome', welcome: { ...answer.welcome, id: THREE, certificate } }
  })
  // One of those it knows does not answer.
  const data = member(1, port)
  const before = readCluster(data)
  const self = { id: THREE, name: 'two', host: '127.0.0.1', port: 7_480 }
  const done = await rejoinCluster({ data, at: undefined, addon: undefined })
  expect(done).toEqual({ before: TWO, self })
  const token = checkToken(CA, asked?.token ?? '', NODES)
  expect(token).toMatchObject({ ok: true, value: { replaces: TWO } })
  const files = readCluster(data)
  expect(files?.settings).toMatchObject({ self, isNew: true })
  expect(files?.authority).toEqual(CA)
  expect(files?.identity.key).not.toBe(before?.identity.key)
  expect(existsSync(join(data, 'pbx.db'))).toBe(false)
  const kept = readFileSync(join(data, SET_ASIDE, 'pbx.db-wal'), 'utf8')
  expect(kept).toBe('broken pbx.db-wal')
})

test('a rejoin that the disk cuts short is done again, and keeps what was set aside', async () => {
  const data = member(await node(welcome))
  symlinkSync('/dev/full', join(data, 'secret.key.new'))
  const rejoin = () => rejoinCluster({ data, at: undefined, addon: undefined })
  await expect(rejoin()).rejects.toThrow(/ENOSPC.*pbx cluster rejoin again$/)
  await rejoin()
  expect(readFileSync(join(data, SET_ASIDE, 'pbx.db'), 'utf8')).toBe('broken pbx.db')
})

test('who is not taken back is as before, and is told why', async () => {
  const port = await node(() => ({ kind: 'refused', why: 'nobody leads' }))
  const data = member(1, port)
  const before = readCluster(data)
  const rejoin = (of: string, at?: string) => rejoinCluster({ data: of, at, addon: undefined })
  await expect(rejoin(data)).rejects.toThrow(/ECONNREFUSED.*; nobody leads$/)
  await expect(rejoin(data, `127.0.0.1:${port}`)).rejects.toThrow('nobody leads')
  expect(readCluster(data)).toEqual(before)
  expect(readFileSync(join(data, 'pbx.db'), 'utf8')).toBe('broken pbx.db')
  await expect(rejoin(member())).rejects.toThrow('name one with --at')
  await expect(rejoin(joining('').data)).rejects.toThrow(/join; if .*lost.*pbx cluster remove/)
})

test('a token is good for its cluster, for its time, and as it was made', () => {
  const token = tokenFor(5)
  const now = wallTime(NOW.getTime())
  const checked = checkToken(CA, token, NODES)
  if (!checked.ok) throw new Error(checked.error)
  expect(checked.value).toMatchObject({ port: 5 })
  expect(checkToken(OTHER, token, NODES)).toMatchObject({ ok: false })
  expect(expired(checked.value, now)).toBeUndefined()
  expect(expired(checked.value, wallTime(now - 48 * HOUR))).toMatch(
    /of another time .*compare the clocks/,
  )
  expect(expired(checked.value, wallTime(now + 2 * HOUR))).toMatch(
    /expired \(it is good until .*compare the clocks/,
  )
  const [body = '', signed = ''] = token.split('.')
  const longer = { ...readToken(token), expires: now + 1_000 * HOUR }
  const forged = `${Buffer.from(JSON.stringify(longer)).toString('base64url')}.${signed}`
  const own = { purpose: NODES, host: '127.0.0.1', port: 5, expires: now + HOUR } as const
  // Of before: good for any host, and as often as one likes.
  const forAny = makeToken(CA, own)
  const garbled = makeToken(CA, { ...own, id: 'node-x' as NodeId })
  for (const bad of [forAny, garbled, forged, body, `${body}.`, `${token}x`, ''])
    expect(checkToken(CA, bad, NODES)).toMatchObject({ ok: false })
})
