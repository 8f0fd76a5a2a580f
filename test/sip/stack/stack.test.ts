//! The stack by golden script, over the simulated network: the stack at 10.0.0.1, its peers p1 at
//! 10.0.0.11, p2 at 10.0.0.12 and so on as bare transports.
//!
//!     from PEER METHOD|STATUS words…   PEER sends (words: messages.ts); transport=tcp
//!     answer PEER STATUS [to-tag=t]    PEER answers the request it received last
//!     request METHOD to=PEER|flow:ID|uri   the user starts a transaction; `uri` asks the resolver
//!     resolve PEER/tcp PEER/udp …      what the resolver will find
//!     respond STATUS [to-tag=t]        the user answers the request it heard last
//!     at-once STATUS                   … and from now on every request within its turn; 0: no more
//!     cancel [reason=text] / ack PEER  the request started last
//!     return PEER [uri=…] [proxies=n]  PEER, a proxy, sends what it was asked last to the stack
//!     throw                            the user throws when it hears the next request
//!     down PEER / busy SHARE / flood N [auth=ours|invented] / advance MS / size / show PEER

import { millis } from '../../../src/base/time.ts'
import { Headers } from '../../../src/sip/message/headers.ts'
import { request, type SipMessage, type SipRequest } from '../../../src/sip/message/message.ts'
import { reply } from '../../../src/sip/message/reply.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { createSipStack, type Destination, type ResponseHandler } from '../../../src/sip/stack.ts'
import type { FlowId, Target } from '../../../src/sip/transaction/flow.ts'
import type { ClientKey, ServerKey } from '../../../src/sip/transaction/keys.ts'
import { walk, type Command } from '../../harness/datadriven.ts'
import { SimNetwork, type SimTransport } from '../../harness/sim-network.ts'
import { World } from '../../harness/world.ts'
import { messageOf, summary, transportOf } from '../transaction/messages.ts'

const HOME = '10.0.0.1'

walk(new URL('./testdata/stack', import.meta.url).pathname, () => {
  const bench = new Bench()
  return (command) => bench.run(command)
})

