//! One decoder per kind of setting: an unknown value in, the typed value or what is wrong with it
//! and how to mend it. Text and the config file's own types are both taken.

import { isIP } from 'node:net'
import type { LogLevel } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { didYouMean } from './suggest.ts'

/** The error is the rest of a sentence that begins with the setting's name and value. */
export type Decoder<T> = (value: unknown) => Result<T, string>

/** Roles that this version can run. */
export const ROLES = ['call-manager', 'media'] as const
export type RoleName = (typeof ROLES)[number]
const LATER_ROLES: readonly string[] = ['ivr', 'queue', 'meeting', 'im', 'dataflow']

export type PortRange = { readonly first: number; readonly last: number }

export const decodeRoles: Decoder<readonly RoleName[]> = (value) => {
  const words = Array.isArray(value) ? value : text(value).split(',')
  const roles: RoleName[] = []
  for (const word of words.map((each: unknown) => text(each).trim())) {
    const role = ROLES.find((each) => each === word)
    if (role === undefined) return err(unknownRole(word))
    if (!roles.includes(role)) roles.push(role)
  }
  return roles.length === 0 ? err('names no role; leave it out to run all') : ok(roles)
}

function unknownRole(word: string): string {
  const here = `this version runs ${ROLES.join(' and ')}`
  if (LATER_ROLES.includes(word)) return `names ${word}, which comes in a later version; ${here}`
  const named = word === '' ? 'nothing' : `${word}, which is no role`
  return `names ${named}${didYouMean(word, ROLES)}; ${here}`
}

export const decodeName: Decoder<string> = (value) =>
  /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/.test(text(value))
    ? ok(text(value))
    : err('must be 1 to 63 letters, digits, dots, dashes or underscores')

export const decodeText: Decoder<string> = (value) =>
  text(value) === '' ? err('must not be empty') : ok(text(value))

export const decodePath: Decoder<string> = (value) =>
  typeof value === 'string' && value !== '' && !value.includes('\0')
    ? ok(value)
    : err('must be a path')

const LABEL = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
const DOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`)

export const decodeDomain: Decoder<string> = (value) => {
  const name = text(value).toLowerCase()
  if (name.length <= 253 && (DOMAIN.test(name) || isIP(name) !== 0)) return ok(name)
  return err('must be a domain name such as example.com, or an IP address')
}

export const decodeAddress: Decoder<string> = (value) =>
  isIP(text(value)) === 0
    ? err('must be an IP address such as 192.0.2.10 or 2001:db8::10')
    : ok(text(value))

const REPLICA_SCHEMES = ['s3:', 'gs:', 'abs:', 'sftp:', 'file:', 'nats:', 'webdav:', 'webdavs:']

/** Where litestream keeps a replica; no secret in it, for it is shown and logged. */
export const decodeReplicaUrl: Decoder<string> = (value) => {
  const url = URL.parse(text(value))
  if (url === null || !REPLICA_SCHEMES.includes(url.protocol))
    return err('must be a URL such as s3://bucket/pbx, sftp://user@host/pbx or file:///srv/pbx')
  if (url.password !== '') return err('must hold no password: give it in litestream-credentials')
  return ok(text(value))
}

export const decodePort: Decoder<number> = (value) => {
  const port = whole(value)
  if (port !== undefined && port >= 0 && port <= 65_535) return ok(port)
  return err('must be a whole number from 1 to 65535, or 0 for any free port')
}

export const decodePortRange: Decoder<PortRange> = (value) => {
  const [, low, high] = /^(\d+)-(\d+)$/.exec(text(value)) ?? []
  const first = whole(low)
  const last = whole(high)
  if (first === undefined || last === undefined) return err('must be two ports: 35000-65000')
  if (first > last) return err(`must begin with the lower port: ${last}-${first}`)
  if (first < 1024 || last > 65_535) return err('must lie between 1024 and 65535')
  if (last - first < 7) return err('must hold at least eight ports: one call takes so many')
  return ok({ first, last })
}

export const decodeLogLevel: Decoder<LogLevel> = oneOf('debug', 'info', 'warn', 'error')

export type LogFormat = 'auto' | 'json' | 'text'

export const decodeLogFormat: Decoder<LogFormat> = oneOf('auto', 'json', 'text')

export const decodeSwitch: Decoder<boolean> = (value) => {
  if (value === 'on' || value === true) return ok(true)
  return value === 'off' || value === false ? ok(false) : err('must be on or off')
}

function oneOf<T extends string>(...known: readonly T[]): Decoder<T> {
  return (value) => {
    const found = known.find((each) => each === value)
    return found === undefined ? err(`must be one of ${known.join(', ')}`) : ok(found)
  }
}

export function integer(from: number, to: number, unit: string): Decoder<number> {
  return (value) => {
    const number = whole(value)
    if (number !== undefined && number >= from && number <= to) return ok(number)
    return err(`must be a whole number of ${unit} from ${from} to ${to}`)
  }
}

function whole(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
