//! The product's settings: defaults, then the config file, then the command line, decoded once at
//! the border into one frozen value. Every fault found is told at once. Pure.

import type { LogLevel } from '../base/host.ts'
import { err, ok, type Result } from '../base/result.ts'
import { type LogFormat, type PortRange, type RoleName, ROLES } from './decoders.ts'
import { OPTION_NAMES, OPTIONS, type Option, type OptionName } from './options.ts'
import { didYouMean } from './suggest.ts'

export type Config = {
  readonly roles: readonly RoleName[]
  readonly name: string
  /** Where its cluster is: a server of one role. Undefined for a system, or a node of one. */
  readonly join: string | undefined
  /** Needed once, when a server joins. */
  readonly token: string | undefined
  readonly data: string
  /** Undefined: the ones there are, or the first one's default. */
  readonly domain: string | undefined
  /** What sockets are bound to: `0.0.0.0` and `::` are every address of the host. */
  readonly address: string
  readonly publicAddress: string | undefined
  /** 0 is any free port. */
  readonly sipPort: number
  readonly sipTlsPort: number
  readonly httpPort: number
  readonly httpsPort: number
  readonly rtpPorts: PortRange
  /** False: SDP passes untouched and phones send sound to each other. */
  readonly mediaAnchor: boolean
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  /** Files; both undefined for a certificate of our own making. */
  readonly tls: { readonly certificate: string | undefined; readonly key: string | undefined }
  /** Seconds. */
  readonly expires: { readonly min: number; readonly max: number }
  /** At once; 0 is no limit. */
  readonly callsPer: { readonly extension: number; readonly tenant: number }
  readonly traceBytes: number
  readonly drainSeconds: number
  /** A replica off this site; none without a URL. `credentials` is a file. */
  readonly litestream: {
    readonly url: string | undefined
    readonly credentials: string | undefined
    readonly program: string
  }
}

/** Settings of one place; `prefix` is how that place writes them: `--`, or `pbx.toml: `. */
export type Origin = {
  readonly prefix: string
  readonly values: Readonly<Record<string, unknown>>
}

/** `origins` in order of precedence, the strongest first. The error is one line per fault. */
export function decodeConfig(
  origins: readonly Origin[],
  hostName: string,
): Result<Config, readonly string[]> {
  const faults = origins.flatMap(unknownKeys)
  const read = <N extends OptionName>(name: N): Value<N> => {
    const { decode, fallback }: Option<unknown> = OPTIONS[name]
    for (const origin of origins) {
      const value = origin.values[name]
      if (value === undefined) continue
      const decoded = decode(value)
      if (decoded.ok) return decoded.value as Value<N>
      faults.push(`${origin.prefix}${name} ${quoted(value)} ${decoded.error}`)
      break
    }
    return fallback as Value<N>
  }
  const config = assemble(read, hostName)
  faults.push(...contradictions(config))
  return faults.length === 0 ? ok(Object.freeze(config)) : err(faults)
}

type Value<N extends OptionName> = (typeof OPTIONS)[N] extends Option<infer T> ? T : never
type Read = <N extends OptionName>(name: N) => Value<N>

function assemble(read: Read, hostName: string): Config {
  return {
    roles: read('role'),
    name: read('name') ?? hostName,
    join: read('join'),
    token: read('token'),
    data: read('data'),
    domain: read('domain'),
    address: read('address'),
    publicAddress: read('public-address'),
    sipPort: read('sip-port'),
    sipTlsPort: read('sip-tls-port'),
    httpPort: read('http-port'),
    httpsPort: read('https-port'),
    rtpPorts: read('rtp-ports'),
    mediaAnchor: read('media-anchor'),
    logLevel: read('log-level'),
    logFormat: read('log-format'),
    tls: { certificate: read('tls-certificate'), key: read('tls-key') },
    expires: { min: read('min-expires'), max: read('max-expires') },
    callsPer: { extension: read('calls-per-extension'), tenant: read('calls-per-tenant') },
    traceBytes: read('trace-memory') * 1024 * 1024,
    drainSeconds: read('drain-seconds'),
    litestream: {
      url: read('litestream-url'),
      credentials: read('litestream-credentials'),
      program: read('litestream-program'),
    },
  }
}

/** Settings that are fine alone and not together. */
function* contradictions(config: Config): Generator<string> {
  const { expires, tls, roles, rtpPorts, join } = config
  const absent = ROLES.filter((role) => !roles.includes(role))
  const isMedia = roles.length === 1 && roles[0] === 'media'
  if (isMedia && join === undefined)
    yield 'role media alone needs join, the address of its cluster: see pbx server add'
  else if (join !== undefined && !isMedia) yield 'join is for servers of one role: add role media'
  else if (absent.length > 0 && !isMedia)
    yield (
      `role ${roles.join(',')} needs ${absent.join(',')} beside it: ` +
        'servers of their own for each role come in a later version'
    )
  if (expires.min > expires.max)
    yield `min-expires ${expires.min} must not be above max-expires ${expires.max}`
  if ((tls.certificate === undefined) !== (tls.key === undefined))
    yield 'tls-certificate and tls-key must be given together, or neither for a self-signed one'
  const ports = Object.entries({
    'sip-port': config.sipPort,
    'sip-tls-port': config.sipTlsPort,
    'http-port': config.httpPort,
    'https-port': config.httpsPort,
  }).filter(([, port]) => port !== 0)
  for (const [name, port] of ports) {
    const twin = ports.find((each) => each[1] === port)
    if (twin !== undefined && twin[0] !== name)
      yield `${twin[0]} and ${name} are both ${port}; each needs a port of its own`
  }
  for (const [name, port] of ports)
    if (port >= rtpPorts.first && port <= rtpPorts.last)
      yield `${name} ${port} lies within rtp-ports ${rtpPorts.first}-${rtpPorts.last}; move either`
}

function unknownKeys(origin: Origin): readonly string[] {
  return Object.keys(origin.values)
    .filter((key) => !OPTION_NAMES.includes(key))
    .map((key) => unknownSetting(origin.prefix, key))
}

function unknownSetting(prefix: string, key: string): string {
  const meant = didYouMean(key, OPTION_NAMES)
  return `${prefix}${key} is not known${meant === '' ? '; pbx --help lists all settings' : meant}`
}

/** A password in a URL is not shown, wrong as it may be there. */
function quoted(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : JSON.stringify(value)
  return text.replace(/(\/\/[^/:@"]*):[^/@"]*@/, '$1:[redacted]@')
}
