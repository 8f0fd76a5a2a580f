//! REGISTER with digest, both round trips each time, of many users through one socket.

import { Pace, type Outcome, type PaceOptions } from './pace.ts'
import { Digest, header, statusOf } from './text.ts'
import { Wire } from './wire.ts'

export type RegisterOptions = PaceOptions & {
  readonly address: string
  readonly server: { readonly address: string; readonly port: number }
  readonly domain: string
  /** Users `u0` … `u{users-1}`, round robin. */
  readonly users: number
  /** Where contacts point; this generator's own port when absent. */
  readonly contactPort?: number
  /** Where it sends from; with the same one in every run, later runs refresh the bindings. */
  readonly localPort?: number
}

export async function runRegister(options: RegisterOptions): Promise<Outcome> {
  const { domain, users } = options
  const uri = `sip:${domain}`
  const digest = new Digest(domain, (user) => `pw-${user}`)
  const run = Math.floor(Math.random() * 1e9).toString(36)
  const userOf: number[] = []
  const serialOf: number[] = []
  const last: string[] = []
  let next = 0
  let serial = 0
  const wire = await Wire.open(options.address, options.server, onText, options.localPort)
  const contactPort = options.contactPort ?? wire.port
  const pace = new Pace(options, begin, (slot) => wire.send(last[slot] ?? ''))

  function begin(slot: number): void {
    userOf[slot] = next
    next = (next + 1) % users
    serialOf[slot] = ++serial
    send(slot, 1, '')
  }

  function send(slot: number, cseq: number, authorization: string): void {
    const user = userOf[slot] ?? 0
    const id = `${slot}.${serialOf[slot]}`
    last[slot] =
      `REGISTER ${uri} SIP/2.0\r\n` +
      `Via: SIP/2.0/UDP ${options.address}:${wire.port};branch=z9hG4bK${run}${id}.${cseq}\r\n` +
      `Max-Forwards: 70\r\nFrom: <sip:u${user}@${domain}>;tag=${slot}\r\n` +
      `To: <sip:u${user}@${domain}>\r\nCall-ID: ${id}.${run}\r\n` +
      `CSeq: ${cseq} REGISTER\r\n` +
      `Contact: <sip:u${user}@${options.address}:${contactPort}>;expires=600\r\n` +
      `User-Agent: load\r\n${authorization}Content-Length: 0\r\n\r\n`
    wire.send(last[slot])
    pace.asked(slot)
  }

  function onText(text: string): void {
    const status = statusOf(text)
    if (status < 200) return
    const slot = Number.parseInt(header(text, 'Call-ID'), 10)
    const second = header(text, 'CSeq').startsWith('2')
    if (status === 200) return pace.done(slot)
    if (status !== 401 || second) return pace.failed(slot, String(status))
    if (last[slot]?.includes('\r\nCSeq: 2 ') === true) return // answered already
    send(slot, 2, digest.credentials(text, userOf[slot] ?? 0, 'REGISTER', uri))
  }

  const outcome = await pace.run()
  await wire.close()
  return outcome
}
