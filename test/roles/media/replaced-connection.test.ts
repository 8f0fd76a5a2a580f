//! A media server that has lost its connection before its node knows of it, and dials again: over
//! real TLS, with all that is between the peer link and whoever asks.

import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { MessageChannel } from 'node:worker_threads'
import { afterEach, expect, test, vi } from 'vitest'
import { openPeerLink, type LinkOptions, type PeerLink } from '../../../src/cluster/peer-link.ts'
import { relayServers } from '../../../src/cluster/server-relay.ts'
import { ConnectedServers } from '../../../src/cluster/servers.ts'
import type { NodeId } from '../../../src/control/ids.ts'
import type { MediaEvent } from '../../../src/control/media-control.ts'
import { MediaByRequests } from '../../../src/media/by-requests.ts'
import { authority, issue } from '../../../src/x509/issue.ts'
import { MediaPool } from '../../../roles/media/pool.ts'
import { MediaServer } from '../../../roles/media/server.ts'
import { watchStatus } from '../../../roles/media/worker-status.ts'
import { World } from '../../harness/world.ts'
import { simMedia, type SimMedia } from '../../media/sim-media.ts'
import { realHost } from '../../store/host.ts'
import { talk } from './media-office.ts'

const CA = authority('pbx cluster', new Date())
const NODE = 'node-1' as NodeId
const SERVER = 'media:one' as NodeId
const LOOPBACK = '127.0.0.1'
const closing: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

async function link(id: NodeId, listen: LinkOptions['listen']): Promise<PeerLink> {
  const options = { identity: issue([id], CA), authority: CA.certificate, listen }
  const made = await openPeerLink({ ...options, host: realHost(), id })
  closing.push(() => made.close())
  return made
}

type Wire = { readonly server: Socket; readonly node: Socket }

/** Between a server and the port of a node. */
async function network(port: number) {
  const wires: Wire[] = []
  const door = createServer((server) => {
    const node = connect({ port, host: LOOPBACK })
    wires.push({ server, node })
    for (const end of [server, node]) end.on('error', () => {})
    server.pipe(node).pipe(server)
    closing.push(() => node.destroy())
  })
  await new Promise<void>((resolve) => void door.listen(0, LOOPBACK, resolve))
  closing.push(() => door.close())
  return { wires, port: (door.address() as AddressInfo).port }
}

/** Nothing that this end says arrives any more, and nobody knows. */
function goDark(end: Socket): void {
  end.unpipe()
  end.resume()
}

async function mediaServer(port: number): Promise<SimMedia> {
  const own = await link(SERVER, undefined)
  const media = await simMedia(new World(1))
  const status = await watchStatus(realHost(), media.carrier)
  const server = new MediaServer({
    host: realHost(),
    media: media.carrier,
    status: status.newest,
    send: (to, data) => void own.send(to, 'rpc', data),
    onNodes: () => {},
  })
  closing.push(server.stop.bind(server), status.stop)
  own.arrived(({ from, data }) => server.take(from, data))
  own.dial({ id: NODE, host: LOOPBACK, port })
  return media
}

async function leader(node: PeerLink) {
  const { port1, port2 } = new MessageChannel()
  closing.push(() => port1.close())
  relayServers(node, port1)
  const servers = new ConnectedServers(port2)
  const { carrier } = await simMedia(new World(2))
  const pool = new MediaPool({
    host: realHost(),
    local: carrier,
    link: {
      registered: () => [SERVER],
      connected: () => servers.connected(),
      term: 1,
      nodes: () => [],
      send: (to, data) => servers.send(to, data),
      arrived: servers.arrived,
      changed: servers.changed,
    },
  })
  closing.push(() => pool.stop())
  const events: MediaEvent[] = []
  pool.events((event) => events.push(event))
  return { pool, media: new MediaByRequests(pool), events }
}

test.each([
  ['what was asked', 'node'],
  ['what was done, and answered,', 'server'],
] as const)('%s meanwhile is asked again as soon as it is back', async (_, end) => {
  const node = await link(NODE, { host: LOOPBACK, port: 0 })
  const leading = await leader(node)
  const { wires, port } = await network(node.port)
  const { carrier } = await mediaServer(port)
  await vi.waitUntil(() => leading.pool.statusOf(SERVER) !== undefined)
  await talk(leading, 'one')
  const downs: NodeId[] = []
  node.changed(({ peer, isUp }) => void (isUp || downs.push(peer)))
  const [wire] = wires
  if (wire === undefined) throw new Error('it came another way')
  goDark(wire[end])
  const asked = talk(leading, 'one', 'c').then(() => 'done')
  await new Promise((resolve) => void setTimeout(resolve, 100))
  wire.server.destroy()
  // Sooner than the node itself sees that the connection before is gone.
  const late = new Promise((resolve) => void setTimeout(resolve, 2_000, 'late'))
  expect(await Promise.race([asked, late])).toBe('done')
  expect([downs, wires.length, leading.events]).toEqual([[], 2, []])
  expect(await carrier.ask({ method: 'sessions' })).toEqual(['one-a', 'one-b', 'one-c'])
})
