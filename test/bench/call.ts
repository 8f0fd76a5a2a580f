//! What a whole call costs: digest, both legs, its snapshots and its record, through the real
//! stack, role and store, without sockets and media. By CPU time, the phones' own taken off, and by
//! what it leaves to the collector. To compare two builds run both at once on one core: the machine
//! is then the same for both. `EACH=1 node test/bench/call.ts measure` tells every round.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import { assert } from '../../src/base/assert.ts'
import type { Host } from '../../src/base/host.ts'
import { millis, wallTime, type Millis } from '../../src/base/time.ts'
import type { NodeId } from '../../src/control/ids.ts'
import { realHost } from '../../src/observe/real-host.ts'
import type { SipMessage } from '../../src/sip/message/message.ts'
import { flat } from '../../src/sip/message/text.ts'
import { serialize } from '../../src/sip/message/serialize.ts'
import { createSipStack } from '../../src/sip/stack.ts'
import type { Received, SipTransport } from '../../src/sip/stack/sip-transport.ts'
import type { FlowId, Source, Target } from '../../src/sip/transaction/flow.ts'
import { arrive } from '../../src/sip/transport/arrival.ts'
import { importExtensions } from '../../src/store/import.ts'
import { openStore } from '../../src/store/open.ts'
import { openVault } from '../../src/store/vault.ts'
import { DEFAULT_POLICY } from '../../roles/call-manager/registrar/policy.ts'
import { startCallManager } from '../../roles/call-manager/role.ts'
import { run as parseRows, type Row } from './parse.ts'
import { answer, Digest, header, methodOf, SDP, statusOf, uriIn, WITH_SDP } from './load/text.ts'

const DOMAIN = 'pbx.example'
const USERS = 1_000
const WARM_UP = 16
const ROUNDS = 30
const CALLS_A_ROUND = 250
const BASELINE_ROUNDS = 10
/** Begun in one turn of the event loop. */
const AT_ONCE = 25
/** Virtual milliseconds between two calls: once warm, as many are forgotten as begun. */
const GAP = 8
const CALLER_PORT = 15_061
const CALLEE_PORT = 15_062
const LOCAL = { localAddress: '127.0.0.1', localPort: 5060 } as const

type Cost = { readonly main: number; readonly other: number; readonly kilobytes: number }

/** In a process of its own: the heap is to hold nothing else. */
export function run(): readonly Row[] {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), 'measure'])
  const { main, other, kilobytes } = JSON.parse(output.toString()) as Cost
  const [baseline] = parseRows(BASELINE_ROUNDS)
  // How many times the least that must be done with one INVITE.
  const ratio = (main * (baseline?.value ?? 0)) / 1e6
  return [
    { name: 'call with digest: CPU of the main thread', value: main, unit: 'us', ratio },
    { name: 'call with digest: CPU of the other threads', value: other, unit: 'us' },
    { name: 'call with digest: allocated on the main thread', value: kilobytes, unit: 'KB' },
  ]
}

/** The best round counts for CPU, the mean of all for what is allocated. */
async function measure(): Promise<Cost> {
  setFlagsFromString('--heap-growing-percent=100')
  const bench = await Bench.open()
  await bench.register()
  for (let round = 0; round < WARM_UP; round++) await bench.round()
  bench.meter.allocated.restart()
  const costs: Cost[] = []
  for (let round = 0; round < ROUNDS; round++) costs.push(await bench.round())
  const least = (of: (cost: Cost) => number): number => Math.min(...costs.map(of))
  const kilobytes = bench.meter.allocated.bytes / (ROUNDS * CALLS_A_ROUND * 1_000)
  if (process.env['EACH'] !== undefined)
    console.error(costs.map(({ main }) => Math.round(main)).join(' '))
  await bench.close()
  return { main: least(({ main }) => main), other: least(({ other }) => other), kilobytes }
}

class Bench {
  readonly meter = new Meter()
  readonly #network: Network
  readonly #phones: Phones
  readonly #close: () => Promise<void>

  static async open(): Promise<Bench> {
    const directory = mkdtempSync(join(tmpdir(), 'pbx-bench-'))
    const real = realHost(() => undefined)
    const onFault = (fault: Error): never => {
      throw fault
    }
    const store = await openStore({ host: real, directory, onFault })
    const options = { wall: () => wallTime(Date.now()), onBadLine: () => undefined }
    const imported = await importExtensions(store, lines(), options)
    assert(imported.ok && imported.value.imported === USERS, 'the users are there')
    const network = new Network(real)
    const { host } = network
    const stack = createSipStack({ host, transport: network, resolve: (_, found) => found([]) })
    const role = startCallManager({
      host,
      date: host.wall,
      store,
      vault: openVault(directory),
      stack,
      transport: network,
      media: undefined,
      isOurs: () => false,
      registrar: DEFAULT_POLICY,
      calls: CONFIG,
    })
    return new Bench(network, async () => {
      role.stop()
      await store.close()
      rmSync(directory, { recursive: true })
    })
  }

  private constructor(network: Network, close: () => Promise<void>) {
    this.#network = network
    this.#phones = new Phones(network)
    this.#close = close
  }

