//! The registrar machine by script.
//!
//!     register USER [from=udp:10.0.0.1:5060] [call=c1] [via=host:port]   header lines follow
//!     commit USER ok|busy|failed        what became of the command that waits
//!     told ok|failed                    what became of what was told last
//!     advance SECONDS                   timers fire on the way
//!     close FLOW | revoke USER | lookup USER | bindings USER | gruu URI

import { assert } from '../../../src/base/assert.ts'
import { after, millis, seconds, wallTime, type Millis } from '../../../src/base/time.ts'
import type { TenantId } from '../../../src/control/ids.ts'
import { seededRandom } from '../../../src/base/random.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { parseUri } from '../../../src/sip/message/uri.ts'
import { callId, cseq } from '../../../src/sip/message/views.ts'
import type { FlowId, Source, TransportName } from '../../../src/sip/transaction/flow.ts'
import type { BindingCommand } from '../../../src/store/schema/binding.ts'
import { BlockTokens } from '../../../roles/call-manager/auth/block-token.ts'
import { aorOf, type Extension } from '../../../roles/call-manager/directory.ts'
import type { Binding } from '../../../roles/call-manager/location.ts'
import { BindingTable } from '../../../roles/call-manager/registrar/binding-table.ts'
import { TemporaryGruus } from '../../../roles/call-manager/registrar/gruu.ts'
import { DEFAULT_POLICY } from '../../../roles/call-manager/registrar/policy.ts'
import {
  Registrar,
  type CommitOutcome,
  type Input,
  type Output,
} from '../../../roles/call-manager/registrar/registrar.ts'
import { walk, type Command } from '../../harness/datadriven.ts'

const DOMAIN = 'pbx.example'
const EPOCH = 1_700_000_000_000

walk(new URL('./testdata/registrar', import.meta.url).pathname, () => {
  const bench = new Bench()
  return (command) => bench.run(command)
})

