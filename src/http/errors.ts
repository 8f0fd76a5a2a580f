//! Faults of the HTTP room at start: each says what is wrong and how to mend it.

export type HttpFaultCode = 'certificate-unusable' | 'port-taken' | 'address-unusable'

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

/** Names the port, the option that moves it, and how to find who has it. */
export function listenFault(error: unknown, address: string, port: number, option: string): Error {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const where = `TCP port ${port} on ${address}`
  if (code === 'EADDRINUSE')
    return new HttpFault(
      'port-taken',
      `${where} is taken: stop the program that has it (ss -ltnp shows which), ` +
        `or choose another with --${option}`,
      error,
    )
  if (code === 'EACCES')
    return new HttpFault(
      'port-taken',
      `${where} is not allowed to this user: choose one above 1023 with --${option}, ` +
        'or grant CAP_NET_BIND_SERVICE',
      error,
    )
  if (code === 'EADDRNOTAVAIL')
    return new HttpFault(
      'address-unusable',
      `${address} is no address of this host: name one with --address (ip addr shows them)`,
      error,
    )
  return error instanceof Error ? error : new Error(String(error))
}
