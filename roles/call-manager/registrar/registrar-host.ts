//! Runs the registrar: REGISTERs in, responses to the stack, commands to the store, one timer.

import type { Cancel, Host, Subscribe } from '../../../src/base/host.ts'
import { assert } from '../../../src/base/assert.ts'
import { wallTime, type Millis, type WallTime } from '../../../src/base/time.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message/message.ts'
import { callId, cseq } from '../../../src/sip/message/views.ts'
import type { FlowId, Source } from '../../../src/sip/transaction/flow.ts'
import type { ServerKey } from '../../../src/sip/transaction/keys.ts'
import { boundAors, liveBindings, type BindingCommand } from '../../../src/store/schema/binding.ts'
import { allTenants, tenantById } from '../../../src/store/schema/tenant.ts'
import type { Command, ProposeFailure, Store } from '../../../src/store/store.ts'
import type { Vault } from '../../../src/store/vault.ts'
import { BlockTokens } from '../auth/block-token.ts'
import { aorOf, type Directory, type Extension } from '../directory.ts'
import type { Location } from '../location.ts'
import { endOf, goneSince } from '../survival.ts'
import { longestStored, recordOf } from './binding-record.ts'
import { BindingTable } from './binding-table.ts'
import { TemporaryGruus } from './gruu.ts'
import { DEFAULT_POLICY, type RegistrarPolicy } from './policy.ts'
import type { Told } from './refresh-batch.ts'
import { Registrar, type CommitOutcome, type Input, type Output, type Ticket } from './registrar.ts'

export type RegistrarOptions = {
  readonly host: Host
  /** Of the Date header. */
  readonly date: () => WallTime
  readonly store: Store
  readonly vault: Vault
  readonly directory: Directory
  readonly respond: (key: ServerKey, response: SipResponse) => void
  readonly isOpen: (flow: FlowId) => boolean
  readonly flowClosed: Subscribe<FlowId>
  readonly policy?: RegistrarPolicy
}

export interface RunningRegistrar {
  readonly location: Location
  /** A REGISTER whose sender `authenticate` has named. It will be answered through the stack. */
  register(request: SipRequest, key: ServerKey, source: Source, extension: Extension): void
  /** Hands what it has gathered to the store. */
  stop(): void
}

/** Loads the live bindings of the store, and goes on from there. */
export function startRegistrar(options: RegistrarOptions): RunningRegistrar {
  return new RegistrarHost(options)
}

class RegistrarHost implements RunningRegistrar {
  readonly location: BindingTable
  readonly #host: Host
  readonly #store: Store
  readonly #respond: RegistrarOptions['respond']
  readonly #registrar: Registrar
  readonly #tickets = new Map<Ticket, ServerKey>()
  readonly #unsubscribe: readonly Cancel[]
  #lastTicket: Ticket = 0
  #hasStopped = false
  #wakeAt: Millis | undefined
  #unwake: Cancel | undefined

