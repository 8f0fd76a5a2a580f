//! Via: RFC 3261 §20.42, RFC 3581 (rport), RFC 5118 §4.5 (`received` without brackets).

import { decimal, DIGIT, runEnd, skipBlanks, TOKEN } from './chars.ts'
import { sameHost } from './ip.ts'
import { NameTable } from './name-table.ts'
import { Params } from './params.ts'
import { formatHostPort, hostEnd, hostName } from './uri.ts'

export type Via = {
  /** `UDP`, `TCP`, `TLS`, `WS`, `WSS`, or another token, upper-case. */
  readonly transport: string
  /** Sent-by host, lower-case; an IPv6 address without brackets. */
  readonly host: string
  readonly port: number | undefined
  /** The host as it came, brackets and all: so it goes back, for the sender to know it again. */
  readonly hostText: string
  readonly branch: string | undefined
  /** An address without brackets. */
  readonly received: string | undefined
  /** True when asked for and not yet filled in. */
  readonly rport: number | true | undefined
  readonly maddr: string | undefined
  readonly ttl: number | undefined
  readonly params: Params
}

const SLASH = 0x2f
const COLON = 0x3a
const MAX_PORT = 65_535
const TRANSPORTS = new NameTable(
  ['UDP', 'TCP', 'TLS', 'WS', 'WSS', 'SCTP', 'TLS-SCTP'].map((name) => [name, name]),
)

/** `magic cookie`: branches that begin so are unique (§8.1.1.7). */
export const MAGIC_COOKIE = 'z9hG4bK'

export function parseVia(text: string): Via | undefined {
  return parseViaAt(text, 0, text.length)
}

export function formatVia(via: Via): string {
  const { transport, hostText, port, params } = via
  const sentBy = port === undefined ? hostText : `${hostText}:${port}`
  return `SIP/2.0/${transport} ${sentBy}${params.toString()}`
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
  const { transport, host, port } = parts
  return viaOf({ transport, host, port, hostText: formatHostPort(host, undefined) }, params)
}

/**
 * RFC 3261 §18.2.1, RFC 3581 §4: what the server adds on arrival; the same Via when that is
 * nothing. A `received` that came along is never believed, for responses go there.
 */
export function withReceived(top: Via, address: string, port: number): Via {
  let { params } = top
  if (top.rport !== undefined) params = params.withRaw('rport', String(port))
  if (top.rport !== undefined || !sameHost(top.host, address))
    params = params.withRaw('received', address)
  else params = params.without('received')
  return params === top.params ? top : viaOf(top, params)
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
  let portStop = skipBlanks(text, hostStop, end)
  let port: number | undefined
  if (portStop < end && text.charCodeAt(portStop) === COLON) {
    const portAt = skipBlanks(text, portStop + 1, end)
    portStop = runEnd(DIGIT, text, portAt, end)
    port = decimal(text, portAt, portStop)
    if (port === undefined || port > MAX_PORT) return undefined
  }
  const host = hostName(text, hostAt, hostStop)
  const params = Params.parse(text, portStop, end)
  if (host === undefined || params === undefined) return undefined
  const transport =
    TRANSPORTS.find(text, transportAt, transportEnd) ??
    text.slice(transportAt, transportEnd).toUpperCase()
  const hostText = text.slice(hostAt, hostStop)
  return viaOf({ transport, host, port, hostText }, params)
}

function viaOf(
  { transport, host, port, hostText }: Pick<Via, 'transport' | 'host' | 'port' | 'hostText'>,
  params: Params,
): Via {
  return {
    transport,
    host,
    port,
    hostText,
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
