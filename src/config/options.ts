//! Every setting of the product in one table: its name (the same on the command line and in the
//! config file), what it takes, its default, and what it is for. Decoding, `--help` and the
//! "did you mean" all read this.

import type { LogLevel } from '../base/host.ts'
import {
  type Decoder,
  decodeAddress,
  decodeDomain,
  decodeLogFormat,
  decodeLogLevel,
  decodeName,
  decodePath,
  decodePort,
  decodePortRange,
  decodeReplicaUrl,
  decodeRoles,
  decodeSwitch,
  decodeText,
  integer,
  type LogFormat,
  type PortRange,
  type RoleName,
  ROLES,
} from './decoders.ts'

export type Option<T> = {
  readonly decode: Decoder<T>
  readonly fallback: T
  /** What it is for, its unit and its bounds, in a line of `--help`. */
  readonly describe: string
  /** What `--help` shows as the default. */
  readonly shown: string
}

/** The domain of a system that was never given one. */
export const FIRST_DOMAIN = 'pbx.example'

export const OPTIONS = {
  role: option<readonly RoleName[]>(decodeRoles, ROLES, 'roles to run here, R[,R...]', 'all'),
  name: optional(decodeName, 'name of this server', "the host's name"),
  join: optional(decodeText, 'cluster that a server of one role works for, ADDRESS[:PORT]', 'none'),
  token: optional(decodeText, 'join token, when it starts for the first time', 'none'),
  data: option(decodePath, 'data', 'directory of everything that is kept'),
  domain: optional(decodeDomain, 'the first SIP domain', FIRST_DOMAIN),
  address: option(decodeAddress, '0.0.0.0', 'IP address to listen on'),
  'public-address': optional(decodeAddress, 'IP address that outside phones reach us by', 'none'),
  'sip-port': option(decodePort, 5060, 'SIP over UDP and TCP'),
  'sip-tls-port': option(decodePort, 5061, 'SIP over TLS'),
  'http-port': option(decodePort, 8888, 'console and API, SIP over WebSocket at /sip'),
  'https-port': option(decodePort, 8887, 'the same over TLS'),
  'rtp-ports': option<PortRange>(
    decodePortRange,
    { first: 35_000, last: 65_000 },
    'UDP ports for sound and video',
    '35000-65000',
  ),
  'log-level': option<LogLevel>(decodeLogLevel, 'info', 'debug, info, warn or error'),
  'log-format': option<LogFormat>(
    decodeLogFormat,
    'auto',
    'json, text, or auto: text for a terminal',
  ),
  'media-anchor': option(decodeSwitch, true, 'on: sound passes through us; off: end to end', 'on'),
  'tls-certificate': optional(decodePath, 'certificate chain for TLS (PEM)', 'self-signed'),
  'tls-key': optional(decodePath, 'private key of that certificate (PEM)', 'self-signed'),
  'min-expires': option(seconds(10, 86_400), 30, 'shortest registration granted, seconds'),
  'max-expires': option(seconds(60, 604_800), 7200, 'longest registration granted, seconds'),
  'calls-per-extension': option(calls(), 50, 'most calls of one extension at once, 0: no limit'),
  'calls-per-tenant': option(calls(), 0, 'most calls of one tenant at once, 0: no limit'),
  'trace-memory': option(integer(1, 4096, 'MiB'), 16, 'memory for SIP ladders (trace), MiB'),
  'litestream-url': optional(decodeReplicaUrl, 'where litestream keeps a replica, a URL', 'none'),
  'litestream-credentials': optional(
    decodePath,
    'file of its credentials, NAME=VALUE by the line',
    'the environment',
  ),
  'litestream-program': option(decodePath, 'litestream', 'its program, a path or a name'),
  'drain-seconds': option(seconds(0, 86_400), 5, 'at shutdown, how long calls may go on'),
} as const

export type OptionName = keyof typeof OPTIONS

export const OPTION_NAMES: readonly string[] = Object.keys(OPTIONS)

function option<T>(
  decode: Decoder<T>,
  fallback: T,
  describe: string,
  shown = String(fallback),
): Option<T> {
  return { decode, fallback, describe, shown }
}

function optional<T>(decode: Decoder<T>, describe: string, shown: string): Option<T | undefined> {
  return { decode, fallback: undefined, describe, shown }
}

function seconds(from: number, to: number): Decoder<number> {
  return integer(from, to, 'seconds')
}

function calls(): Decoder<number> {
  return integer(0, 1_000_000, 'calls')
}