class Bench {
  readonly #gruus = new TemporaryGruus(new BlockTokens(new Uint8Array(16)))
  readonly #table = new BindingTable({
    gruuOwner: (uri) => this.#gruus.owner(uri),
    aorOf: (user, host) => (host === DOMAIN ? aorOf(user, DOMAIN) : undefined),
  })
  readonly #registrar = new Registrar(this.#table, {
    policy: DEFAULT_POLICY,
    random: seededRandom(1),
    wallAt: (now) => wallTime(EPOCH + now),
    date: () => wallTime(EPOCH + this.#now),
    gruus: this.#gruus,
    isOpen: (flow) => !this.#closed.has(flow),
  })
  readonly #closed = new Set<FlowId>()
  #now: Millis = millis(0)
  #ticket = 0
  #cseq = 0
  #telling = 0
  #lines: string[] = []

  constructor() {
    this.#table.changed(({ aor, contact, event }) => {
      this.#say(`${event} ${short(aor)} ${contact}`)
    })
  }

  run(command: Command): string {
    this.#lines = []
    const [word = ''] = command.words
    switch (command.name) {
      case 'register':
        this.#register(word, command)
        break
      case 'commit': {
        const outcome = command.words[1] as CommitOutcome
        this.#step({ kind: 'committed', aor: aorOf(word, DOMAIN), outcome })
        break
      }
      case 'told':
        this.#step({ kind: 'told', telling: this.#telling, isSaved: word === 'ok' })
        break
      case 'advance':
        this.#advance(after(this.#now, seconds(Number(word))))
        break
      case 'close':
        this.#closed.add(word as FlowId)
        this.#step({ kind: 'flow-closed', flow: word as FlowId })
        break
      case 'revoke':
        this.#step({ kind: 'revoked', aor: aorOf(word, DOMAIN) })
        break
      case 'lookup':
        this.#list(this.#table.lookup(aorOf(word, DOMAIN)))
        break
      case 'bindings':
        this.#list(this.#table.bindings(aorOf(word, DOMAIN)))
        break
      case 'gruu': {
        const uri = parseUri(word)
        this.#list(uri === undefined ? [] : this.#table.byGruu(uri))
        break
      }
      default:
        this.#lines.push(`unknown command ${command.name}`)
    }
    return this.#lines.length === 0 ? 'ok' : this.#lines.join('\n')
  }

  #register(user: string, command: Command): void {
    const [transport, ...rest] = (command.arg('from') ?? 'udp:10.0.0.1:5060').split(':')
    const [address = '', port = ''] = rest
    const flow = `${transport}:${address}:${port}` as FlowId
    const local = { localAddress: '10.0.0.100', localPort: 5060 }
    const named = { transport: transport as TransportName, address, port: Number(port) }
    const source: Source = { flow, ...named, ...local }
    const vias = (command.arg('via') ?? `${address}:${port}`).split(',')
    const lines = [
      `REGISTER sip:${DOMAIN} SIP/2.0`,
      ...vias.map((sentBy) => `Via: SIP/2.0/UDP ${sentBy};branch=z9hG4bK1`),
      `From: <sip:${user}@${DOMAIN}>;tag=1`,
      `To: <sip:${user}@${DOMAIN}>`,
      `Call-ID: ${command.arg('call') ?? 'c1'}`,
      `CSeq: ${command.arg('cseq') ?? ++this.#cseq} REGISTER`,
      'Max-Forwards: 70',
      ...command.body,
      '',
      '',
    ]
    const request = parse(lines.join('\r\n'))
    const extension: Extension = {
      tenant: 't' as TenantId,
      user,
      displayName: user,
      domain: DOMAIN,
      aor: aorOf(user, DOMAIN),
      enabled: true,
    }
    const id = callId(request)
    const number = cseq(request)?.number
    assert(id !== undefined && number !== undefined, 'the script writes whole requests')
    const registration = { request, source, extension, callId: id, cseq: number }
    this.#step({ kind: 'register', ticket: ++this.#ticket, registration })
  }

  #advance(until: Millis): void {
    for (;;) {
      const due = this.#registrar.deadline()
      if (due === undefined || due > until) break
      this.#now = due
      this.#step({ kind: 'wake' })
      const left = this.#registrar.deadline()
      assert(left === undefined || left > due, 'a deadline that fired was left armed')
    }
    this.#now = until
  }

  #step(input: Input): void {
    for (const output of this.#registrar.step(input, this.#now)) this.#show(output)
  }

  #show(output: Output): void {
    switch (output.kind) {
      case 'respond':
        return this.#showResponse(output.ticket, output.response)
      case 'propose':
        return this.#say(`propose ${showCommand(output.command)}`)
      case 'tell':
        this.#telling = output.telling
        return this.#say(`tell ${showCommand(output.command)}`)
    }
  }

  #showResponse(ticket: number, { status, reason, headers }: SipResponse): void {
    this.#say(`answer ${ticket}: ${status} ${reason}`)
    for (const [name, value] of headers.entries())
      if (SHOWN.has(name)) this.#lines.push(`  ${name}: ${value}`)
  }

  #list(bindings: readonly Binding[]): void {
    for (const { contact, q, flow, target, path, reachable, behindNat } of bindings) {
      const way = flow ?? `${target.transport}:${target.host}:${target.port} (no flow)`
      const marks = [behindNat ? 'nat' : '', reachable ? '' : 'unreachable', ...path]
      this.#lines.push(`${contact} q=${q} by ${way} ${marks.filter(Boolean).join(' ')}`.trimEnd())
    }
    if (bindings.length === 0) this.#lines.push('none')
  }

  #say(line: string): void {
    this.#lines.push(`${this.#now / 1000}s ${line}`)
  }
}

const SHOWN = new Set([
  'contact',
  'min-expires',
  'unsupported',
  'require',
  'path',
  'flow-timer',
  'retry-after',
])

function showCommand(command: BindingCommand): string {
  switch (command.kind) {
    case 'binding.bind': {
      const put = command.put.map((row) => {
        const left = (row.expiresAt - EPOCH) / 1000
        return `+${row.key} (${row.transport}:${row.host}:${row.port} until ${left}s)`
      })
      const remove = command.remove.map((key) => `-${key}`)
      return [short(command.aor), ...remove, ...put].join(' ')
    }
    case 'binding.refresh': {
      const refreshed = command.refreshed.map(({ key, expiresAt, cseq }) => {
        return `~${key} (cseq ${cseq} until ${(expiresAt - EPOCH) / 1000}s)`
      })
      return [...refreshed, ...command.expired.map(({ key }) => `-${key}`)].join(' ')
    }
    case 'binding.purge':
      return 'purge'
  }
}

function short(aor: string): string {
  return aor.slice('sip:'.length, aor.indexOf('@'))
}

function parse(text: string): SipRequest {
  const parsed = parseMessage(Buffer.from(text, 'latin1'))
  assert(parsed.ok && parsed.value.kind === 'request', `unreadable request:\n${text}`)
  return parsed.value
}
