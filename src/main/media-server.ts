//! A media server on a host of its own: sound, the link to the call managers, and nothing else.

import { MediaServer } from '../../roles/media/server.ts'
import type { NodeAddress } from '../../roles/media/messages.ts'
import { joinAsServer, writeServer, type ServerFiles } from '../cluster/join/ask-server.ts'
import { Dialled } from '../cluster/dialled.ts'
import { openPeerLink, type PeerLink } from '../cluster/peer-link.ts'
import type { Host } from '../base/host.ts'
import type { Config } from '../config/config.ts'
import { removeRunFile, writeRunFile } from '../config/run-file.ts'
import type { Health, ServerStatus } from '../console/api/shapes.ts'
import { serverStatusRoutes } from '../console/server-status.ts'
import type { Installation } from '../config/installation.ts'
import { loadIdentity } from '../http/certificate.ts'
import { localToken } from '../http/secrets.ts'
import { HttpRefusal, openHttp } from '../http/server.ts'
import { isLoopback } from '../base/address.ts'
import { Metrics } from '../observe/metrics.ts'
import type { MediaRole } from '../../roles/media/role.ts'
import { hostAddresses, isAny } from '../config/addresses.ts'
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
  const again = `pbx server add ${name}, and start this one with the --token that is printed`
  const ifDismissed = `stop it, or register it again: ${again}`
  const link = await openPeerLink({
    host,
    id,
    identity,
    authority,
    listen: undefined,
    ifDismissed,
  })
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
  await openDoors(options, { media, link, metrics, dialled, server }, opened)
  const { version } = installation
  host.log('info', 'server.started', { version, roles: 'media', data })
  process.stdout.write(`\npbx ${version} is the media server ${name}; data in ${data}\n\n`)
  return () => Promise.resolve(media.status() !== undefined)
}

type Parts = {
  readonly media: MediaRole
  readonly link: PeerLink
  readonly metrics: Metrics
  readonly dialled: Dialled
  readonly server: MediaServer
}

/** For whoever watches: `/healthz`, `/metrics` for this machine, and what `pbx status` shows. */
async function openDoors(
  { config, host, installation }: MediaServerOptions,
  parts: Parts,
  opened: Opened,
): Promise<void> {
  const { metrics } = parts
  const { names, local } = hostAddresses(config.address, config.publicAddress)
  const startedAt = new Date(host.wall()).toISOString()
  const { name, data } = config
  const { version } = installation
  const http = await openHttp({
    address: config.address,
    httpPort: config.httpPort,
    httpsPort: config.httpsPort,
    identity: loadIdentity(config.tls, config.data, names, new Date()),
    metrics,
    log: host.log,
    routes(app) {
      app.get('/metrics', async (request, reply) => {
        const isHere = isLoopback(request.ip) || request.ip === config.address
        if (!isHere) throw new HttpRefusal(403, 'ask from this machine')
        return reply.type(metrics.contentType).send(await metrics.text())
      })
      serverStatusRoutes(app, {
        token: localToken(data),
        health: () => healthOf(parts),
        status: () => ({ name, version, roles: ['media'], startedAt, server: viewOf(parts) }),
      })
    },
    onUpgrade: ({ socket }) => void socket.destroy(),
  })
  opened.add(() => http.close(0))
  const url = local.includes(':') ? `[${local}]` : local
  writeRunFile(data, { pid: process.pid, api: `http://${url}:${http.httpPort}` })
  opened.add(() => removeRunFile(data))
}

function healthOf({ media, link }: Parts): Health {
  const checks = [
    check('media', media.status() === undefined ? 'its worker does not answer' : undefined),
    check('call-manager', link.peers.length > 0 ? undefined : (link.dismissed ?? 'none connected')),
  ]
  return { healthy: checks.every(({ ok }) => ok), checks }
}

function check(name: string, detail: string | undefined): Health['checks'][number] {
  return detail === undefined ? { name, ok: true } : { name, ok: false, detail }
}

function viewOf({ media, link, dialled, server }: Parts): ServerStatus['server'] {
  const { peers } = link
  const { leader } = server
  const sessions = media.status()?.sessions
  const callManagers = dialled.nodes.map(({ id, host, port }) => {
    return { id, at: `${host}:${port}`, isConnected: peers.includes(id) }
  })
  return {
    callManagers,
    ...(leader === undefined ? {} : { leader }),
    ...(sessions === undefined ? {} : { sessions }),
  }
}

/** It finds them again when it starts anew. */
function keep(data: string, files: ServerFiles, nodes: readonly NodeAddress[]): void {
  const kept = nodes.map(({ id, host, port }) => ({ id, host, port }))
  writeServer(data, { ...files, membership: { ...files.membership, nodes: kept } })
}
