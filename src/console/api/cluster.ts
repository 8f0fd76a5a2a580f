//! The cluster: how it stands, and what an administrator may ask of it.

import { Type } from 'typebox'
import type { Cluster } from '../../cluster/cluster.ts'
import type { NodeId } from '../../control/ids.ts'
import type { SchemaStanding } from '../../store/replica/upgrade.ts'
import { HttpRefusal } from '../../http/server.ts'
import type { ConsoleContext } from '../context.ts'
import { defined } from './defined.ts'
import type * as shapes from './shapes.ts'
import type { Api } from './typed.ts'

const NodePath = Type.Object({ node: Type.String({ maxLength: 63 }) })
const TransferBody = Type.Object(
  {
    to: Type.Optional(
      Type.String({ maxLength: 63, description: 'the best one when it is left out' }),
    ),
  },
  { additionalProperties: false },
)
const DoneShape = Type.Object({ done: Type.Boolean() })

export function clusterRoutes(api: Api, context: Pick<ConsoleContext, 'cluster'>): void {
  api.post(
    '/cluster/transfer',
    { schema: { body: TransferBody, response: { 200: DoneShape } } },
    async ({ body }) => {
      const cluster = clusterOf(context)
      return done(
        await cluster.transfer(body.to === undefined ? undefined : nodeOf(cluster, body.to)),
      )
    },
  )
  api.delete(
    '/cluster/nodes/:node',
    { schema: { params: NodePath, response: { 200: DoneShape } } },
    async ({ params }) => {
      const cluster = clusterOf(context)
      return done(await cluster.remove(nodeOf(cluster, params.node)))
    },
  )
}

/** Throws what is said to whoever asks a system that is alone. */
export function clusterOf({ cluster }: Pick<ConsoleContext, 'cluster'>): Cluster {
  if (cluster !== undefined) return cluster
  throw new HttpRefusal(409, 'this system is alone: make a cluster with pbx cluster init')
}

/** By its id, or by its name. */
function nodeOf(cluster: Pick<Cluster, 'nodes'>, given: string): NodeId {
  const nodes = cluster.nodes()
  const named = nodes.find(({ name }) => name.toLowerCase() === given.toLowerCase())
  const found = nodes.find(({ id }) => id === given) ?? named
  if (found !== undefined) return found.id
  const all = nodes.map(({ id, name }) => `${name} (${id})`).join(', ')
  throw new HttpRefusal(409, `there is no node ${given}; there are ${all}`)
}

function done(refused: string | undefined): { done: boolean } {
  if (refused !== undefined) throw new HttpRefusal(409, refused)
  return { done: true }
}

type Upgrading = Required<Pick<shapes.ClusterView, 'upgrade'>>

/** What the nodes have not gone over to yet. */
function upgradePart({ inForce, newest, waitsFor }: SchemaStanding): Partial<Upgrading> {
  if (newest === inForce) return {}
  const waits = waitsFor.map(({ id, knows }) => ({ node: id, ...defined({ knows }) }))
  return { upgrade: { to: newest, waitsFor: waits } }
}

/** Of the status; nothing of a system that is alone. */
export function clusterPart(cluster: Cluster | undefined): { cluster?: shapes.ClusterView } {
  const standing = cluster?.standing
  if (cluster === undefined || standing === undefined) return {}
  const { id, role, isActive, leader, term, holdsAddress, why, since } = standing
  const { unguarded, urgency, applied, compared, schema, noSnapshot, dismissed } = standing
  const nodes = new Map(cluster.nodes().map((node) => [node.id, node]))
  const members = standing.members.map(({ lag, unfit, clockAhead, differs, ...member }) => {
    const node = nodes.get(member.id)
    const at = node === undefined ? 'not known yet' : `${node.host}:${node.port}`
    const missing = cluster.files.get(member.id)?.missing
    const known = defined({ lag, unfit: unfit?.why, missing, clockAhead, differs })
    return { ...member, name: node?.name ?? member.id, at, ...known }
  })
  return {
    cluster: {
      node: id,
      role,
      isActive,
      term,
      holdsAddress,
      isGuarded: unguarded === undefined,
      urgency,
      why,
      since: new Date(since).toISOString(),
      applied,
      compared,
      ...upgradePart(schema),
      ...defined({ unguarded, noSnapshot, dismissed }),
      members,
      ...(leader === undefined ? {} : { leader }),
      ...(cluster.vip === undefined ? {} : { address: cluster.vip }),
    },
  }
}