class Bench {
  readonly #world = new World(1)
  readonly #network = new SimNetwork(this.#world)
  readonly #home = this.#network.endpoint(HOME)
  readonly #peers = new Map<string, Peer>()
  #lines: string[] = []
  #targets: readonly Target[] = []
  #asked: { readonly key: ServerKey; readonly request: SipRequest } | undefined
  #started: ClientKey | undefined
  #atOnce = 0
  #throws = false
  #busy = 0
  #flooded = 0
  /** Branches are random; scripts know them by number. */
  readonly #branches = new Map<string, string>()
  readonly #stack = createSipStack({
    host: this.#world.host('stack'),
    transport: this.#home,
    resolve: (_uri, found) => found(this.#targets),
    busy: () => this.#busy,
  })

  constructor() {
    this.#stack.start({
      onRequest: (heard, key) => this.#onRequest(heard, key),
      onCancel: (_key, cancel) => this.#say(`user: cancel ${summary(cancel)}`),
      onAck: (ack) => this.#say(`user: ack ${summary(ack)}`),
      onStrayResponse: (stray) => this.#say(`user: stray ${summary(stray)}`),
      hasChallenged: ({ headers }) => headers.get('authorization') === 'ours',
      onServerFailed: (_key, cause) => this.#say(`user: could not answer: ${cause}`),
    })
  }

  run(command: Command): string {
    this.#lines = []
    this.#do(command)
    return this.#lines.length === 0 ? 'ok' : this.#lines.join('\n')
  }

  #do(command: Command): void {
    const [first = '', second = ''] = command.words
    switch (command.name) {
      case 'from':
        return this.#from(command)
      case 'answer':
        return this.#answer(command)
      case 'request':
        return this.#request(command)
      case 'resolve':
        this.#targets = command.words.map((word) => this.#target(word))
        return undefined
      case 'respond':
        return this.#respond(Number(first), command.arg('to-tag'))
      case 'at-once':
        this.#atOnce = Number(first)
        return undefined
      case 'cancel': {
        const reason = command.arg('reason')
        if (this.#started !== undefined)
          this.#stack.cancel(this.#started, reason === undefined ? [] : [['reason', reason]])
        return this.#settle()
      }
      case 'return':
        this.#peer(first).sendBack(this.#home.target('udp'), command)
        return this.#settle()
      case 'ack':
        this.#stack.send(asked('ACK', '2'), this.#target(`${first}/udp`))
        return this.#settle()
      case 'throw':
        this.#throws = true
        return undefined
      case 'down':
        return this.#network.remove(this.#peer(first).transport)
      case 'busy':
        this.#busy = Number(first)
        return undefined
      case 'flood':
        return this.#flood(Number(first), command.arg('auth'))
      case 'advance':
        return this.#world.pass(millis(Number(first)))
      case 'size':
        return this.#say(`${JSON.stringify(this.#stack.size)} refusing ${this.#stack.refusing}`)
      case 'counters':
        return this.#say(JSON.stringify(this.#stack.counters))
      case 'show':
        return this.#say(this.#peer(first).lastText(this.#branches))
      default:
        return this.#say(`unknown command ${command.name} ${second}`)
    }
  }

  #onRequest(heard: SipRequest, key: ServerKey): void {
    if (this.#throws) {
      this.#throws = false
      throw new Error('the user is broken')
    }
    this.#asked = { key, request: heard }
    if (this.#atOnce === 0) this.#say(`user: ${summary(heard)}`)
    else this.#stack.respond(key, reply(heard, this.#atOnce, { toTag: 'u' }))
  }

  #from(command: Command): void {
    const [name = '', what = ''] = command.words
    const peer = this.#peer(name)
    const shifted: Command = {
      ...command,
      words: [what],
      arg: (key) => fromPeer(command, peer, key),
    }
    peer.transport.send(this.#home.target(transportOf(command)), messageOf(shifted))
    this.#settle()
  }

  #answer(command: Command): void {
    const [name = '', status = ''] = command.words
    this.#peer(name).answer(Number(status), command.arg('to-tag'))
    this.#settle()
  }

  #request(command: Command): void {
    const [method = ''] = command.words
    const to = command.arg('to') ?? 'uri'
    const uri = parseUri('sip:example.com')
    if (uri === undefined) throw new Error('unreadable')
    const flow = to.startsWith('flow:') ? (to.slice(5) as FlowId) : undefined
    const destination: Destination = to === 'uri' ? { uri } : (flow ?? this.#target(to))
    this.#started = this.#stack.request(asked(method, '1'), destination, this.#handler())
    this.#settle()
  }

  #handler(): ResponseHandler {
    return {
      onResponse: (response) => this.#say(`user: ${response.status} ${response.reason}`),
      onFailed: (cause) => this.#say(`user: failed: ${cause}`),
    }
  }

  #respond(status: number, toTag: string | undefined): void {
    if (this.#asked === undefined) throw new Error('nobody asked')
    const { key, request: heard } = this.#asked
    this.#stack.respond(key, reply(heard, status, toTag === undefined ? {} : { toTag }))
    this.#settle()
  }

  /** New requests, ten a millisecond; how they were answered. */
  #flood(count: number, auth: string | undefined): void {
    const before = this.#peer('p1').counts()
    for (let index = 0; index < count; index++) {
      const command = {
        name: 'from',
        words: ['p1', 'OPTIONS'],
        body: [],
        arg: floodWord(this.#flooded++),
      }
      const peer = this.#peer('p1')
      peer.quiet = true
      const arg = (key: string): string | undefined => fromPeer(command, peer, key)
      const message = messageOf({ ...command, words: ['OPTIONS'], arg })
      if (auth !== undefined) message.headers.add('authorization', auth)
      peer.transport.send(this.#home.target('udp'), message)
      if (index % 10 === 9) this.#world.pass(millis(1))
    }
    this.#world.pass(millis(3))
    const counted = this.#peer('p1').counts()
    for (const [status, number] of counted)
      this.#say(`${number - (before.get(status) ?? 0)} x ${status}`)
    this.#peer('p1').quiet = false
  }

  #target(word: string): Target {
    const [name = '', transport = 'udp'] = word.split('/')
    const known = (['udp', 'tcp', 'tls'] as const).find((each) => each === transport) ?? 'udp'
    return this.#peer(name).transport.target(known)
  }

  #peer(name: string): Peer {
    const known = this.#peers.get(name)
    if (known !== undefined) return known
    const number = Number(name.slice(1))
    const transport = this.#network.endpoint(`10.0.0.${10 + number}`)
    const peer = new Peer(transport, (message) => this.#say(`${name}: ${this.#text(message)}`))
    this.#peers.set(name, peer)
    return peer
  }

  /** Long enough for a message and its answer, too short for any timer. */
  #settle(): void {
    this.#world.pass(millis(10))
  }

  #text(message: SipMessage): string {
    return numbered(summary(message), this.#branches)
  }

  #say(line: string): void {
    this.#lines.push(`${this.#world.now}ms ${line}`)
  }
}

