//! Servers on hosts of their own: which there are, and how a host becomes one.

import { Type } from 'typebox'
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
    name: Type.String({ pattern: '^[A-Za-z0-9._-]{1,63}$', description: 'letters, digits, . _ -' }),
    role: Type.Literal('media'),
    address: Type.String({ format: 'ipv4', description: 'of its host' }),
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
      await commit(store, { kind: 'server.added', name, role, address })
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
