//! What whoever starts the server reads: where everything is, and, while they are needed, the
//! claim link and the demo extensions. Pure.

export type Greeting = {
  readonly version: string
  readonly roles: readonly string[]
  readonly data: string
  /** Address that others reach this host by. */
  readonly address: string
  readonly httpPort: number
  readonly httpsPort: number
  readonly sipPort: number
  readonly sipTlsPort: number
  readonly claim: string | undefined
  readonly demo: readonly {
    readonly user: string
    readonly domain: string
    readonly password: string
  }[]
}

export function greetingText(greeting: Greeting): string {
  const { version, roles, data, httpPort, httpsPort, sipPort, sipTlsPort, claim, demo } = greeting
  const host = greeting.address.includes(':') ? `[${greeting.address}]` : greeting.address
  const web = `http://${host}:${httpPort}`
  const lines = [
    '',
    `pbx ${version} runs ${roles.join(', ')}; data in ${data}`,
    '',
    `  console    ${web}  https://${host}:${httpsPort}`,
    `  SIP        ${host}:${sipPort} (UDP, TCP)  ${host}:${sipTlsPort} (TLS)`,
    `             ws://${host}:${httpPort}/sip  wss://${host}:${httpsPort}/sip`,
  ]
  if (claim !== undefined)
    lines.push(
      '',
      '  No administrator yet. This link makes the first one and works once:',
      `  ${web}/claim?token=${claim}`,
    )
  if (demo.length > 0) lines.push('', '  Two extensions to try it with (shown this once):')
  for (const { user, domain, password } of demo)
    lines.push(`  ${user}@${domain}  password ${password}`)
  return [...lines, '', ''].join('\n')
}
