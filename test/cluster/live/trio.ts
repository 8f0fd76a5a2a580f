//! Three nodes of the real product on a LAN of their own, and clients of which each can hear one
//! node only: an answer that should not be cannot hide behind the right one.

import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type {
  CallList,
  CdrPage,
  ServerList,
  Status,
  Trace,
} from '../../../src/console/api/shapes.ts'
import { Baresip } from '../../harness/baresip.ts'
import { Lan, type LanHost } from '../../harness/lan.ts'
import { WebPhone } from './web-phone.ts'
import type { BadHost } from './bad-host.ts'
import type { Answer } from './owners.ts'
import { Probers } from './probers.ts'

const ROOT = join(import.meta.dirname, '..', '..', '..')
const PBX = join(ROOT, 'src/main.ts')
const VIP = '10.9.0.100'
/** The same everywhere, so that a client at the address needs to know one only. */
const TOKEN = 'a-token-for-the-tests-of-the-cluster'
const PASSWORD = 'a-long-enough-password'
const DOMAIN = 'pbx.example'
const PATIENCE_MS = 30_000
/** `RestartSec` of config/systemd/pbx.service. */
const RESTART_MS = 1_000
/** In one argument of curl. */
const ROWS_MAX = 2_000

export class Node {
  readonly host: LanHost
  readonly data: string
  /** What its hardware does wrong, where that was asked for. */
  readonly bad: BadHost | undefined
  process: ChildProcess | undefined
  output = ''
  /** What it is started with besides its data and its name. */
  options: readonly string[] = []
  /** Of its process, `NAME=value`. */
  environment: readonly string[] = []
  /** What is installed there. */
  main = PBX
  #isSupervised = false

  constructor(host: LanHost, data: string, bad?: BadHost) {
    this.host = host
    this.data = data
    this.bad = bad
    mkdirSync(data, { recursive: true })
    writeFileSync(join(data, 'api.token'), `${TOKEN}\n`, { mode: 0o600 })
  }

  start(...more: readonly string[]): void {
    const { host, data, bad, main } = this
    bad?.writeBack()
    const own = ['--data', data, '--name', host.name, ...this.options, ...more]
    const environment = [...(bad?.environment ?? []), ...this.environment]
    const child = host.spawn('env', ...environment, process.execPath, main, ...own)
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (piece: Buffer) => (this.output += piece.toString()))
    child.once('close', () => this.#startAnew())
    this.process = child
  }

  /** From now on it is started again a second after it has ended, as systemd does it. */
  supervise(isSupervised = true): void {
    this.#isSupervised = isSupervised
  }

  #startAnew(): void {
    const again = (): void => {
      if (this.#isSupervised && !this.isRunning) this.start()
    }
    if (this.#isSupervised) setTimeout(again, RESTART_MS)
  }

  get isRunning(): boolean {
    const { process: child } = this
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** As an administrator does it. The token goes by stdin. */
  join(token: string): string {
    const { name, address } = this.host
    const typed = ['cluster', 'join', '-', '--address', address, '--name', name]
    const words = [process.execPath, this.main, ...typed, '--data', this.data]
    return this.host.run('sh', '-c', 'echo "$0" | "$@"', token, ...words)
  }

  pbx(...args: readonly string[]): string {
    return this.host.run(process.execPath, this.main, ...args, '--data', this.data)
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal)
  }

  async stopped(): Promise<void> {
    const { process: child } = this
    if (this.isRunning) await new Promise((resolve) => child?.once('close', resolve))
  }
}

/** That `pbx cluster init` or `pbx cluster token` has printed. */
export function tokensIn(said: string): string[] {
  return [...said.matchAll(/^ +([\w-]{100,}\.[\w-]+)$/gm)].map(([, token = '']) => token)
}

type Wired = 'udp' | 'tcp' | 'tls'
export type PhoneAt<Transport> = {
  readonly user: string
  readonly at: LanHost
  readonly transport: Transport
  /** By which it knows the system, when not by the virtual address. */
  readonly server?: string
  /** Its tenant's, when it is not the first one. */
  readonly domain?: string
  /** Hz of what it sends. */
  readonly tone?: number | undefined
}

/** A disk for a node's data, and faults below it. */
export type Hardware = (name: string, data: string) => BadHost | undefined

export class Trio {
  readonly lan = new Lan('pbx')
  readonly directory = mkdtempSync(join(tmpdir(), 'pbx-trio-'))
  /** That are in the cluster. */
  nodes: readonly Node[]
  readonly vip = VIP
  /** Media servers, and nodes that were removed. */
  readonly #others: Node[] = []
  /** Hears whoever has the address. */
  readonly client: LanHost
  readonly #probers = new Probers(this.lan, VIP)

