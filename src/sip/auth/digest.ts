//! Digest access authentication: RFC 7616 §3.4, RFC 8760. Sums only: nonces, replay and lock-out
//! are the registrar's.

import type { Algorithm, Challenge, Qop } from './challenge.ts'
import { hashOf } from './challenge.ts'
import { formatNonceCount, type Credentials } from './credentials.ts'
import { hexHash, sameSecret, type HashName, type LastHash } from './hash.ts'

/** What a server stores in place of a password: one per realm and hash. */
export function ha1(hash: HashName, user: string, realm: string, password: string): string {
  return hexHash(hash, `${user}:${realm}:${password}`)
}

/** `bodyHash` of auth-int. */
export function hashBody(algorithm: Algorithm, body: Uint8Array): string {
  return hexHash(hashOf(algorithm), body)
}

export type Verification = {
  readonly method: string
  readonly credentials: Credentials
  /** Of the credentials' user and realm, with the hash of their algorithm; never the -sess form. */
  readonly ha1: string
  /** `hashBody` of the request's body; without it auth-int never verifies. */
  readonly bodyHash?: string | undefined
  /** Of method and URI, which are no secret. */
  readonly targets?: LastHash
}

/** Whether the response proves knowledge of the password. Constant time in the response. */
export function verify({ method, credentials, ha1, bodyHash, targets }: Verification): boolean {
  if (credentials.qop === 'auth-int' && bodyHash === undefined) return false
  const { uri } = credentials
  return sameSecret(
    credentials.response,
    responseOf(ha1, { ...credentials, method, uri, bodyHash, targets }),
  )
}

export type Answer = {
  readonly challenge: Challenge
  readonly user: string
  readonly password: string
  readonly method: string
  readonly uri: string
  /** At least 64 random bits. */
  readonly cnonce: string
  /** How often this nonce was used, this time included; from 1. */
  readonly nonceCount: number
  /** Needed only where the challenge asks for auth-int alone. */
  readonly body?: Uint8Array
}

/** The client's side: credentials for a challenge, with the weakest qop that is offered. */
export function answer(request: Answer): Credentials {
  const { challenge, user, method, uri, body = new Uint8Array(0) } = request
  const { algorithm, realm, nonce, opaque } = challenge
  const qop = challenge.qop.includes('auth') ? 'auth' : challenge.qop[0]
  const counted = qop !== undefined || algorithm.endsWith('-sess')
  const cnonce = counted ? request.cnonce : undefined
  const nc = qop === undefined ? undefined : formatNonceCount(request.nonceCount)
  const bodyHash = qop === 'auth-int' ? hashBody(algorithm, body) : undefined
  const secret = ha1(hashOf(algorithm), user, realm, request.password)
  const response = responseOf(secret, {
    algorithm,
    nonce,
    qop,
    cnonce,
    nc,
    method,
    uri,
    bodyHash,
  })
  const userhash = false
  return {
    username: user,
    realm,
    nonce,
    uri,
    response,
    algorithm,
    qop,
    cnonce,
    nc,
    opaque,
    userhash,
  }
}

type Parts = {
  readonly algorithm: Algorithm
  readonly nonce: string
  readonly qop: Qop | undefined
  readonly cnonce: string | undefined
  readonly nc: string | undefined
  readonly method: string
  readonly uri: string
  readonly bodyHash: string | undefined
  readonly targets?: LastHash | undefined
}

/** RFC 7616 §3.4.1 to §3.4.3; without a qop RFC 2617 §3.2.2.1. */
function responseOf(ha1: string, parts: Parts): string {
  const { algorithm, nonce, qop, cnonce, nc, method, uri, bodyHash, targets } = parts
  const hash = hashOf(algorithm)
  const secret = algorithm.endsWith('-sess')
    ? hexHash(hash, `${ha1}:${nonce}:${cnonce ?? ''}`)
    : ha1
  const target = qop === 'auth-int' ? `${method}:${uri}:${bodyHash ?? ''}` : `${method}:${uri}`
  const ha2 = targets === undefined ? hexHash(hash, target) : targets.of(hash, target)
  if (qop === undefined) return hexHash(hash, `${secret}:${nonce}:${ha2}`)
  return hexHash(hash, `${secret}:${nonce}:${nc ?? ''}:${cnonce ?? ''}:${qop}:${ha2}`)
}
