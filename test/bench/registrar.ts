//! Registrations a second on the SIP thread without sockets: parse, authenticate, registrar,
//! store, serialize. The client's own sums are not counted. And what 100,000 bindings weigh.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { assert } from '../../src/base/assert.ts'
import { wallTime } from '../../src/base/time.ts'
import { parseChallenge } from '../../src/sip/auth/challenge.ts'
import { formatCredentials } from '../../src/sip/auth/credentials.ts'
import { answer } from '../../src/sip/auth/digest.ts'
import type { SipResponse } from '../../src/sip/message/message.ts'
import { parseMessage } from '../../src/sip/message/parse.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import type { FlowId, Source } from '../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../src/sip/transaction/keys.ts'
import { importExtensions } from '../../src/store/import.ts'
import { openStore } from '../../src/store/open.ts'
import type { Store } from '../../src/store/store.ts'
import { openVault } from '../../src/store/vault.ts'
import {
  createAuthenticator,
  type Authenticator,
} from '../../roles/call-manager/auth/authenticator.ts'
import { openDirectory } from '../../roles/call-manager/directory.ts'
import {
  startRegistrar,
  type RunningRegistrar,
} from '../../roles/call-manager/registrar/registrar-host.ts'
import { realHost } from '../store/host.ts'
import type { Row } from './parse.ts'

const DOMAIN = 'pbx.example'
const USERS = 20_000
const BINDINGS = 100_000

export async function run(): Promise<readonly Row[]> {
  const server = await Server.start(USERS)
  const rows: Row[] = []
  const clients = Array.from({ length: USERS }, (_, n) => new Client(n))
  const first = await server.round(clients)
  const bound = await server.round(clients)
  rows.push({ name: 'REGISTER challenged (401)', value: first, unit: '/s' })
  rows.push({ name: 'REGISTER with digest, new binding committed', value: bound, unit: '/s' })
  // Twice, the first to warm up.
  await server.round(clients)
  const refreshed = await server.round(clients)
  rows.push({ name: 'REGISTER with digest, refresh', value: refreshed, unit: '/s' })
  for (const client of clients) client.forget()
  const challenged = await server.round(clients)
  const answered = await server.round(clients)
  const both = 1 / (1 / challenged + 1 / answered)
  rows.push({ name: 'REGISTER in two round trips, refresh', value: both, unit: '/s' })
  await server.stop()
  rows.push(memory())
  return rows
}

/** In a process of its own, so that nothing else is weighed. */
function memory(): Row {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'memory'])
  const value = Number(output.toString().trim())
  return { name: `RSS with ${BINDINGS.toLocaleString('en')} bindings`, value, unit: ' MB' }
}

async function weigh(): Promise<number> {
  const server = await Server.start(BINDINGS)
  for (let from = 0; from < BINDINGS; from += 1_000) {
    const clients = Array.from({ length: 1_000 }, (_, n) => new Client(from + n))
    await server.round(clients)
    await server.round(clients)
  }
  assert(server.bindings === BINDINGS, 'every client is registered')
  const rss = process.memoryUsage.rss() / 1e6
  await server.stop()
  return Math.round(rss)
}

class Client {
  readonly source: Source
  readonly user: string
  readonly #number: number
  #cseq = 0
  #count = 0
  #challenge: ReturnType<typeof parseChallenge>

  constructor(number: number) {
    this.#number = number
    this.user = String(number)
    const address = `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`
    const flow = `udp:${address}:5060` as FlowId
    const local = { localAddress: '10.0.0.100', localPort: 5060 }
    this.source = { flow, transport: 'udp', address, port: 5060, ...local }
  }

