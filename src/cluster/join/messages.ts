//! What a host that wants to join says, and what it is told: one line of JSON each, over TLS.

import type { NodeId } from '../../control/ids.ts'
import type { Peer, TimingName, VipSettings } from '../settings.ts'

export type JoinRequest = {
  readonly token: string
  readonly name: string
  readonly host: string
  readonly port: number
  /** PEM; the private key stays where it is. */
  readonly publicKey: string
}

export type JoinAnswer =
  | { readonly kind: 'welcome'; readonly welcome: Welcome }
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

/** Of one line. */
export const LINE_MAX = 16_384

export function isJoinRequest(value: unknown): value is JoinRequest {
  if (typeof value !== 'object' || value === null) return false
  const found = new Map<string, unknown>(Object.entries(value))
  const texts = ['token', 'name', 'host', 'publicKey'].map((name) => found.get(name))
  const port = found.get('port')
  return (
    texts.every((text) => typeof text === 'string' && text.length > 0 && text.length < 4_096) &&
    typeof port === 'number' &&
    Number.isInteger(port) &&
    port > 0 &&
    port < 65_536
  )
}
