//! Servers of one role that work for the cluster on hosts of their own. Class: durable.

import type { NodeId } from '../../raft/entry.ts'
import { text, textOrNone } from '../row.ts'
import {
  refuse,
  type ReadOnlyDatabase,
  type Refusal,
  type Row,
  type Schema,
  type WritableDatabase,
} from '../store.ts'

export type ServerRole = 'media'

/** `key`: SHA-256 of its public key, in hex; undefined until it has joined. */
export type RegisteredServer = {
  readonly name: string
  readonly role: ServerRole
  /** IP address of its host. */
  readonly address: string
  readonly key: string | undefined
}

export type ServerCommand =
  | {
      readonly kind: 'server.added'
      readonly name: string
      readonly role: ServerRole
      readonly address: string
    }
  /** A host has come with a token for it, and is the server from now on. */
  | {
      readonly kind: 'server.joined'
      readonly name: string
      readonly key: string
      /** Names the token: each is good once. */
      readonly token: string
    }
  | { readonly kind: 'server.removed'; readonly name: string }

const TABLES = `
CREATE TABLE servers (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  address TEXT NOT NULL UNIQUE,
  key TEXT,
  token TEXT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX servers_by_name ON servers (lower(name));
`

/** A token stays used, whatever is joined or removed after it. */
const USED_TOKENS = `
CREATE TABLE used_tokens (token TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
INSERT INTO used_tokens SELECT token FROM servers WHERE token IS NOT NULL;
ALTER TABLE servers DROP COLUMN token;
`

export const serverSchema: Schema<ServerCommand> = {
  migrations: [
    { version: 7, sql: TABLES },
    { version: 10, sql: USED_TOKENS },
  ],
  apply,
}

function apply(db: WritableDatabase, command: ServerCommand): Refusal | undefined {
  switch (command.kind) {
    case 'server.added':
      return added(db, command)
    case 'server.joined':
      return joined(db, command)
    case 'server.removed': {
      const removed = db.run('DELETE FROM servers WHERE name = ?', command.name)
      return removed === 0 ? refuse(`there is no server ${command.name}`) : undefined
    }
  }
}

type Of<Kind extends ServerCommand['kind']> = ServerCommand & { readonly kind: Kind }

/** Hosts hold one role, so an address is that of one server. */
function added(db: WritableDatabase, command: Of<'server.added'>): Refusal | undefined {
  const { name, role, address } = command
  const named = db.get('SELECT name FROM servers WHERE lower(name) = lower(?)', name)
  if (named !== undefined) return refuse(`there is a server ${text(named, 'name')} already`)
  const there = db.get('SELECT name FROM servers WHERE address = ?', address)
  if (there !== undefined) return refuse(`${address} is the address of ${text(there, 'name')}`)
  db.run('INSERT INTO servers VALUES (?, ?, ?, NULL)', name, role, address)
  return undefined
}

function joined(db: WritableDatabase, command: Of<'server.joined'>): Refusal | undefined {
  const { name, key, token } = command
  const row = db.get('SELECT name FROM servers WHERE name = ?', name)
  if (row === undefined) return refuse(`there is no server ${name}`)
  if (db.get('SELECT token FROM used_tokens WHERE token = ?', token) !== undefined)
    return refuse('the token has been used: make another with pbx server token')
  db.run('INSERT INTO used_tokens VALUES (?)', token)
  db.run('UPDATE servers SET key = ? WHERE name = ?', key, name)
  return undefined
}

/** How it is called where nodes are: no node's id has a colon. */
export function serverId({ role, name }: Pick<RegisteredServer, 'role' | 'name'>): NodeId {
  return `${role}:${name}` as NodeId
}

export function isServerId(id: NodeId): boolean {
  return id.includes(':')
}

export function registeredServers(db: ReadOnlyDatabase): readonly RegisteredServer[] {
  return db.all('SELECT * FROM servers ORDER BY name').map(serverOf)
}

export function registeredServer(db: ReadOnlyDatabase, name: string): RegisteredServer | undefined {
  const row = db.get('SELECT * FROM servers WHERE name = ?', name)
  return row === undefined ? undefined : serverOf(row)
}

function serverOf(row: Row): RegisteredServer {
  return {
    name: text(row, 'name'),
    // Decoder: commands write no other.
    role: text(row, 'role') as ServerRole,
    address: text(row, 'address'),
    key: textOrNone(row, 'key'),
  }
}