  private constructor(hardware: Hardware) {
    this.nodes = [1, 2, 3].map((number) => {
      const name = `n${number}`
      const data = join(this.directory, name)
      return new Node(this.lan.host(name, number), data, hardware(name, data))
    })
    this.client = this.lan.host('client', 200)
  }

  static async start(
    timing: 'default' | 'fast',
    vips = `${VIP}/24`,
    hardware: Hardware = () => undefined,
    options: readonly string[] = [],
  ): Promise<Trio> {
    const trio = new Trio(hardware)
    for (const node of trio.nodes) node.options = options
    const [first, ...others] = trio.nodes
    if (first === undefined) throw new Error('there are three')
    const own = ['--address', first.host.address, '--name', first.host.name]
    const said = first.pbx('cluster', 'init', ...own, '--vip', vips, '--timing', timing)
    const tokens = tokensIn(said)
    first.start()
    await trio.until('the first node serves', async () => (await trio.serving()) !== undefined)
    for (const node of others) await trio.#join(node, tokens.shift() ?? '')
    await trio.whole()
    return trio
  }

  /** One more, by what the system says is to be run there. Who is `absent` is not waited for. */
  async addNode(name: string, last: number, absent?: Node): Promise<Node> {
    const leader = await this.leader()
    const [token = ''] = tokensIn(leader.pbx('cluster', 'token'))
    const node = new Node(this.lan.host(name, last), join(this.directory, name))
    await this.#join(node, token)
    this.nodes = [...this.nodes, node]
    await this.whole(PATIENCE_MS, absent)
    return node
  }

  /** By `pbx cluster remove` on the host that serves; it runs on, as a host does. */
  async removeNode(node: Node, absent?: Node): Promise<string> {
    const id = (await this.serving())?.cluster?.members.find(
      ({ name }) => name === node.host.name,
    )?.id
    const said = (await this.leader()).pbx('cluster', 'remove', id ?? '')
    this.nodes = this.nodes.filter((each) => each !== node)
    this.#others.push(node)
    await this.whole(PATIENCE_MS, absent)
    return said
  }

  async #join(node: Node, token: string): Promise<void> {
    await this.until(`${node.host.name} is let in`, () => {
      try {
        node.join(token)
        return true
      } catch (error) {
        // Between two and three nodes a busy machine costs an election.
        if (String(error).includes('nobody leads the cluster now')) return false
        throw error
      }
    })
    node.start()
  }

  /** A media server on a host of its own, by what the system says is to be run there. */
  async addMediaServer(name: string, last: number): Promise<Node> {
    const server = new Node(this.lan.host(name, last), join(this.directory, name))
    this.#others.push(server)
    const body = JSON.stringify({ name, role: 'media', address: server.host.address })
    const said = await this.#curl(this.client, VIP, '/servers', '-X', 'POST', '-d', body)
    const token = /--token ([\w.-]+)/.exec(said)?.[1]
    if (token === undefined) throw new Error(`no invitation: ${said}`)
    const { address } = server.host
    server.options = ['--role', 'media', '--join', VIP, '--address', address]
    server.start('--token', token)
    await this.until(`${name} is there`, async () => {
      return (await this.servers()).some((each) => each.name === name && each.state === 'online')
    })
    return server
  }

  async servers(): Promise<ServerList['items']> {
    const text = await this.#curl(this.client, VIP, '/servers')
    return text === '' ? [] : (JSON.parse(text) as ServerList).items
  }

  /** As the node at the address tells it; undefined when nobody does. */
  async serving(): Promise<Status | undefined> {
    return this.#status(this.client, VIP)
  }

