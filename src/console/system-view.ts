//! What the console needs to know of the running system and may do to it. The roles fill it; the
//! composition root joins it. Texts are as people read them (UTF-8 decoded).

import type { NodeId } from '../control/ids.ts'
import type { WallTime } from '../base/time.ts'

export interface SystemView {
  readonly started: WallTime
  readonly roles: readonly string[]
  /** Open doors for SIP. */
  endpoints(): readonly Endpoint[]
  /** Each part that has to work for calls to work. */
  health(): Promise<readonly HealthCheck[]>
  readonly registrationCount: number
  /** Sorted by AOR, those after `after`. */
  registrations(query: RegistrationQuery): readonly Registration[]
  /** Of the replica off this site; undefined when there is to be none. */
  replication(): Replication | undefined
  calls(): readonly LiveCall[]
  /** Media sessions on a server of its own; undefined when it is not there. */
  sessionsOn(server: NodeId): number | undefined
  /** False when there is no such call. */
  hangup(call: string): boolean
  /** SIP Call-IDs of every leg of a call, up or ended, whose messages are still held. */
  sipCallIdsOf(call: string): readonly string[]
  messagesOf(sipCallIds: readonly string[]): readonly TracedMessage[]
}

export type Endpoint = {
  readonly transport: 'udp' | 'tcp' | 'tls' | 'ws' | 'wss'
  readonly address: string
  readonly port: number
}

export type HealthCheck = {
  readonly name: string
  readonly ok: boolean
  /** What is wrong, when it is not ok. */
  readonly detail?: string
}

export type RegistrationQuery = {
  /** AORs of this domain only. */
  readonly domain: string | undefined
  readonly after: string
  readonly limit: number
}

export type Registration = {
  readonly aor: string
  readonly contacts: readonly Contact[]
}

export type Contact = {
  readonly uri: string
  readonly transport: string
  readonly address: string
  readonly userAgent: string
  readonly q: number
  readonly behindNat: boolean
  /** Seconds from now. */
  readonly expiresIn: number
}

export type Replication = {
  readonly state: 'running' | 'waiting' | 'absent' | 'stopped'
  readonly to: string
  readonly since: WallTime
  readonly restarts: number
  /** Of the last end. */
  readonly why: string | undefined
  /** When it was given the newest state. */
  readonly copiedAt: WallTime | undefined
}

export type LiveCall = {
  readonly id: string
  readonly caller: string
  readonly callee: string
  readonly state: string
  readonly startedAt: WallTime
  readonly answeredAt: WallTime | undefined
}

export type TracedMessage = {
  readonly at: WallTime
  readonly direction: 'in' | 'out'
  readonly peer: string
  readonly text: string
}