class Peer {
  readonly transport: SimTransport
  quiet = false
  readonly #counts = new Map<number, number>()
  #last: SipMessage | undefined
  #request: SipRequest | undefined
  #answer: (status: number, toTag: string | undefined) => void = () => undefined

  constructor(transport: SimTransport, heard: (message: SipMessage) => void) {
    this.transport = transport
    transport.received(({ source, message }) => {
      this.#last = message
      if (message.kind === 'response')
        this.#counts.set(message.status, (this.#counts.get(message.status) ?? 0) + 1)
      else {
        this.#request = message
        this.#answer = (status, toTag) =>
          transport.send(source.flow, reply(message, status, toTag === undefined ? {} : { toTag }))
      }
      if (!this.quiet) heard(message)
    })
  }

  answer(status: number, toTag: string | undefined): void {
    this.#answer(status, toTag)
  }

  sendBack(to: Target, command: Command): void {
    const last = this.#request
    if (last === undefined) throw new Error('no request came')
    const { address, port } = this.transport
    const uri = command.arg('uri')
    const headers = last.headers.copy()
    for (let passed = 0; passed < Number(command.arg('proxies') ?? 1); passed++) {
      const branch = `z9hG4bKproxy${passed}${uri ?? ''}`
      headers.prepend('via', `SIP/2.0/UDP ${address}:${port};branch=${branch}`)
    }
    this.transport.send(to, request(last.method, uri ?? last.uri, headers, last.body))
  }

  counts(): ReadonlyMap<number, number> {
    return new Map(this.#counts)
  }

  lastText(branches: Map<string, string>): string {
    if (this.#last === undefined) return 'nothing'
    const text = serialize(this.#last).toString('latin1').trimEnd().replaceAll('\r', '')
    return numbered(text, branches)
  }
}

function fromPeer(command: Command, peer: Peer, key: string): string | undefined {
  const { address, port } = peer.transport
  return command.arg(key) ?? (key === 'sent-by' ? `${address}:${port}` : undefined)
}

function floodWord(index: number): (key: string) => string | undefined {
  return (key) => {
    if (key === 'branch') return `z9hG4bKflood${index}`
    return key === 'call-id' ? `flood${index}` : undefined
  }
}

function asked(method: string, sequence: string): SipRequest {
  const headers = Headers.of([
    ['max-forwards', '70'],
    ['from', '<sip:user@example.com>;tag=u'],
    ['to', `<sip:peer@example.com>${method === 'ACK' ? ';tag=p' : ''}`],
    ['call-id', 'ours'],
    ['cseq', `${sequence} ${method}`],
  ])
  return request(method, 'sip:peer@example.com', headers)
}

function numbered(text: string, branches: Map<string, string>): string {
  return text.replace(/z9hG4bK[0-9a-z]{12}(\.[0-9a-z]+)?/g, (branch, cookie) => {
    const known = branches.get(branch) ?? `ours-${branches.size + 1}${cookie ? '+cookie' : ''}`
    branches.set(branch, known)
    return known
  })
}
