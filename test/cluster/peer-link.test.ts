//! Links over real TLS on loopback.

import { afterEach, expect, test, vi } from 'vitest'
import { createPublicKey } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import {
  openPeerLink,
  type Arrived,
  type LinkOptions,
  type PeerLink,
} from '../../src/cluster/peer-link.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { authority, issue, keyHash, type Identity } from '../../src/x509/issue.ts'
import { realHost, type LoggedEvent } from '../store/host.ts'

const NOW = new Date()
const CA = authority('pbx cluster', NOW)
const [A, B] = ['a', 'b'] as NodeId[] as [NodeId, NodeId]
const SERVER = 'media:one' as NodeId
const open: PeerLink[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((link) => link.close()))
})

type More = { readonly host?: string; readonly port?: number } & Pick<
  LinkOptions,
  'known' | 'farewell'
>

async function link(
  id: NodeId,
  by: Identity = CA,
  { host = '127.0.0.1', port = 0, ...more }: More = {},
) {
  const made = await openPeerLink({
    ...more,
    host: realHost(),
    id,
    identity: issue([id], by),
    authority: CA.certificate,
    listen: { host, port },
  })
  open.push(made)
  return made
}

function heard(at: PeerLink): string[] {
  const texts: string[] = []
  at.arrived(({ from, channel, data }: Arrived) => {
    texts.push(`${from} ${channel} ${Buffer.from(data).toString()}`)
  })
  return texts
}

const address = (id: NodeId, { port }: PeerLink) => ({ id, host: '127.0.0.1', port })

/** Over TCP; it says nothing. */
async function connected(socket: Socket): Promise<Socket> {
  socket.on('error', () => {})
  await new Promise((resolve) => void socket.once('connect', resolve))
  // The other end has it too.
  await new Promise((resolve) => void setTimeout(resolve, 20))
  return socket
}

/** Here, and with that over there soon. */
async function gone(sockets: readonly Socket[]): Promise<void> {
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => void setTimeout(resolve, 100))
}

test('who has a certificate that is out of its time is no stranger: clocks are named', async () => {
  const old = authority('pbx cluster', new Date(NOW.getTime() - 30 * 365 * 86_400_000))
  const { certificate: cert, key } = issue([B], old)
  const events: LoggedEvent[] = []
  const strangers: unknown[] = []
  const made = await openPeerLink({
    host: realHost(events),
    id: A,
    identity: issue([A], old),
    authority: old.certificate,
    listen: { host: '127.0.0.1', port: 0 },
    onStranger: (socket) => void strangers.push(socket.destroy()),
  })
  open.push(made)
  const socket = connectTls({ port: made.port, cert, key, rejectUnauthorized: false })
  socket.on('error', () => {})
  await new Promise((resolve) => void socket.once('close', resolve).resume())
  expect(strangers).toEqual([])
  expect(JSON.stringify(events)).toMatch(/peer.refused.*EXPIRED: compare the clocks/)
})

test('one dials, both speak', async () => {
  const [a, b] = [await link(A), await link(B)]
  const [atA, atB] = [heard(a), heard(b)]
  a.dial(address(B, b))
  await vi.waitUntil(() => a.peers.length + b.peers.length === 2)
  expect(a.send(B, 'raft', Buffer.from('hello'))).toBe(true)
  expect(b.send(A, 'rpc', Buffer.alloc(100_000, 'x'))).toBe(true)
  await vi.waitUntil(() => atA.length + atB.length === 2)
  expect(atB).toEqual(['a raft hello'])
  expect(atA[0]).toHaveLength(100_000 + 'b rpc '.length)
})

test('who is gone is dialled until it is back', async () => {
  const [a, b] = [await link(A), await link(B)]
  a.dial(address(B, b))
  await vi.waitUntil(() => a.peers.length === 1)
  const { port } = b
  await b.close()
  await vi.waitUntil(() => a.peers.length === 0)
  expect(a.send(B, 'raft', Buffer.from('lost'))).toBe(false)
  const again = await link(B, CA, { port })
  const atB = heard(again)
  await vi.waitUntil(() => a.peers.length === 1, { timeout: 5_000 })
  a.send(B, 'raft', Buffer.from('back'))
  await vi.waitUntil(() => atB.length === 1)
})