  async leader(): Promise<Node> {
    let found: Node | undefined
    await this.until('somebody leads', async () => {
      const leader = (await this.serving())?.name
      found = this.nodes.find(({ host }) => host.name === leader)
      return found !== undefined
    })
    if (found === undefined) throw new Error('told above')
    return found
  }

  /** All but who is `absent` are connected, voters, and up to date. */
  whole(patience = PATIENCE_MS, absent?: Node): Promise<void> {
    const isSo = async (): Promise<boolean> => {
      const cluster = (await this.serving())?.cluster
      const isWell = cluster?.members.every(
        ({ name, kind, isConnected, lag }) =>
          name === absent?.host.name || (kind === 'voter' && isConnected && lag === 0),
      )
      return isWell === true && cluster?.members.length === this.nodes.length
    }
    return this.until('all nodes are there and up to date', isSo, patience)
  }

  /** Also those whose disk was slow, which is remembered for a minute. */
  fit(patience: number): Promise<void> {
    const isSo = async (): Promise<boolean> => {
      const members = (await this.serving())?.cluster?.members
      return members?.every(({ unfit }) => unfit === undefined) === true
    }
    return this.until('all nodes would serve', isSo, patience)
  }

  /** A write through the API at the address; true when it was acknowledged. */
  async write(user: string): Promise<boolean> {
    const body = JSON.stringify({ extension: user, password: PASSWORD })
    const answer = this.#curl(this.client, VIP, '/extensions', '-X', 'POST', '-d', body)
    return (await answer).includes('"password"')
  }

  async users(): Promise<ReadonlySet<string>> {
    const found = new Set<string>()
    for (let after = ''; ;) {
      const page = await this.#curl(this.client, VIP, `/extensions?limit=1000&after=${after}`)
      const { items, next } = JSON.parse(page) as {
        items: readonly { readonly extension: string }[]
        next?: string
      }
      for (const { extension } of items) found.add(extension)
      if (next === undefined) return found
      after = encodeURIComponent(next)
    }
  }

  /** A real phone on the LAN, registered at the address. */
  phone(user: string, last: number, transport: Wired, tone?: number): Promise<Baresip> {
    return this.phoneAt({ user, at: this.lan.host(`phone${last}`, last), transport, tone })
  }

  async phoneAt(options: PhoneAt<Wired>): Promise<Baresip> {
    const { user, at, transport, server = VIP, tone, domain = DOMAIN } = options
    if (domain === DOMAIN) await this.write(user)
    else await this.importUsers(`${domain},${user},${PASSWORD}\n`)
    const sound = tone === undefined ? {} : { tone }
    return Baresip.start({
      user,
      password: PASSWORD,
      domain,
      server: `${server}:${transport === 'tls' ? 5061 : 5060}`,
      transport,
      at,
      outbound: transport !== 'udp',
      ...sound,
    })
  }

  /** A phone over WebSocket, registered at the address. */
  webPhone(user: string, last: number, transport: 'ws' | 'wss'): Promise<WebPhone> {
    return this.webPhoneAt({ user, at: this.lan.host(`phone${last}`, last), transport })
  }

  async webPhoneAt({ user, at, transport, server = VIP }: PhoneAt<'ws' | 'wss'>) {
    await this.write(user)
    const url = transport === 'ws' ? `ws://${server}:8888/sip` : `wss://${server}:8887/sip`
    const phone = new WebPhone(at, url, user, PASSWORD)
    await this.until(`${user} is registered`, () => phone.state?.registered === 200)
    return phone
  }

  /** Packets of sound that whoever serves has passed on. */
  async relayed(): Promise<number> {
    const metrics = await this.#curl(this.client, VIP, '/../../metrics')
    return Number(/^pbx_media_packets\{.*kind="relayed".*\} (\d+)/m.exec(metrics)?.[1] ?? 0)
  }

  async calls(): Promise<CallList['items']> {
    const text = await this.#curl(this.client, VIP, '/calls')
    return text === '' ? [] : (JSON.parse(text) as CallList).items
  }

