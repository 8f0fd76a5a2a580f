//! The call-manager role: registrar, calls, events and messages over one SIP stack, wired together.

import type { Host } from '../../src/base/host.ts'
import type { WallTime } from '../../src/base/time.ts'
import type { CallControl, CallSummary } from '../../src/control/call-control.ts'
import type { CallId } from '../../src/control/ids.ts'
import type { MediaControl } from '../../src/control/media-control.ts'
import { savedCalls } from '../../src/store/schema/call.ts'
import type { Store } from '../../src/store/store.ts'
import type { Vault } from '../../src/store/vault.ts'
import type { SipTransport } from '../../src/sip/stack/sip-transport.ts'
import type { RunnableSipStack } from '../../src/sip/stack.ts'
import { createAuthenticator } from './auth/authenticator.ts'
import { callControlOf, summaries } from './call/host/call-control.ts'
import type { CallCounters } from './call/host/call-counters.ts'
import { CallHost } from './call/host/call-host.ts'
import type { CallConfig } from './call/call.ts'
import { contactFor } from './call/host/ways.ts'
import { openDirectory } from './directory.ts'
import { Dispatcher } from './dispatch.ts'
import { Door, type DoorCounters } from './door.ts'
import { startEvents } from './events/events-host.ts'
import type { Location } from './location.ts'
import { startMessages } from './message/message-host.ts'
import type { RegistrarPolicy } from './registrar/policy.ts'
import { startRegistrar } from './registrar/registrar-host.ts'

export type CallManagerOptions = {
  /** What is stored for a successor is dated by its wall clock. */
  readonly host: Host
  /** What people read is dated by this one. */
  readonly date: () => WallTime
  readonly store: Store
  readonly vault: Vault
  /** Not started yet: this role is its user. */
  readonly stack: RunnableSipStack
  readonly transport: Pick<SipTransport, 'localAddress' | 'flowClosed'>
  /** Undefined when anchoring is switched off. */
  readonly media: MediaControl | undefined
  /** Whether a host name or address means this machine. */
  readonly isOurs: (host: string) => boolean
  readonly registrar: RegistrarPolicy
  readonly calls: CallConfig
}

export interface RunningCallManager {
  readonly location: Location
  readonly control: CallControl
  /** Calls that have not ended, oldest first. */
  calls(): readonly CallSummary[]
  /** False when there is no such call. */
  hangup(call: CallId, cause: string): boolean
  counters(): CallManagerCounters
  /** Whether new calls are taken. Those there are go on. */
  admit(isWanted: boolean): void
  /** Ends calls and takes no new ones; `stop` when `counters().calls` is 0, or patience ends. */
  drain(): void
  stop(): void
}

export type CallManagerCounters = {
  readonly calls: number
  readonly cdrsWaiting: number
  readonly call: Readonly<CallCounters>
  readonly dispatch: Readonly<DoorCounters>
  readonly bindings: number
  readonly subscriptions: number
  readonly publications: number
  readonly messages: number
}

/** Loads bindings and subscriptions, takes over the calls there are, and serves. */
export function startCallManager(options: CallManagerOptions): RunningCallManager {
  const { host, date, store, vault, stack, media, isOurs } = options
  const { localAddress, flowClosed } = bound(options.transport)
  const directory = openDirectory({ store, vault, isOurs })
  const authenticator = createAuthenticator({ host, directory })
  const registrar = startRegistrar({
    host,
    date,
    store,
    vault,
    directory,
    respond: (key, response) => stack.respond(key, response),
    isOpen: (flow) => localAddress(flow) !== undefined,
    flowClosed,
    policy: options.registrar,
  })
  const { location } = registrar
  const door = new Door({ host, stack, authenticator, location })
  const calls = new CallHost({
    door,
    host,
    date,
    stack,
    localAddress,
    store,
    media,
    directory,
    location,
    config: options.calls,
  })
  const messages = startMessages({ host, stack, directory, location })
  const events = startEvents({
    door,
    host,
    stack,
    store,
    directory,
    location,
    dialogs: calls.news,
    contact: ({ flow }) => contactFor(localAddress(flow), 'events', false),
  })
  const ahead = (): number => date() - host.wall()
  const dispatcher = new Dispatcher({ host, stack, door, registrar, calls, events, messages })
  const unstart = stack.start(dispatcher)
  resumeCalls(host, store, calls)
  return {
    location,
    control: callControlOf(calls, ahead),
    calls: () => summaries(calls, ahead()),
    hangup: (call, cause) => calls.hangup(call, 503, cause),
    counters: () => ({
      calls: calls.size,
      cdrsWaiting: calls.cdrsWaiting,
      call: calls.counters,
      dispatch: door.counters,
      bindings: location.size,
      ...events.size,
      messages: messages.size,
    }),
    admit: (isWanted) => void (calls.admits = isWanted),
    drain: () => calls.drain(),
    stop() {
      unstart()
      for (const each of [events, messages, calls, registrar]) each.stop()
      directory.close()
    },
  }
}

function bound(transport: CallManagerOptions['transport']): CallManagerOptions['transport'] {
  return {
    localAddress: (to) => transport.localAddress(to),
    flowClosed: (listener) => transport.flowClosed(listener),
  }
}

/** What a process before this one left behind, here or on another node. */
function resumeCalls(host: Host, store: Store, calls: CallHost): void {
  const saved = store.read(savedCalls)
  const unreadable = calls.resume(saved)
  for (const { id, cdr, why } of unreadable) {
    host.log('error', 'call.snapshot-unreadable', { call: id, why })
    // Should it fail, the snapshot is there for the next start.
    if (cdr !== undefined) void store.propose({ kind: 'call.ended', id, cdr })
  }
  const resumed = saved.length - unreadable.length
  if (resumed > 0) host.log('info', 'calls.resumed', { calls: resumed })
}