  async close(): Promise<void> {
    await this.#close()
  }

  async register(): Promise<void> {
    this.#phones.register()
    while (this.#phones.registered < USERS / 2) await this.#turn()
  }

  /** Microseconds a call. */
  async round(): Promise<Cost> {
    const { meter } = this
    const until = this.#phones.ended + CALLS_A_ROUND
    meter.start()
    let begun = 0
    while (this.#phones.ended < until) {
      if (begun < CALLS_A_ROUND && begun - (this.#phones.ended - until + CALLS_A_ROUND) < 100)
        for (let count = 0; count < AT_ONCE; count++, begun++) {
          this.#network.pass(GAP)
          this.#phones.call()
        }
      await this.#turn()
    }
    const { main, all } = meter.stop()
    const calls = CALLS_A_ROUND
    return { main: main / calls, other: (all - main) / calls, kilobytes: 0 }
  }

  /** The phones hear what was sent, then the server hears what they say to it. */
  async #turn(): Promise<void> {
    this.meter.phones(() => this.#phones.listen())
    this.#network.deliver()
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** CPU time and heap of the server alone: the phones live in the same thread. */
class Meter {
  readonly allocated = new Allocated()
  #thread = process.threadCpuUsage()
  #process = process.cpuUsage()
  #phones = 0

  start(): void {
    this.#thread = process.threadCpuUsage()
    this.#process = process.cpuUsage()
    this.#phones = 0
  }

  phones(work: () => void): void {
    this.allocated.beforePhones()
    const before = process.threadCpuUsage()
    work()
    const { user, system } = process.threadCpuUsage(before)
    this.#phones += user + system
    this.allocated.afterPhones()
  }

  stop(): { readonly main: number; readonly all: number } {
    const thread = process.threadCpuUsage(this.#thread)
    const all = process.cpuUsage(this.#process)
    return {
      main: thread.user + thread.system - this.#phones,
      all: all.user + all.system - this.#phones,
    }
  }
}

/** How far the heap grew; where a collection came in between, as far as it mostly does. */
class Allocated {
  #used = getHeapStatistics().used_heap_size
  #sum = 0
  #grew = 0
  #shrank = 0

  get bytes(): number {
    return this.#sum * (1 + this.#shrank / this.#grew)
  }

  restart(): void {
    this.#sum = 0
    this.#grew = 0
    this.#shrank = 0
  }

  beforePhones(): void {
    const grown = getHeapStatistics().used_heap_size - this.#used
    if (grown < 0) this.#shrank++
    else this.#grew++
    this.#sum += Math.max(0, grown)
  }

  afterPhones(): void {
    this.#used = getHeapStatistics().used_heap_size
  }
}

/** Callers and callees on one address, as few words as the protocol lets them have. */
class Phones {
  ended = 0
  registered = 0
  readonly #network: Network
  readonly #digest = new Digest(DOMAIN, (user) => `pw-${user}`)
  #serial = 0

  constructor(network: Network) {
    this.#network = network
  }

  register(): void {
    for (let user = USERS / 2; user < USERS; user++) this.#register(user, 1, '')
  }

  call(): void {
    const id = `${this.#serial++}`
    const callee = `sip:u${USERS / 2 + (Number(id) % (USERS / 2))}@${DOMAIN}`
    this.#say(CALLER, request('INVITE', callee, { id, cseq: 1, to: `<${callee}>` }, '', SDP))
  }

  listen(): void {
    for (const { port, text } of this.#network.takeSent())
      if (statusOf(text) === 0) this.#onRequest(text)
      else if (port === CALLEE_PORT) this.#onRegistered(text)
      else this.#onAnswer(text)
  }

  #onRegistered(text: string): void {
    const user = Number(header(text, 'Call-ID').slice(3))
    if (statusOf(text) === 200) this.registered++
    else this.#register(user, 2, this.#digest.credentials(text, user, 'REGISTER', `sip:${DOMAIN}`))
  }

  #register(user: number, cseq: number, more: string): void {
    const contact = `Contact: <sip:u${user}@127.0.0.1:${CALLEE_PORT}>;expires=3600\r\n`
    const parts = { id: `reg${user}`, cseq, to: `<sip:u${user}@${DOMAIN}>`, user }
    this.#say(CALLEE, request('REGISTER', `sip:${DOMAIN}`, parts, contact + more, ''))
  }

  #onAnswer(text: string): void {
    const status = statusOf(text)
    if (status < 180) return
    const id = header(text, 'Call-ID')
    const to = header(text, 'To')
    const method = methodOf(text)
    const callee = uriIn(to)
    if (method === 'BYE') this.ended++
    else if (status === 407) {
      this.#say(CALLER, request('ACK', callee, { id, cseq: 1, to }, '', ''))
      const proof = this.#digest.credentials(text, userOf(id), 'INVITE', callee)
      const parts = { id, cseq: 2, to: `<${callee}>` }
      this.#say(CALLER, request('INVITE', callee, parts, proof, SDP))
    } else if (status === 200) {
      const target = uriIn(header(text, 'Contact'))
      this.#say(CALLER, request('ACK', target, { id, cseq: 2, to, again: 'a' }, '', ''))
      this.#say(CALLER, request('BYE', target, { id, cseq: 3, to }, '', ''))
    } else assert(status === 180, text)
  }

  #onRequest(text: string): void {
    if (text.startsWith('ACK ')) return
    if (!text.startsWith('INVITE ')) return this.#say(CALLEE, answer(text, '200 OK'))
    const contact = `Contact: <sip:load@127.0.0.1:${CALLEE_PORT}>\r\n`
    this.#say(CALLEE, answer(text, '180 Ringing', contact))
    this.#say(CALLEE, answer(text, '200 OK', contact + WITH_SDP, SDP))
  }

  #say(source: Source, text: string): void {
    this.#network.arriving.push({ source, bytes: Buffer.from(text, 'latin1') })
  }
}

/** A transport without a network, and a clock that goes by calls. */
class Network implements SipTransport {
  readonly arriving: { readonly source: Source; readonly bytes: Buffer }[] = []
  readonly host: Host
  #sent: { readonly port: number; readonly text: string }[] = []
  #now = 1_000
  #alarms: { readonly at: Millis; readonly run: () => void }[] = []
  #listener: (event: Received) => void = () => undefined
  readonly #arrival = {
    onReceived: (received: Received) => this.#listener(received),
    onInvalid: () => assert(false, 'the phones write well'),
  }

  constructor(real: Host) {
    this.host = {
      ...real,
      now: () => millis(this.#now),
      wake: (at, run) => {
        const alarm = { at, run }
        this.#alarms.push(alarm)
        return () => {
          this.#alarms = this.#alarms.filter((each) => each !== alarm)
        }
      },
    }
  }

  readonly received: SipTransport['received'] = (listener) => {
    this.#listener = listener
    return () => undefined
  }
  readonly failed: SipTransport['failed'] = () => () => undefined
  readonly flowClosed: SipTransport['flowClosed'] = () => () => undefined

  localAddress(): { readonly transport: 'udp'; readonly address: string; readonly port: number } {
    return { transport: 'udp', address: LOCAL.localAddress, port: LOCAL.localPort }
  }

  send(to: FlowId | Target, message: SipMessage, bytes: Buffer = serialize(message)): void {
    const port = typeof to === 'string' ? Number(to.slice(to.lastIndexOf(':') + 1)) : to.port
    this.#sent.push({ port, text: bytes.toString('latin1') })
  }

  takeSent(): readonly { readonly port: number; readonly text: string }[] {
    const sent = this.#sent
    this.#sent = []
    return sent
  }

  deliver(): void {
    const arriving = this.arriving.splice(0)
    for (const { source, bytes } of arriving) arrive(this.#arrival, source, bytes)
  }

  pass(time: number): void {
    this.#now += time
    const due = this.#alarms.filter(({ at }) => at <= this.#now)
    if (due.length === 0) return
    this.#alarms = this.#alarms.filter(({ at }) => at > this.#now)
    for (const { run } of due) run()
  }
}

const CONFIG = {
  node: 'bench' as NodeId,
  product: 'pbx',
  host: 'bench',
  anchor: false,
  ringTimeout: millis(180_000),
  groupTimeout: millis(20_000),
  redirectsMax: 5,
  transfersMax: 20,
  callsPerExtension: 50,
  callsPerTenant: 0,
  sessionExpires: 1800,
  minSe: 90,
  promptUnknown: false,
}

const CALLER = sourceAt(CALLER_PORT)
const CALLEE = sourceAt(CALLEE_PORT)

function sourceAt(port: number): Source {
  const address = '127.0.0.1'
  const flow = flat(`udp:${address}:${port}`) as FlowId
  return { flow, transport: 'udp', address, port, ...LOCAL }
}

type Parts = {
  readonly id: string
  readonly cseq: number
  readonly to: string
  readonly again?: string
  readonly user?: number
}

function request(method: string, uri: string, parts: Parts, more: string, body: string): string {
  const { id, cseq, to, again = '', user = userOf(id) } = parts
  const port = method === 'REGISTER' ? CALLEE_PORT : CALLER_PORT
  const contact = `Contact: <sip:u${user}@127.0.0.1:${port}>\r\n`
  return (
    `${method} ${uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:${port};` +
    `branch=z9hG4bK${id}.${cseq}${again}\r\nMax-Forwards: 70\r\n` +
    `From: <sip:u${user}@${DOMAIN}>;tag=c${id}\r\nTo: ${to}\r\nCall-ID: ${id}\r\n` +
    `CSeq: ${cseq} ${method}\r\n${method === 'REGISTER' ? '' : contact}${more}` +
    `${body === '' ? '' : WITH_SDP}Content-Length: ${body.length}\r\n\r\n${body}`
  )
}

function userOf(id: string): number {
  return Number(id) % (USERS / 2)
}

async function* lines(): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < USERS; n++) yield Buffer.from(`${DOMAIN},u${n},pw-u${n},User ${n}\n`)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  if (process.argv[2] === 'measure') console.log(JSON.stringify(await measure()))
  else for (const { name, value, unit } of run()) console.log(name.padEnd(50), value, unit)
}