  /** The messages of a call, as whoever serves has seen them. */
  async trace(call: string): Promise<Trace['messages']> {
    return (JSON.parse(await this.#curl(this.client, VIP, `/calls/${call}/trace`)) as Trace)
      .messages
  }

  /** CSV as `pbx import` takes it. */
  async importUsers(rows: string): Promise<void> {
    const as = ['-H', 'content-type: text/csv', '--data-binary', rows, '-m', '10']
    const told = await this.#curl(this.client, VIP, '/import', ...as)
    if (!told.includes('"bad":0')) throw new Error(`the import said: ${told}`)
  }

  /** Extensions u0 …, with the passwords that the load generators know. */
  async provision(count: number): Promise<void> {
    for (let at = 0; at < count; at += ROWS_MAX) {
      const length = Math.min(ROWS_MAX, count - at)
      const rows = Array.from({ length }, (_, n) => `pbx.example,u${at + n},pw-u${at + n}`)
      await this.importUsers(`${rows.join('\n')}\n`)
    }
  }

  /** Every one there is. */
  async allCdrs(): Promise<CdrPage['items']> {
    const found: CdrPage['items'] = []
    for (let query = '/cdrs?limit=1000'; ;) {
      const page = JSON.parse(await this.#curl(this.client, VIP, query, '-m', '10')) as CdrPage
      found.push(...page.items)
      if (page.next === undefined) return found
      query = `/cdrs?limit=1000&before=${page.next}`
    }
  }

  /** Clients that ask the API at the address all the time: `workload.ts`. */
  clients(prefix: string, perSecond: number): ChildProcess {
    const program = join(import.meta.dirname, 'workload.ts')
    const url = `http://${VIP}:8888/api/v1`
    return this.client.spawn(process.execPath, program, url, TOKEN, prefix, String(perSecond))
  }

  async cdrs(): Promise<CdrPage['items']> {
    const text = await this.#curl(this.client, VIP, '/cdrs')
    return text === '' ? [] : (JSON.parse(text) as CdrPage).items
  }

  /** Of each node a client that hears nobody else. */
  probe(everyMs: number): void {
    this.#probers.begin(
      this.nodes.map(({ host }) => host),
      everyMs,
    )
  }

  /** Behind its cable: itself, and the client that hears nobody else. */
  side({ host }: Node): readonly LanHost[] {
    const near = this.#probers.near(host)
    return near === undefined ? [host] : [host, near]
  }

  /** So far, by the time of the answer. */
  answers(): readonly Answer[] {
    return this.#probers.answers()
  }

  async until(
    what: string,
    isSo: () => boolean | Promise<boolean>,
    patience = PATIENCE_MS,
  ): Promise<void> {
    const deadline = performance.now() + patience
    while (!(await isSo())) {
      if (performance.now() > deadline)
        throw new Error(
          `never so: ${what}\n${this.nodes.map(({ output }) => output.slice(-3_000)).join('\n\n')}`,
        )
      await sleep(50)
    }
  }

  /** `before` its directory goes. */
  async stop(before = (): void => {}): Promise<void> {
    this.#probers.stop()
    const all = [...this.nodes, ...this.#others]
    for (const node of all) {
      node.supervise(false)
      node.signal('SIGCONT')
      node.signal('SIGKILL')
    }
    await Promise.all(all.map((node) => node.stopped()))
    this.lan.remove()
    before()
    rmSync(this.directory, { recursive: true })
  }

  async #status(from: LanHost, address: string): Promise<Status | undefined> {
    const text = await this.#curl(from, address, '/status')
    return text.startsWith('{"name"') ? (JSON.parse(text) as Status) : undefined
  }

  /** '' when nobody answers within a second. */
  #curl(from: LanHost, address: string, path: string, ...more: readonly string[]): Promise<string> {
    const token = ['-H', `authorization: Bearer ${TOKEN}`]
    const type = more.includes('-d') ? ['-H', 'content-type: application/json'] : []
    const headers = [...token, ...type]
    const url = `http://${address}:8888/api/v1${path}`
    const child = from.spawn('curl', '-s', '-m', '1', ...headers, ...more, url)
    let said = ''
    child.stdout?.on('data', (piece: Buffer) => (said += piece.toString()))
    return new Promise((resolve) => child.once('close', () => resolve(said)))
  }
}
