//! Join tokens: who may become what, until when, and whom it is to trust. Signed with a key that
//! every call manager can derive: any of them takes what another has made, and nothing is stored.
//! Each is good once: a node's names the id that its host gets, and none is given twice; a server's
//! is noted when it is used.

import { createHmac, hash, hkdfSync, timingSafeEqual } from 'node:crypto'
import { err, ok, type Result } from '../../base/result.ts'
import type { WallTime } from '../../base/time.ts'
import type { NodeId } from '../../control/ids.ts'
import { isNodeId, nextNodeId } from '../../store/schema/node.ts'
import type { Identity } from '../../x509/issue.ts'
import type { ClusterFiles } from '../settings.ts'
import { APART_MAX } from './clock.ts'

export const TOKEN_LIFE_MS = 24 * 3_600_000

export type JoinToken = {
  readonly purpose: 'call-manager' | 'server'
  /** Of the server that it is for. */
  readonly name?: string
  /** What the host becomes that joins as a new node. */
  readonly id?: NodeId
  /** The id of the node that joins anew: it goes, and the host is another. Signed by itself. */
  readonly replaces?: NodeId
  /** Where to ask. */
  readonly host: string
  readonly port: number
  /** SHA-256 of the authority's certificate, in hex: whoever shows another is not the cluster. */
  readonly authority: string
  /** Milliseconds since 1970. */
  readonly expires: number
}

/** For so many hosts that are to join by `self`, which knows that these ids were given. */
export function nodeTokens(
  { settings, authority }: Pick<ClusterFiles, 'settings' | 'authority'>,
  given: readonly NodeId[],
  count: number,
): readonly string[] {
  const { self, peers } = settings
  const { host, port } = self
  const all = [...given, self.id, ...peers.map(({ id }) => id)]
  const by = { purpose: 'call-manager', host, port, expires: Date.now() + TOKEN_LIFE_MS } as const
  return Array.from({ length: count }, (_, ahead) =>
    makeToken(authority, { ...by, id: nextNodeId(all, ahead) }),
  )
}

export function makeToken(by: Identity, token: Omit<JoinToken, 'authority'>): string {
  const full: JoinToken = { ...token, authority: fingerprint(by.certificate) }
  const body = Buffer.from(JSON.stringify(full)).toString('base64url')
  return `${body}.${signature(by, body)}`
}

/** What it says; whether that is true only the cluster can tell. */
export function readToken(text: string): JoinToken | undefined {
  try {
    const [body = ''] = text.split('.')
    const token: unknown = JSON.parse(Buffer.from(body, 'base64url').toString('utf8'))
    return isToken(token) ? token : undefined
  } catch {
    return undefined // no JSON: whoever pasted half of it is told so
  }
}

/** Whether it is of this cluster, and for that; not whether it is still good. */
export function checkToken(
  by: Identity,
  text: string,
  purpose: JoinToken['purpose'],
): Result<JoinToken, string> {
  const [body = '', signed = ''] = text.split('.')
  const [mine, theirs] = [signature(by, body), signed].map((each) => Buffer.from(each))
  if (mine === undefined || theirs?.length !== mine.length || !timingSafeEqual(mine, theirs))
    return err(`the token is not of this cluster: make one with ${MAKE[purpose]}`)
  const token = readToken(text)
  if (token === undefined) return err('the token is of another release')
  if (token.purpose !== purpose)
    return err(`the token is for something else: make one with ${MAKE[purpose]}`)
  const { id, replaces } = token
  if (purpose === 'call-manager' && id === undefined && replaces === undefined)
    return err(`the token is of an older release: make one with ${MAKE[purpose]}`)
  return ok(token)
}

/** Undefined when it is still good, else what to do. */
export function expired({ purpose, expires }: JoinToken, now: WallTime): string | undefined {
  const [until, here] = [expires, now].map((time) => new Date(time).toISOString())
  const when = `it is good until ${until}, here it is ${here}`
  const clocks = 'compare the clocks of the hosts (timedatectl)'
  if (expires < now) {
    const mend = `make another with ${MAKE[purpose]}, or if it was made within a day, ${clocks}`
    return `the token has expired (${when}): ${mend}`
  }
  // By the clock of the host that made it.
  if (expires > now + TOKEN_LIFE_MS + APART_MAX)
    return `the token is of another time (${when}): ${clocks}, then make another`
  return undefined
}

const MAKE = { 'call-manager': 'pbx cluster token', server: 'pbx server token' } as const

/** Of a certificate in PEM. */
export function fingerprint(certificate: string): string {
  const body = certificate.replaceAll(/-----[^-]+-----|\s/g, '')
  return hash('sha256', Buffer.from(body, 'base64'))
}

function signature(by: Identity, body: string): string {
  const key = new Uint8Array(hkdfSync('sha256', by.key, '', 'pbx join tokens', 32))
  return createHmac('sha256', key).update(body).digest('base64url')
}

function isToken(value: unknown): value is JoinToken {
  if (typeof value !== 'object' || value === null) return false
  if (!('purpose' in value) || !(String(value.purpose) in MAKE)) return false
  if (!('host' in value) || !('port' in value)) return false
  if (!('authority' in value) || !('expires' in value)) return false
  const { host, port, authority, expires } = value
  const replaces = 'replaces' in value ? value.replaces : undefined
  const id = 'id' in value ? value.id : undefined
  return (
    (id === undefined || (typeof id === 'string' && isNodeId(id))) &&
    (replaces === undefined || typeof replaces === 'string') &&
    typeof host === 'string' &&
    typeof port === 'number' &&
    typeof authority === 'string' &&
    typeof expires === 'number'
  )
}
