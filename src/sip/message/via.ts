//! Via: RFC 3261 §20.42, RFC 3581 (rport), RFC 5118 §4.5 (`received` without brackets).

import { decimal, DIGIT, runEnd, skipBlanks, TOKEN } from './chars.ts'
import { NameTable } from './name-table.ts'
import { Params } from './params.ts'
import { formatHostPort, hostEnd, hostName } from './uri.ts'

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
  return `SIP/2.0/${via.transport} ${formatHostPort(via.host, via.port)}${via.params.toString()}`
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
  const transportAt = text.startsWith('SIP/2.0/', at) ? at + 8 : afterProtocol(text, at, end)
  if (transportAt === -1) return undefined
  const transportEnd = runEnd(TOKEN, text, transportAt, end)
  const hostAt = skipBlanks(text, transportEnd, end)
  if (transportEnd === transportAt || hostAt === transportEnd) return undefined
  const hostStop = hostEnd(text, hostAt, end)
  if (hostStop === -1) return undefined
  let paramsAt = skipBlanks(text, hostStop, end)
  let port: number | undefined
  if (paramsAt < end && text.charCodeAt(paramsAt) === COLON) {
    const portAt = skipBlanks(text, paramsAt + 1, end)
    paramsAt = runEnd(DIGIT, text, portAt, end)
    port = decimal(text, portAt, paramsAt)
    if (port === undefined || port > 65_535) return undefined
  }
  const host = hostName(text, hostAt, hostStop)
  const params = Params.parse(text, paramsAt, end)
  if (host === undefined || params === undefined) return undefined
  const transport =
    TRANSPORTS.find(text, transportAt, transportEnd) ??
    text.slice(transportAt, transportEnd).toUpperCase()
  return viaOf(transport, host, port, params)
}

const TRANSPORTS = new NameTable(
  ['UDP', 'TCP', 'TLS', 'WS', 'WSS', 'SCTP', 'TLS-SCTP'].map((name) => [name, name]),
)

const SLASH = 0x2f
const COLON = 0x3a

function viaOf(transport: string, host: string, port: number | undefined, params: Params): Via {
  return {
    transport,
    host,
    port,
    branch: params.get('branch'),
    received: withoutBrackets(params.get('received')),
    rport: params.has('rport') ? (decimal(params.get('rport') ?? '') ?? true) : undefined,
    maddr: withoutBrackets(params.get('maddr')),
    ttl: decimal(params.get('ttl') ?? ''),
    params,
  }
}

/** `SIP / 2.0 /`, with blanks where nobody writes them. */
function afterProtocol(text: string, at: number, end: number): number {
  const nameEnd = runEnd(TOKEN, text, at, end)
  if (text.slice(at, nameEnd).toUpperCase() !== 'SIP') return -1
  const versionAt = afterSlash(text, nameEnd, end)
  return text.startsWith('2.0', versionAt) ? afterSlash(text, versionAt + 3, end) : -1
}

/** Past the `/` and the blanks around it; -1 when it is not there. */
function afterSlash(text: string, at: number, end: number): number {
  const slash = skipBlanks(text, at, end)
  return slash < end && text.charCodeAt(slash) === SLASH ? skipBlanks(text, slash + 1, end) : -1
}

function withoutBrackets(address: string | undefined): string | undefined {
  return address?.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address
}