test('a node of another cluster, and one under another name, are not spoken to', async () => {
  const [a, b] = [await link(A), await link(B)]
  const stranger = await link(B, authority('pbx cluster', NOW))
  stranger.dial(address(A, a))
  const misnamed = await link('c' as NodeId)
  a.dial(address(B, misnamed))
  await new Promise((resolve) => void setTimeout(resolve, 300))
  // Who dials is through with a handshake before it is turned away (RFC 8446 §2), time and again.
  expect([a.peers, b.peers]).toEqual([[], []])
})

test('what does not speak in frames is closed; a stranger on the port harms nobody', async () => {
  const a = await link(A)
  const socket = connect(a.port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write('GET / HTTP/1.1\r\n\r\n')
  await new Promise((resolve) => void socket.once('close', resolve))
  expect(a.peers).toEqual([])
})

test('a crowd that says nothing does not keep a node out', async () => {
  const known = () => [{ id: A, host: '127.0.0.1' }]
  const b = await link(B, CA, { known })
  const closed: Promise<unknown>[] = []
  const crowd = Array.from({ length: 300 }, (_, place) => {
    const localAddress = `127.0.1.${1 + (place % 200)}`
    const socket = connect({ port: b.port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    closed.push(new Promise((resolve) => void socket.once('close', resolve)))
    return socket
  })
  await vi.waitUntil(() => crowd.filter(({ closed: isClosed }) => isClosed).length >= 260)
  const a = await link(A)
  a.dial(address(B, b))
  await vi.waitUntil(() => b.peers.length === 1)
  // Those that got in are gone too, after the time that a handshake may take, and make room.
  await Promise.all(closed)
  const stranger = connect({ port: b.port, host: '127.0.0.1', localAddress: '127.0.1.1' })
  await new Promise((resolve) => void stranger.once('connect', resolve))
  await new Promise((resolve) => void setTimeout(resolve, 100))
  expect(stranger.closed).toBe(false)
  stranger.destroy()
})

test('who leaves by one address of a node makes room, whatever comes by another', async () => {
  const b = await link(B, CA, { host: '0.0.0.0', known: () => [] })
  const at = (host: string, localPort?: number): Promise<Socket> => {
    const from = { localAddress: '127.0.1.1', ...(localPort !== undefined && { localPort }) }
    return connected(connect({ port: b.port, host, ...from }))
  }
  const sockets: Socket[] = []
  for (let pair = 0; pair < 2; pair++) {
    const one = await at('127.0.0.1')
    // The same end over there, of another connection.
    sockets.push(one, await at('127.0.0.2', one.localPort))
  }
  await gone(sockets)
  const again = await Promise.all([1, 2, 3, 4].map(() => at('127.0.0.1')))
  await new Promise((resolve) => void setTimeout(resolve, 200))
  expect(again.map(({ closed }) => closed)).toEqual([false, false, false, false])
  await gone(again)
})

test('who has proved itself makes room for the next', async () => {
  const nodes = ['c', 'd', 'e', 'f', 'g', 'h'] as NodeId[]
  // From an address that is none of theirs, at which few may be at once that prove nothing.
  const b = await link(B, CA, { known: () => nodes.map((id) => ({ id, host: '10.9.9.9' })) })
  for (const id of nodes) (await link(id)).dial(address(B, b))
  await vi.waitUntil(() => b.peers.length === nodes.length)
})

test('a flood of connections costs few looks at who there is', async () => {
  let looks = 0
  const known = (): [] => {
    looks++
    return []
  }
  const { port } = await link(B, CA, { known })
  const flood = Array.from({ length: 1_000 }, (_, place) => {
    const localAddress = `127.0.${1 + (place >> 7)}.${1 + (place & 127)}`
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    socket.on('error', () => {})
    return socket
  })
  const turnedAway = (): number => flood.filter(({ closed }) => closed).length
  await vi.waitUntil(() => turnedAway() >= 900, { timeout: 20_000 })
  // One a second, however long it takes here.
  expect(looks).toBeLessThan(20)
  for (const socket of flood) socket.destroy()
})

test('a node that is none any more is let go of, and not let in again', async () => {
  const nodes = [
    { id: A, host: '127.0.0.1' },
    { id: B, host: '127.0.0.1' },
  ]
  const [a, b] = [await link(A), await link(B, CA, { known: () => nodes })]
  a.dial(address(B, b))
  await vi.waitUntil(() => b.peers.length === 1)
  let tries = 0
  a.changed(({ isUp }) => void (tries += isUp ? 1 : 0))
  nodes.shift()
  b.partWithUnknown()
  await vi.waitUntil(() => b.peers.length === 0)
  await new Promise((resolve) => void setTimeout(resolve, 2_000))
  expect(b.peers).toEqual([])
  // Each costs both ends a handshake.
  expect(tries).toBeLessThan(6)
})

test('who is told that it is no member says what to do, and dials far less often', async () => {
  const events: LoggedEvent[] = []
  const options = { identity: issue([SERVER], CA), authority: CA.certificate, listen: undefined }
  const ifDismissed = 'register it again'
  const host = realHost(events)
  const server = await openPeerLink({ ...options, host, id: SERVER, ifDismissed })
  open.push(server)
  let known: ReturnType<NonNullable<LinkOptions['known']>> = []
  const leader = await link(A, CA, { known: () => known, farewell: () => 'it was removed' })
  server.dial(address(A, leader))
  await vi.waitUntil(() => server.dismissed !== undefined)
  expect(server.dismissed).toBe('it was removed')
  let ups = 0
  server.changed(({ isUp }) => void (ups += isUp ? 1 : 0))
  await new Promise((resolve) => void setTimeout(resolve, 3_000))
  expect(ups).toBe(0)
  const told = events.filter(({ event }) => event === 'peer.dismissed')
  const fields = { peer: A, why: 'it was removed', mend: ifDismissed }
  expect(told).toEqual([{ level: 'error', event: 'peer.dismissed', fields }])
  // It is one again, and hears so from who leads.
  known = [{ id: SERVER, host: '127.0.0.1' }]
  server.dial(address(A, leader))
  await vi.waitUntil(() => leader.servers === 1)
  leader.send(SERVER, 'rpc', Buffer.from('lead'))
  await vi.waitUntil(() => server.dismissed === undefined)
})

test('a node that does not know for sure dismisses nobody', async () => {
  const server = await link(SERVER)
  const follower = await link(A, CA, { known: () => [], farewell: () => undefined })
  server.dial(address(A, follower))
  let ups = 0
  server.changed(({ isUp }) => void (ups += isUp ? 1 : 0))
  await vi.waitUntil(() => ups > 2, { timeout: 5_000 })
  expect(server.dismissed).toBeUndefined()
})

test('a node that may have joined since is let in; a server or one that left is not', async () => {
  const [left, fresh] = ['node-3', 'node-4'] as NodeId[] as [NodeId, NodeId]
  const hasLeft = new Set([left])
  const farewell: LinkOptions['farewell'] = ({ peer }) =>
    hasLeft.has(peer) ? `${peer} was removed` : undefined
  const b = await link(B, CA, { known: () => [], farewell })
  const [gone, joined, server] = [await link(left), await link(fresh), await link(SERVER)]
  for (const each of [gone, joined, server]) each.dial(address(B, b))
  await vi.waitUntil(() => b.peers.length === 1 && gone.dismissed !== undefined)
  // Nor is it parted with, until it is known that it is none.
  b.partWithUnknown()
  await new Promise((resolve) => void setTimeout(resolve, 300))
  expect(b.peers).toEqual([fresh])
  expect([joined.dismissed, server.dismissed]).toEqual([undefined, undefined])
  hasLeft.add(fresh)
  b.partWithUnknown()
  await vi.waitUntil(() => joined.dismissed !== undefined)
  expect(b.peers).toEqual([])
})

test('two that dial each other come to have one connection, and keep it', async () => {
  const [a, b] = [await link(A), await link(B)]
  const told: string[] = []
  for (const each of [a, b]) each.changed(({ isUp, peer }) => void told.push(`${isUp} ${peer}`))
  a.dial(address(B, b))
  await vi.waitUntil(() => a.peers.length + b.peers.length === 2)
  // Who is connected need not be dialled: it is kept from now on.
  b.dial(address(A, a))
  a.dial(address(B, b))
  await new Promise((resolve) => void setTimeout(resolve, 500))
  expect(told.toSorted()).toEqual(['true a', 'true b'])
  a.hangUp(B)
  await vi.waitUntil(() => told.length === 6)
  expect(told.toSorted()).toEqual(['false a', 'false b', 'true a', 'true a', 'true b', 'true b'])
})

test('two that dial each other at the same moment come to have one connection', async () => {
  const [a, b] = [await link(A), await link(B)]
  let changes = 0
  for (const each of [a, b]) each.changed(() => void changes++)
  a.dial(address(B, b))
  b.dial(address(A, a))
  const isQuiet = async (): Promise<boolean> => {
    const before = changes
    await new Promise((resolve) => void setTimeout(resolve, 1_000))
    return changes === before && a.peers.length + b.peers.length === 2
  }
  await vi.waitUntil(isQuiet, { timeout: 10_000 })
})

test('nobody else is taken for the node itself', async () => {
  const b = await link(B)
  const twin = await link(B)
  twin.dial(address(B, b))
  await new Promise((resolve) => void setTimeout(resolve, 300))
  expect(b.peers).toEqual([])
})

test('a server that says too much waits, and says all of it', async () => {
  const [a, server] = [await link(A), await link(SERVER)]
  const ups: boolean[] = []
  let heardThere = 0
  a.arrived(() => void heardThere++)
  a.changed(({ isUp }) => void ups.push(isUp))
  server.dial(address(A, a))
  await vi.waitUntil(() => server.peers.length === 1)
  for (let time = 0; time < 50_000; time++) server.send(A, 'rpc', Buffer.alloc(0))
  await vi.waitUntil(() => heardThere >= 20_000, { timeout: 10_000 })
  // The rest is for the next seconds.
  expect(heardThere).toBeLessThan(45_000)
  await vi.waitUntil(() => heardThere === 50_000, { timeout: 20_000 })
  expect(ups).toEqual([true])
})

test('what is no message of a server ends its connection', async () => {
  const [a, server] = [await link(A), await link(SERVER)]
  server.dial(address(A, a))
  await vi.waitUntil(() => server.peers.length + a.peers.length === 2)
  server.send(A, 'rpc', Buffer.alloc((4 << 20) + 1))
  await vi.waitUntil(() => a.peers.length === 0, { timeout: 10_000 })
  await vi.waitUntil(() => server.peers.length + a.peers.length === 2, { timeout: 10_000 })
  server.send(A, 'raft', Buffer.from('x'))
  await vi.waitUntil(() => a.peers.length === 0, { timeout: 10_000 })
})

test('the host that a server was is let go of when another has become it', async () => {
  const id = SERVER
  const before = issue([id], CA)
  let key = keyHash(createPublicKey(before.certificate))
  const known = (): ReturnType<NonNullable<LinkOptions['known']>> => [
    { id, host: '127.0.0.1', key },
  ]
  const a = await link(A, CA, { known })
  const options = { host: realHost(), id, identity: before, authority: CA.certificate }
  const server = await openPeerLink({ ...options, listen: undefined })
  open.push(server)
  server.dial(address(A, a))
  await vi.waitUntil(() => a.peers.length === 1)
  a.partWithUnknown()
  expect(server.peers).toEqual([A])
  key = 'of another host'
  a.partWithUnknown()
  await vi.waitUntil(() => a.peers.length === 0)
})
