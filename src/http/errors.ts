//! Faults of the HTTP room at start: each says what is wrong and how to mend it.

export type HttpFaultCode = 'certificate-unusable' | 'port-taken' | 'address-unusable' | 'no-ipv6'

export class HttpFault extends Error {
  override readonly name = 'HttpFault'
  readonly code: HttpFaultCode
  /** Settings at fault: the process ends with 2. */
  readonly exitCode = 2

  constructor(code: HttpFaultCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }
}

export type Wanted = {
  readonly protocol: 'TCP' | 'UDP'
  readonly address: string
  readonly port: number
  /** The setting that moves it. */
  readonly option: string
}

/** What to do about a port that could not be had; undefined for any other reason. */
export function portFault(code: string, wanted: Wanted): HttpFault | undefined {
  const { protocol, address, port, option } = wanted
  const where = `${protocol} port ${port} on ${address}`
  const shows = protocol === 'TCP' ? 'ss -ltnp' : 'ss -lunp'
  switch (code) {
    case 'EADDRINUSE':
      return new HttpFault(
        'port-taken',
        `${where} is taken: stop the program that has it (${shows} shows which), ` +
          `or choose another with --${option}`,
      )
    case 'EACCES':
      return new HttpFault(
        'port-taken',
        `${where} is not allowed to this user: choose one above 1023 with --${option}, ` +
          'or grant CAP_NET_BIND_SERVICE',
      )
    case 'EADDRNOTAVAIL':
      return new HttpFault(
        'address-unusable',
        `${address} is no address of this host: name one with --address (ip addr shows them)`,
      )
    case 'EAFNOSUPPORT':
      return new HttpFault(
        'no-ipv6',
        `${where}: the kernel of this host has no IPv6 (ipv6.disable=1 in /proc/cmdline): ` +
          'let it have that, or use addresses of IPv4 only',
      )
    default:
      return undefined
  }
}
