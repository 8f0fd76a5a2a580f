//! A server's side of joining: it is let in once, by a token, and knows its cluster from then on.

import { existsSync } from 'node:fs'
import { hash } from 'node:crypto'
import { join } from 'node:path'
import type { NodeId } from '../../control/ids.ts'
import type { ServerRole } from '../../store/schema/server.ts'
import { newKey, type Identity } from '../../x509/issue.ts'
import { readPrivately, writePrivately } from '../files.ts'
import type { Peer } from '../settings.ts'
import { ask, JoinFault, placeOf, tryWriting, writing } from './ask.ts'
import { readToken } from './token.ts'

/** `DATA/server`: what a server has to know to find its cluster again. */
export type Membership = {
  readonly id: NodeId
  readonly name: string
  readonly role: ServerRole
  readonly nodes: readonly Pick<Peer, 'id' | 'host' | 'port'>[]
  /** SHA-256 of the token by which it was let in, in hex. */
  readonly token?: string
}

export type ServerFiles = {
  readonly membership: Membership
  readonly identity: Identity
  /** The authority's certificate. */
  readonly authority: string
}

export type ServerJoining = {
  readonly data: string
  readonly name: string
  readonly role: ServerRole
  /** The virtual address or any node, `HOST` or `HOST:PORT`. */
  readonly at: string
  readonly token: string | undefined
  /** Undefined: whatever the cluster is reached from. */
  readonly address: string | undefined
}

/**
 * A host that has joined needs no token any more; without one it can only be what it was. Another
 * token than then is another invitation: it joins anew, as after it was removed.
 */
export async function joinAsServer(joining: ServerJoining): Promise<ServerFiles> {
  const { data, name, role } = joining
  const files = readServer(data)
  if (files === undefined) return admitted(joining)
  const { membership } = files
  if (membership.name === name && membership.role === role)
    return isAnother(joining.token, membership) ? admitted(joining) : files
  const other = `${data} is of the ${membership.role} server ${membership.name}`
  throw new JoinFault(`${other}: start it by that name, or name an empty directory with --data`)
}

function isAnother(token: string | undefined, { token: before }: Membership): boolean {
  return token !== undefined && before !== undefined && hash('sha256', token) !== before
}

async function admitted(joining: ServerJoining): Promise<ServerFiles> {
  const { data, name, role, address } = joining
  if (joining.token === undefined)
    throw new JoinFault(`${data} is of no server yet: --token is needed, from pbx server token`)
  const token = readToken(joining.token)
  if (token === undefined)
    throw new JoinFault('the token is not whole: copy the line that pbx server token prints')
  if (existsSync(join(data, 'pbx.db')) || existsSync(join(data, 'cluster')))
    throw new JoinFault(`${data} holds a call manager: name an empty directory with --data`)
  tryWriting(data)
  const { key, publicKey } = newKey()
  const now = Date.now()
  const { answer, certificate } = await ask(
    placeOf(joining.at, token.port, '--join'),
    token.authority,
    (host) => ({ token: joining.token ?? '', name, role, host: address ?? host, publicKey, now }),
  )
  if (answer.kind !== 'server-welcome') throw new JoinFault('it makes a node of this host')
  const { id, peers, certificate: ours } = answer.welcome
  const files: ServerFiles = {
    membership: { id, name, role, nodes: peers, token: hash('sha256', joining.token) },
    identity: { certificate: ours, key },
    authority: certificate,
  }
  const mend = 'mend that, and join again with another token (pbx server token)'
  writing(data, mend, () => writeServer(data, files))
  return files
}

const NAMES = {
  membership: 'server.json',
  certificate: 'server.pem',
  key: 'server.key',
  authority: 'authority.pem',
} as const

/** Whether a host has joined with this directory as a server. */
export function isOfServer(data: string): boolean {
  return existsSync(join(data, 'server', NAMES.membership))
}

function readServer(data: string): ServerFiles | undefined {
  if (!isOfServer(data)) return undefined
  const decode = (read: (file: string) => string): ServerFiles => ({
    membership: JSON.parse(read(NAMES.membership)) as Membership,
    identity: { certificate: read(NAMES.certificate), key: read(NAMES.key) },
    authority: read(NAMES.authority),
  })
  const mend = 'remove it, and join anew with --token, from pbx server token'
  return readPrivately(data, 'server', decode, (why) => new JoinFault(`${why}: ${mend}`))
}

/** The membership comes last: without it nothing else counts. */
export function writeServer(data: string, files: ServerFiles): void {
  const { membership, identity, authority } = files
  writePrivately(data, 'server', [
    [NAMES.certificate, identity.certificate],
    [NAMES.key, identity.key],
    [NAMES.authority, authority],
    [NAMES.membership, `${JSON.stringify(membership, undefined, 2)}\n`],
  ])
}
