//! Via: RFC 3261 §20.42, RFC 3581 (rport), RFC 5118 §4.5 (`received` without brackets).

import { decimal, isDigit, skipBlanks, tokenEnd } from './chars.ts'
import { Params } from './params.ts'
import { formatHostPort, hostEnd } from './uri.ts'
import { lower } from './chars.ts'

export type Via = {
  /** `UDP`, `TCP`, `TLS`, `WS`, `WSS`, or another token, upper-case. */
  readonly transport: string
  /** Sent-by host, lower-case; an IPv6 address without brackets. */
  readonly host: string
  readonly port: number | undefined
  readonly branch: string | undefined
  /** An address without brackets. */
  readonly received: string | undefined
  /** True when asked for and not yet filled in. */
  readonly rport: number | true | undefined
  readonly maddr: string | undefined
  readonly ttl: number | undefined
  readonly params: Params
}

/** `magic cookie`: branches that begin so are unique (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

export function parseVia(text: string): Via | undefined {
  return parseViaAt(text, 0, text.length)
}

export function formatVia(via: Via): string {
  return `SIP/2.0/${via.transport} ${formatHostPort(via.host, via.port)}${via.params}`
}

/** A Via to send: `rport` is asked for unless told otherwise. */
export function via(parts: {
  readonly transport: string
  readonly host: string
  readonly port: number | undefined
  readonly branch: string
  readonly rport?: boolean
}): Via {
  let params = Params.NONE.withRaw('branch', parts.branch)
  if (parts.rport !== false) params = params.withRaw('rport', undefined)
  return viaOf(parts.transport, parts.host, parts.port, params)
}

/** RFC 3261 §18.2.1, RFC 3581 §4: what the server adds on arrival. */
export function withReceived(top: Via, address: string, port: number): Via {
  let { params } = top
  if (params.has('rport')) params = params.withRaw('rport', String(port))
  if (top.rport !== undefined || top.host !== address) params = params.withRaw('received', address)
  return viaOf(top.transport, top.host, top.port, params)
}

/** Reads the one value that fills `text` from `at` to `end`. */
export function parseViaAt(text: string, at: number, end: number): Via | undefined {
  const nameEnd = tokenEnd(text, at, end)
  if (text.slice(at, nameEnd).toUpperCase() !== 'SIP') return undefined
  const versionAt = afterSlash(text, nameEnd, end)
  if (versionAt === -1 || !text.startsWith('2.0', versionAt)) return undefined
  const transportAt = afterSlash(text, versionAt + 3, end)
  if (transportAt === -1) return undefined
  const transportEnd = tokenEnd(text, transportAt, end)
  const hostAt = skipBlanks(text, transportEnd, end)
  if (transportEnd === transportAt || hostAt === transportEnd) return undefined
  const hostStop = hostEnd(text, hostAt, end)
  if (hostStop === -1) return undefined
  const ipv6 = text.charCodeAt(hostAt) === BRACKET
  const host = ipv6 ? text.slice(hostAt + 1, hostStop - 1) : text.slice(hostAt, hostStop)
  let index = skipBlanks(text, hostStop, end)
  let port: number | undefined
  if (text.charCodeAt(index) === COLON && index < end) {
    const portAt = skipBlanks(text, index + 1, end)
    for (index = portAt; index < end && isDigit(text.charCodeAt(index));) index++
    port = decimal(text, portAt, index)
    if (port === undefined || port > 65_535) return undefined
  }
  const params = Params.parse(text, index, end)
  if (params === undefined) return undefined
  const transport = text.slice(transportAt, transportEnd).toUpperCase()
  return viaOf(transport, lower(host), port, params)
}

const SLASH = 0x2f
const COLON = 0x3a
const BRACKET = 0x5b

function viaOf(transport: string, host: string, port: number | undefined, params: Params): Via {
  const rport = params.get('rport')
  const ttl = params.get('ttl')
  return {
    transport,
    host,
    port,
    branch: params.get('branch'),
    received: withoutBrackets(params.get('received')),
    rport: params.has('rport') ? (decimal(rport ?? '') ?? true) : undefined,
    maddr: withoutBrackets(params.get('maddr')),
    ttl: ttl === undefined ? undefined : decimal(ttl),
    params,
  }
}

/** Past the `/` and the blanks around it; -1 when it is not there. */
function afterSlash(text: string, at: number, end: number): number {
  const slash = skipBlanks(text, at, end)
  return slash < end && text.charCodeAt(slash) === SLASH ? skipBlanks(text, slash + 1, end) : -1
}

function withoutBrackets(address: string | undefined): string | undefined {
  return address?.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address
}
