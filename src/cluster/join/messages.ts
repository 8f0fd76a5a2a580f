//! What a host that wants to join says, and what it is told: one line of JSON each, over TLS.

import type { NodeId } from '../../control/ids.ts'
import type { ServerRole } from '../../store/schema/server.ts'
import type { Peer, TimingName, VipSettings } from '../settings.ts'

export type JoinRequest = NodeRequest | ServerRequest

type Request = {
  readonly token: string
  readonly name: string
  /** Its address. */
  readonly host: string
  /** PEM; the private key stays where it is. */
  readonly publicKey: string
  /** By its clock, in milliseconds since 1970; an older release does not say. */
  readonly now?: number
}
/** To be a call manager among others. */
export type NodeRequest = Request & {
  readonly port: number
  /** The newest of the state that it knows. */
  readonly schema: number
}
/** To do one kind of work for them. */
export type ServerRequest = Request & { readonly role: ServerRole }

export type JoinAnswer =
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
  | { readonly kind: 'server-welcome'; readonly welcome: ServerWelcome }
  /** Ask there: this node does not lead. */
  | { readonly kind: 'elsewhere'; readonly host: string; readonly port: number }
  | { readonly kind: 'refused'; readonly why: string }

export type Welcome = {
  readonly id: NodeId
  readonly peers: readonly Peer[]
  readonly certificate: string
  readonly authorityKey: string
  /** `DATA/secret.key`, in base64. */
  readonly secretKey: string
  readonly vip: Omit<VipSettings, 'interface'> | undefined
  readonly timing: TimingName
}

/** A server gets none of the cluster's secrets. */
export type ServerWelcome = Pick<Welcome, 'id' | 'peers' | 'certificate'>

/** Of one line. */
export const LINE_MAX = 16_384

export function isJoinRequest(value: unknown): value is JoinRequest {
  if (typeof value !== 'object' || value === null) return false
  const found = new Map<string, unknown>(Object.entries(value))
  const texts = ['token', 'name', 'host', 'publicKey'].map((name) => found.get(name))
  const port = found.get('port')
  const now = found.get('now')
  return (
    texts.every((text) => typeof text === 'string' && text.length > 0 && text.length < 4_096) &&
    (now === undefined || isDate(now)) &&
    (found.get('role') === 'media' || (isPort(port) && isSchema(found.get('schema'))))
  )
}

function isDate(value: unknown): boolean {
  return typeof value === 'number' && !Number.isNaN(new Date(value).getTime())
}

function isSchema(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536
}
