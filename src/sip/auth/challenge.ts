//! What a server asks for (WWW-Authenticate, Proxy-Authenticate): RFC 7616 §3.3, RFC 8760.

import type { HashName } from './hash.ts'
import { quote } from '../message/chars.ts'
import { field, parseFields } from './fields.ts'

export type Algorithm = HashName | `${HashName}-sess`
export type Qop = 'auth' | 'auth-int'

export type Challenge = {
  readonly realm: string
  readonly nonce: string
  readonly algorithm: Algorithm
  /** Empty only from servers of the time before RFC 2617. */
  readonly qop: readonly Qop[]
  readonly opaque: string | undefined
  /** The credentials were right but the nonce is old: try again without asking the user. */
  readonly stale: boolean
}

const ALGORITHMS: Readonly<Record<string, Algorithm>> = {
  md5: 'MD5',
  'md5-sess': 'MD5-sess',
  'sha-256': 'SHA-256',
  'sha-256-sess': 'SHA-256-sess',
  'sha-512-256': 'SHA-512-256',
  'sha-512-256-sess': 'SHA-512-256-sess',
}

const HASHES: Readonly<Record<Algorithm, HashName>> = {
  MD5: 'MD5',
  'MD5-sess': 'MD5',
  'SHA-256': 'SHA-256',
  'SHA-256-sess': 'SHA-256',
  'SHA-512-256': 'SHA-512-256',
  'SHA-512-256-sess': 'SHA-512-256',
}

/** The hash of an algorithm. */
export function hashOf(algorithm: Algorithm): HashName {
  return HASHES[algorithm]
}

/** An absent algorithm is MD5 (RFC 7616 §3.3); an unknown one is undefined. */
export function parseAlgorithm(text: string | undefined): Algorithm | undefined {
  return text === undefined ? 'MD5' : ALGORITHMS[text.toLowerCase()]
}

/** Undefined when malformed, of another scheme, or with an algorithm we do not know. */
export function parseChallenge(text: string): Challenge | undefined {
  const fields = parseFields(text)
  const realm = fields?.get('realm')
  const nonce = fields?.get('nonce')
  const algorithm = parseAlgorithm(fields?.get('algorithm'))
  if (fields === undefined || realm === undefined) return undefined
  if (nonce === undefined || algorithm === undefined) return undefined
  const offered = fields.get('qop')
  const qop = parseQops(offered ?? '')
  if (offered !== undefined && qop.length === 0) return undefined
  const stale = fields.get('stale')?.toLowerCase() === 'true'
  return { realm, nonce, algorithm, qop, opaque: fields.get('opaque'), stale }
}

export function formatChallenge(challenge: Challenge): string {
  const { realm, nonce, algorithm, qop, opaque, stale } = challenge
  return (
    `Digest realm=${quote(realm)}` +
    field('nonce', nonce, 'quoted') +
    field('algorithm', algorithm, 'token') +
    field('qop', qop.length === 0 ? undefined : qop.join(','), 'quoted') +
    field('opaque', opaque, 'quoted') +
    field('stale', stale ? 'true' : undefined, 'token')
  )
}

/** The ones we know of a comma-separated list. */
function parseQops(text: string): Qop[] {
  const known: Qop[] = []
  for (const part of text.split(',')) {
    const name = part.trim().toLowerCase()
    if (name === 'auth' || name === 'auth-int') known.push(name)
  }
  return known
}