  constructor(options: RegistrarOptions) {
    const { host, date, store, vault, directory, respond, isOpen, flowClosed } = options
    const { policy = DEFAULT_POLICY } = options
    this.#host = host
    this.#store = store
    this.#respond = respond
    const gruus = new TemporaryGruus(
      new BlockTokens(vault.derive('temporary gruu').subarray(0, 16)),
    )
    this.location = new BindingTable({
      gruuOwner: (uri) => gruus.owner(uri),
      aorOf: (user, domain) => {
        const tenant = directory.tenantOf(domain)
        return tenant === undefined ? undefined : aorOf(user, tenant.primaryDomain)
      },
    })
    const wallAt = (now: Millis): WallTime => wallTime(host.wall() - host.now() + now)
    const { random } = host
    const context = { policy, random, wallAt, date, gruus, isOpen }
    this.#registrar = new Registrar(this.location, context)
    this.#load(longestStored(policy))
    this.#unsubscribe = [
      flowClosed((flow) => this.#step({ kind: 'flow-closed', flow })),
      store.applied(({ command }) => this.#onApplied(command)),
    ]
    this.#rearm()
  }

  register(request: SipRequest, key: ServerKey, source: Source, extension: Extension): void {
    const number = cseq(request)?.number
    const id = callId(request)
    assert(number !== undefined && id !== undefined, 'the stack lets no invalid request through')
    const ticket = ++this.#lastTicket
    this.#tickets.set(ticket, key)
    const registration = { request, source, extension, callId: id, cseq: number }
    this.#step({ kind: 'register', ticket, registration })
  }

  stop(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#unwake?.()
    const due = this.#registrar.drain(this.#host.now())
    this.#hasStopped = true
    if (due !== undefined) void this.#save(due)
  }

  #load(most: Millis): void {
    const here = { now: this.#host.now(), wall: this.#host.wall() }
    const { now } = here
    const offset = here.wall - now
    const before = goneSince(here.wall)
    this.#store.read((db) => {
      const owners = new Map(allTenants(db).map((each) => [each.tenant, each]))
      for (const row of liveBindings(db, before)) {
        const owner = owners.get(row.tenant)
        if (owner === undefined) continue
        const expiresAt = endOf({ expiresAt: row.expiresAt, most }, here)
        const { primaryDomain: domain } = owner
        this.location.put(recordOf(row, { domain, offset, now, expiresAt }))
      }
    })
    const bindings = this.location.size
    this.#host.log('info', 'bindings.loaded', {
      bindings,
      ms: Math.round(this.#host.now() - now),
    })
    void this.#save({ kind: 'binding.purge', before })
  }

  #step(input: Input): void {
    const now = this.#host.now()
    for (const output of this.#registrar.step(input, now)) this.#carryOut(output)
    this.#rearm()
  }

  #carryOut(output: Output): void {
    switch (output.kind) {
      case 'respond': {
        const key = this.#tickets.get(output.ticket)
        assert(key !== undefined, 'a REGISTER is answered once')
        this.#tickets.delete(output.ticket)
        return this.#respond(key, output.response)
      }
      case 'propose':
        void this.#propose(output.aor, output.command)
        return
      case 'tell':
        void this.#tell(output)
        return
    }
  }

  async #propose(aor: string, command: BindingCommand): Promise<void> {
    const result = await this.#store.propose(command)
    const outcome = result.ok ? 'ok' : outcomeOf(result.error)
    this.#step({ kind: 'committed', aor, outcome })
  }

  async #tell({ telling, command }: Told): Promise<void> {
    const isSaved = await this.#save(command)
    // Once it has stopped nobody is there to tell it again.
    if (!this.#hasStopped) this.#step({ kind: 'told', telling, isSaved })
  }

  /** Whether it is on disk for sure. */
  async #save(command: BindingCommand): Promise<boolean> {
    const result = await this.#store.propose(command)
    if (result.ok) return true
    const why = result.error.kind
    this.#host.log('warn', 'bindings.not-saved', { command: command.kind, why })
    return false
  }

  #onApplied(command: Command): void {
    if (command.kind === 'restore.finished') return this.#onRestored()
    const isGone = command.kind === 'extension.remove'
    const isDisabled = command.kind === 'extension.put' && !command.enabled
    if (!isGone && !isDisabled) return
    const { tenant, user } = command
    const domain = this.#store.read((db) => tenantById(db, tenant)?.primaryDomain)
    if (domain !== undefined) this.#step({ kind: 'revoked', aor: aorOf(user, domain) })
  }

  /** The restore has taken the bindings away whose extensions are no more. */
  #onRestored(): void {
    const bound = this.#store.read(boundAors)
    const gone = Array.from(this.location.aors()).filter((aor) => !bound.has(aor))
    for (const aor of gone) this.#step({ kind: 'revoked', aor })
  }

  #rearm(): void {
    const at = this.#registrar.deadline()
    if (at === this.#wakeAt) return
    // An earlier wake-up than needed does no harm: it finds nothing to do, and arms the right one.
    if (at !== undefined && this.#wakeAt !== undefined && this.#wakeAt < at) return
    this.#unwake?.()
    this.#wakeAt = at
    this.#unwake = at === undefined ? undefined : this.#host.wake(at, () => this.#onWake())
  }

  #onWake(): void {
    const now = this.#host.now()
    this.#wakeAt = undefined
    this.#unwake = undefined
    this.#step({ kind: 'wake' })
    const left = this.#registrar.deadline()
    assert(left === undefined || left > now, 'a deadline that fired was left armed')
  }
}

function outcomeOf(failure: ProposeFailure): CommitOutcome {
  return failure.kind === 'overloaded' || failure.kind === 'no-leader' ? 'busy' : 'failed'
}
