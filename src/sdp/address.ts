//! Where a section wants its packets: `c=`, the port, `a=rtcp` (RFC 8866 §5.7, RFC 3605).

import { attribute, firstOf, type Description, type MediaSection } from './description.ts'

export type Family = 'IP4' | 'IP6'
/** A numeric address or a host name, as written; IPv6 without brackets, lower-case. */
export type Connection = { readonly family: Family; readonly host: string }
export type TransportAddress = { readonly host: string; readonly port: number }

/** The section's own `c=`, else the session's; undefined when absent or unreadable. */
export function connectionOf(
  description: Description,
  section: MediaSection,
): Connection | undefined {
  const value = firstOf(section.lines, 'c') ?? firstOf(description.session, 'c')
  return value === undefined ? undefined : readConnection(value)
}

export function readConnection(value: string): Connection | undefined {
  const family = value.startsWith('IN IP4 ')
    ? 'IP4'
    : value.startsWith('IN IP6 ')
      ? 'IP6'
      : undefined
  if (family === undefined) return undefined
  const address = value.slice('IN IP4 '.length).trim()
  const slash = address.indexOf('/')
  const host = (slash === -1 ? address : address.slice(0, slash)).toLowerCase()
  return host === '' || host.includes(' ') ? undefined : { family, host }
}

/** RFC 2543's hold and RFC 3264 §8.4's "not known yet": an address nobody can send to. */
export function isNowhere(host: string): boolean {
  return (
    host === '0.0.0.0' || host === '::' || host === '0:0:0:0:0:0:0:0' || host.endsWith('.invalid')
  )
}

/** Where RTCP goes: with RTP when multiplexed (RFC 5761), by `a=rtcp`, else one port above. */
export function rtcpAddress(
  section: MediaSection,
  rtp: TransportAddress,
  multiplexed: boolean,
): TransportAddress {
  if (multiplexed) return rtp
  const value = attribute(section.lines, 'rtcp')
  if (value === undefined) return { host: rtp.host, port: rtp.port + 1 }
  const [port = '', net, family, address] = value.trim().split(/ +/)
  const read = address === undefined ? undefined : readConnection(`${net} ${family} ${address}`)
  const number = /^\d{1,5}$/.test(port) ? Number(port) : 0
  if (number === 0 || number > 65_535) return { host: rtp.host, port: rtp.port + 1 }
  return { host: read?.host ?? rtp.host, port: number }
}

export function isMultiplexed(section: MediaSection): boolean {
  return attribute(section.lines, 'rtcp-mux') !== undefined
}
