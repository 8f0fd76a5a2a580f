//! The nodes of the cluster, and where each takes connections of the others. Class: durable.

import type { NodeId } from '../../raft/entry.ts'
import { integer, text } from '../row.ts'
import {
  refuse,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type Schema,
  type WritableDatabase,
} from '../store.ts'

/** `host`: a name or an address, as the other nodes are to dial it. */
export type ClusterNode = {
  readonly id: NodeId
  readonly name: string
  readonly host: string
  readonly port: number
}

export type NodeCommand =
  | { readonly kind: 'node.joined'; readonly node: ClusterNode }
  | { readonly kind: 'node.left'; readonly id: NodeId }

const TABLES = `
CREATE TABLE nodes (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  host TEXT NOT NULL,
  port INTEGER NOT NULL,
  has_left INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
`

export const nodeSchema: Schema<NodeCommand> = {
  migrations: [{ version: 4, sql: TABLES }],
  apply,
}

/** One that has left stays known: its id is never given to another. */
function apply(db: WritableDatabase, command: NodeCommand): Refusal | undefined {
  if (command.kind === 'node.left') {
    const left = db.run('UPDATE nodes SET has_left = 1 WHERE id = ?', command.id)
    return left === 0 ? refuse(`there is no node ${command.id}`) : undefined
  }
  const { id, name, host, port } = command.node
  const same = 'SELECT id FROM nodes WHERE has_left = 0 AND id <> ? AND '
  if (db.get(`${same} lower(name) = lower(?)`, id, name) !== undefined)
    return refuse(`another node is named ${name}`)
  if (db.get(`${same} host = ? AND port = ?`, id, host, port) !== undefined)
    return refuse(`another node is at ${host} port ${port}`)
  db.run('INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, 0)', id, name, host, port)
  return undefined
}

export function clusterNodes(db: ReadOnlyDatabase): readonly ClusterNode[] {
  return db.all('SELECT * FROM nodes WHERE has_left = 0 ORDER BY id').map(nodeOf)
}

/** For good: its id is never given again. */
export function hasLeft(db: ReadOnlyDatabase, id: NodeId): boolean {
  return db.get('SELECT id FROM nodes WHERE id = ? AND has_left = 1', id) !== undefined
}

/** Of those that have left, too. */
export function givenNodeIds(db: ReadOnlyDatabase): readonly NodeId[] {
  return db.all('SELECT id FROM nodes').map((row) => text(row, 'id') as NodeId)
}

/** The first that was never given: `node-3` after `node-2`. Later ones by `ahead`. */
export function nextNodeId(given: readonly NodeId[], ahead = 0): NodeId {
  const numbers = given.map((id) => Number(id.slice(5)))
  return `node-${Math.max(0, ...numbers) + 1 + ahead}` as NodeId
}

/** A server's has another form: `serverId`. */
export function isNodeId(id: string): id is NodeId {
  return /^node-\d{1,9}$/.test(id)
}

function nodeOf(row: Row): ClusterNode {
  return {
    id: text(row, 'id') as NodeId,
    name: text(row, 'name'),
    host: text(row, 'host'),
    port: integer(row, 'port'),
  }
}
