//! What a client answers (Authorization, Proxy-Authorization): RFC 7616 §3.4.

import { quote } from '../message/chars.ts'
import { unescape } from '../message/uri.ts'
import { parseAlgorithm, type Algorithm, type Qop } from './challenge.ts'
import { field, parseFields } from './fields.ts'

export type Credentials = {
  /** Bytes, as the client sent them; the hex hash of it when `userhash`. */
  readonly username: string
  readonly realm: string
  readonly nonce: string
  /** Has to be the Request-URI, or equivalent to it: the caller checks. */
  readonly uri: string
  /** Lower-case hex. */
  readonly response: string
  readonly algorithm: Algorithm
  /** Undefined from clients older than RFC 2617: no nonce count, so no replay protection. */
  readonly qop: Qop | undefined
  readonly cnonce: string | undefined
  /** 8 hex digits as they came, for they are hashed. */
  readonly nc: string | undefined
  readonly opaque: string | undefined
  readonly userhash: boolean
}

/** Undefined when malformed, of another scheme, or with an algorithm or qop we do not know. */
export function parseCredentials(text: string): Credentials | undefined {
  const fields = parseFields(text)
  if (fields === undefined) return undefined
  const username = fields.get('username') ?? extendedValue(fields.get('username*'))
  const realm = fields.get('realm')
  const nonce = fields.get('nonce')
  const uri = fields.get('uri')
  const response = fields.get('response')
  const algorithm = parseAlgorithm(fields.get('algorithm'))
  if (username === undefined || realm === undefined || nonce === undefined) return undefined
  if (uri === undefined || response === undefined || algorithm === undefined) return undefined
  const qop = parseQop(fields.get('qop'))
  const cnonce = fields.get('cnonce')
  const nc = fields.get('nc')
  if (qop === 'unknown') return undefined
  // RFC 7616 §3.4: with a qop both must be there, and nc is 8 hex digits.
  if (qop !== undefined && (cnonce === undefined || nc === undefined)) return undefined
  if (nc !== undefined && nonceCount(nc) === undefined) return undefined
  return {
    username,
    realm,
    nonce,
    uri,
    response: response.toLowerCase(),
    algorithm,
    qop,
    cnonce,
    nc,
    opaque: fields.get('opaque'),
    userhash: fields.get('userhash')?.toLowerCase() === 'true',
  }
}

export function formatCredentials(credentials: Credentials): string {
  const { username, realm, nonce, uri, response, algorithm, qop, cnonce, nc } = credentials
  return (
    `Digest username=${quote(username)}` +
    field('realm', realm, 'quoted') +
    field('nonce', nonce, 'quoted') +
    field('uri', uri, 'quoted') +
    field('response', response, 'quoted') +
    field('algorithm', algorithm, 'token') +
    field('cnonce', cnonce, 'quoted') +
    field('opaque', credentials.opaque, 'quoted') +
    field('qop', qop, 'token') +
    field('nc', nc, 'token') +
    field('userhash', credentials.userhash ? 'true' : undefined, 'token')
  )
}

/** The count that `nc` stands for; undefined unless it is 8 hex digits. */
export function nonceCount(nc: string): number | undefined {
  return /^[0-9a-f]{8}$/i.test(nc) ? Number.parseInt(nc, 16) : undefined
}

export function formatNonceCount(count: number): string {
  return count.toString(16).padStart(8, '0')
}

function parseQop(text: string | undefined): Qop | 'unknown' | undefined {
  if (text === undefined) return undefined
  const name = text.toLowerCase()
  return name === 'auth' || name === 'auth-int' ? name : 'unknown'
}

/** RFC 8187: `UTF-8''J%C3%A4s%C3%B8n`, the bytes it stands for. */
function extendedValue(text: string | undefined): string | undefined {
  const [charset, , escaped] = text?.split("'") ?? []
  if (charset?.toUpperCase() !== 'UTF-8' || escaped === undefined) return undefined
  return unescape(escaped)
}
