//! A media server on a host of its own: sound, the link to the call managers, and nothing else.

import { MediaServer } from '../../roles/media/server.ts'
import type { NodeAddress } from '../../roles/media/messages.ts'
import { joinAsServer, writeServer, type ServerFiles } from '../cluster/join/ask-server.ts'
import { Dialled } from '../cluster/dialled.ts'
import { openPeerLink, type PeerLink } from '../cluster/peer-link.ts'
import type { Host } from '../base/host.ts'
import type { Config } from '../config/config.ts'
import type { Installation } from '../config/installation.ts'
import { loadIdentity } from '../http/certificate.ts'
import { HttpRefusal, openHttp } from '../http/server.ts'
import { isLocal } from '../http/local.ts'
import { Metrics } from '../observe/metrics.ts'
import type { MediaRole } from '../../roles/media/role.ts'
import { hostAddresses } from '../config/addresses.ts'
import type { Opened } from './opened.ts'
import { openMedia } from './roles.ts'

export type MediaServerOptions = {
  readonly config: Config
  /** Where the cluster is. */
  readonly join: string
  readonly installation: Installation
  readonly host: Host
}

/** Rejects with what does not fit, or with why the cluster does not take it. */
export async function openMediaServer(
  options: MediaServerOptions,
  opened: Opened,
): Promise<() => Promise<boolean>> {
  const { config, host, installation, join: at } = options
  const { data, name, token } = config
  const address = isAny(config.address) ? undefined : config.address
  const files = await joinAsServer({ data, name, role: 'media', at, token, address })
  const metrics = new Metrics(name)
  const media = await openMedia({ config, installation, host, metrics })
  opened.add(() => media.stop())
  const { membership, identity, authority } = files
  const { id } = membership
  const link = await openPeerLink({ host, id, identity, authority, listen: undefined })
  opened.add(() => link.close())
  // Connected to all call managers, so that any of them may lead at once.
  const dialled = new Dialled(link)
  const follow = (nodes: readonly NodeAddress[]): void => {
    if (dialled.follow(nodes)) keep(data, files, nodes)
  }
  const server = new MediaServer({
    host,
    media: media.carrier,
    status: media.status,
    send: (to, frame) => void link.send(to, 'rpc', frame),
    onNodes: follow,
  })
  opened.add(() => server.stop())
  link.arrived(({ from, channel, data: frame }) => {
    if (channel === 'rpc') server.take(from, frame)
  })
  follow(membership.nodes)
  await openDoors(options, { media, link, metrics }, opened)
  const { version } = installation
  host.log('info', 'server.started', { version, roles: 'media', data })
  process.stdout.write(`\npbx ${version} is the media server ${name}; data in ${data}\n\n`)
  return () => Promise.resolve(media.status() !== undefined)
}

type Parts = { readonly media: MediaRole; readonly link: PeerLink; readonly metrics: Metrics }

/** For whoever watches: `/healthz`, and `/metrics` for this machine. */
async function openDoors(
  { config, host }: MediaServerOptions,
  { media, link, metrics }: Parts,
  opened: Opened,
): Promise<void> {
  const { names } = hostAddresses(config.address, config.publicAddress)
  const http = await openHttp({
    address: config.address,
    httpPort: config.httpPort,
    httpsPort: config.httpsPort,
    identity: loadIdentity(config.tls, config.data, names, new Date()),
    metrics,
    log: host.log,
    routes(app) {
      app.get('/healthz', (_request, reply) => {
        const checks = [
          { name: 'media', ok: media.status() !== undefined },
          { name: 'call-manager', ok: link.peers.length > 0 },
        ]
        const healthy = checks.every(({ ok }) => ok)
        return reply.code(healthy ? 200 : 503).send({ healthy, checks })
      })
      app.get('/metrics', async (request, reply) => {
        const isHere = isLocal(request.ip) || request.ip === config.address
        if (!isHere) throw new HttpRefusal(403, 'ask from this machine')
        return reply.type(metrics.contentType).send(await metrics.text())
      })
    },
    onUpgrade: ({ socket }) => void socket.destroy(),
  })
  opened.add(() => http.close(0))
}

/** It finds them again when it starts anew. */
function keep(data: string, files: ServerFiles, nodes: readonly NodeAddress[]): void {
  const kept = nodes.map(({ id, host, port }) => ({ id, host, port }))
  writeServer(data, { ...files, membership: { ...files.membership, nodes: kept } })
}

function isAny(address: string): boolean {
  return address === '0.0.0.0' || address === '::'
}