  request(): Buffer {
    const { address } = this.source
    const uri = `sip:${DOMAIN}`
    const lines = [
      `REGISTER ${uri} SIP/2.0`,
      `Via: SIP/2.0/UDP ${address}:5060;branch=z9hG4bK-${this.user}-${++this.#cseq};rport`,
      'Max-Forwards: 70',
      `From: <sip:${this.user}@${DOMAIN}>;tag=a6c85cf${this.user}`,
      `To: <sip:${this.user}@${DOMAIN}>`,
      `Call-ID: 843817637684230@998sdasdh09-${this.user}`,
      `CSeq: ${this.#cseq} REGISTER`,
      `Contact: <sip:${this.user}@${address}:5060>;expires=3600`,
      'User-Agent: Bench Phone 1.0 (x86_64/linux)',
      'Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, NOTIFY, SUBSCRIBE, INFO, MESSAGE, UPDATE, REFER',
      'Supported: gruu',
    ]
    if (this.#challenge !== undefined) lines.push(`Authorization: ${this.#credentials(uri)}`)
    lines.push('Content-Length: 0', '', '')
    return Buffer.from(lines.join('\r\n'), 'latin1')
  }

  onResponse({ status, headers }: SipResponse): void {
    const challenge = headers.get('www-authenticate')
    if (status === 401 && challenge !== undefined) {
      this.#challenge = parseChallenge(challenge)
      this.#count = 0
    } else assert(status === 200, `client ${this.#number} got ${status}`)
  }

  forget(): void {
    this.#challenge = undefined
  }

  #credentials(uri: string): string {
    const challenge = this.#challenge
    assert(challenge !== undefined, 'asked only after a challenge')
    const password = `password-${this.user}`
    const cnonce = '0123456789abcdef'
    const text = { challenge, user: this.user, password, method: 'REGISTER', uri, cnonce }
    return formatCredentials(answer({ ...text, nonceCount: ++this.#count }))
  }
}

class Server {
  readonly #directory: string
  readonly #store: Store
  readonly #authenticator: Authenticator
  readonly #registrar: RunningRegistrar
  readonly #close: () => void
  #respond: (key: ServerKey, response: SipResponse) => void = () => undefined

  static async start(users: number): Promise<Server> {
    const directory = mkdtempSync(join(tmpdir(), 'pbx-bench-'))
    const store = await openStore({ host: realHost(), directory, onFault: fail })
    const options = { wall: () => wallTime(Date.now()), onBadLine: () => undefined }
    const imported = await importExtensions(store, lines(users), options)
    assert(imported.ok && imported.value.imported === users, 'the users are there')
    return new Server(directory, store)
  }

  private constructor(directory: string, store: Store) {
    this.#directory = directory
    this.#store = store
    const host = realHost()
    const vault = openVault(directory)
    const users = openDirectory({ store, vault, isOurs: () => false })
    this.#close = users.close
    this.#authenticator = createAuthenticator({ host, directory: users })
    const respond = (key: ServerKey, response: SipResponse): void => this.#respond(key, response)
    const flowClosed = () => () => undefined
    const flows = { isOpen: () => true, flowClosed }
    const parts = { host, date: host.wall, store, vault, directory: users, respond, ...flows }
    this.#registrar = startRegistrar(parts)
  }

  get bindings(): number {
    return this.#registrar.location.size
  }

  /** Every client once; requests a second that were answered and serialized. */
  async round(clients: readonly Client[]): Promise<number> {
    const datagrams = clients.map((client) => client.request())
    const responses: SipResponse[] = []
    const answered = Promise.withResolvers<void>()
    this.#respond = (key, response) => {
      serialize(response)
      responses[Number(key)] = response
      if (++count === clients.length) answered.resolve()
    }
    let count = 0
    const began = performance.now()
    for (const [index, client] of clients.entries()) {
      this.#receive(datagrams[index], client.source, String(index) as ServerKey)
      // As datagrams come: some hundred a turn of the event loop.
      if (index % 100 === 99) await turn()
    }
    await answered.promise
    const rate = (clients.length / (performance.now() - began)) * 1000
    for (const [index, response] of responses.entries()) clients[index]?.onResponse(response)
    return rate
  }

  async stop(): Promise<void> {
    this.#registrar.stop()
    this.#close()
    await this.#store.close()
    rmSync(this.#directory, { recursive: true })
  }

  #receive(datagram: Buffer | undefined, source: Source, key: ServerKey): void {
    assert(datagram !== undefined, 'one for each client')
    const parsed = parseMessage(datagram)
    assert(parsed.ok && parsed.value.kind === 'request', 'the client writes well')
    const verdict = this.#authenticator.authenticate(parsed.value, source)
    if (verdict.kind === 'drop') throw new Error(verdict.reason)
    if (verdict.kind === 'ok')
      this.#registrar.register(parsed.value, key, source, verdict.extension)
    else this.#respond(key, verdict.response)
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

function fail(fault: Error): never {
  throw fault
}

async function* lines(users: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < users; n++) yield Buffer.from(`${DOMAIN},${n},password-${n},User ${n}\n`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv[2] === 'memory') console.log(await weigh())
  else for (const { name, value, unit } of await run()) console.log(name, Math.round(value), unit)
}
