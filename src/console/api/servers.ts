//! Servers on hosts of their own: which there are, and how a host becomes one.

import { isIPv4 } from 'node:net'
import { Type, type Static } from 'typebox'
import type { Cluster } from '../../cluster/cluster.ts'
import { HttpRefusal } from '../../http/server.ts'
import { registeredServer, registeredServers, serverId } from '../../store/schema/server.ts'
import type { Store } from '../../store/store.ts'
import { commit } from '../committed.ts'
import type { ConsoleContext } from '../context.ts'
import { clusterOf } from './cluster.ts'
import * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

const NamePath = Type.Object({ name: Type.String({ maxLength: 63 }) })
const AddBody = Type.Object(
  {
    name: Type.String({ maxLength: 255, description: 'letters, digits, . _ -' }),
    role: Type.String({ maxLength: 255, description: 'media' }),
    address: Type.String({ maxLength: 255, description: 'of its host, IPv4' }),
  },
  { additionalProperties: false },
)
const RemovedShape = Type.Object({ removed: Type.String() })

type Context = Pick<ConsoleContext, 'cluster' | 'store' | 'view'>

export function serverRoutes(api: Api, context: Context): void {
  const { store } = context
  api.get('/servers', { schema: { response: { 200: shapes.ServerList } } }, () => ({
    items: serversOf(context),
  }))
  api.post(
    '/servers',
    { schema: { body: AddBody, response: { 201: shapes.ServerInvitation } } },
    async ({ body: { name, role, address } }, reply) => {
      const cluster = clusterOf(context)
      const why = faultOf({ name, role, address }, cluster)
      if (why !== undefined) throw new HttpRefusal(400, why)
      await commit(store, { kind: 'server.added', name, role: 'media', address })
      return reply.code(201).send({ name, command: invitation(cluster, store, name) })
    },
  )
  api.post(
    '/servers/:name/token',
    { schema: { params: NamePath, response: { 200: shapes.ServerInvitation } } },
    ({ params: { name } }) => ({ name, command: invitation(clusterOf(context), store, name) }),
  )
  api.delete(
    '/servers/:name',
    { schema: { params: NamePath, response: { 200: RemovedShape } } },
    async ({ params: { name } }) => {
      await commit(store, { kind: 'server.removed', name })
      return { removed: name }
    },
  )
}

/** Undefined when it can be registered as far as can be seen. Hosts hold one role. */
export function faultOf(
  { name, role, address }: Static<typeof AddBody>,
  cluster: Pick<Cluster, 'vips' | 'nodes'>,
): string | undefined {
  if (!/^[\w.-]{1,63}$/.test(name))
    return `the name "${name}" must be 1 to 63 letters, digits, or . _ -`
  if (role !== 'media') return `the role "${role}" must be media`
  if (!isIPv4(address)) return `the address "${address}" must be an IPv4 address, of its host`
  if (cluster.vips.includes(address))
    return `${address} is the virtual address: give the host's own`
  const node = cluster.nodes().find(({ host }) => host === address)
  return node && `${address} is the address of the node ${node.name}: give a host of its own`
}

/** Whether they are there, as seen from this node. */
export function serversOf({ store, cluster, view }: Context): shapes.ServerView[] {
  const connected = new Set(cluster?.servers.connected())
  return store.read(registeredServers).map((server) => {
    const { name, role, address, key } = server
    const id = serverId(server)
    const isConnected = connected.has(id)
    const state = key === undefined ? 'never joined' : isConnected ? 'online' : 'offline'
    const sessions = view.sessionsOn(id)
    return { name, role, address, state, ...(sessions === undefined ? {} : { sessions }) }
  })
}

/** What is to be run on its host. */
function invitation(cluster: Cluster, store: Store, name: string): string {
  const server = store.read((db) => registeredServer(db, name))
  if (server === undefined) throw new HttpRefusal(404, `there is no server ${name}`)
  const { role, address } = server
  const { at, token } = cluster.invite(name)
  const place = `--role ${role} --join ${at} --name ${name} --address ${address}`
  return `pbx ${place} --data /var/lib/pbx --token ${token}`
}
