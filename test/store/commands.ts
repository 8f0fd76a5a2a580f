//! Commands that several tests propose.

import { wallTime } from '../../src/base/time.ts'
import type { CallId, NodeId, TenantId } from '../../src/control/ids.ts'
import type { Cdr } from '../../src/store/schema/call.ts'
import type { BindingRow } from '../../src/store/schema/binding.ts'
import type { Command } from '../../src/store/store.ts'

export const ACME = 'acme' as TenantId

export const acme: Command = {
  kind: 'tenant.put',
  tenant: ACME,
  name: 'Acme',
  primaryDomain: 'acme.example',
  at: wallTime(1),
}

export function put(name: string, value: string): Command {
  return { kind: 'setting.put', scope: 'system', name, value }
}

/** An extension of Acme, with a password. */
export function extension(user: string): Command {
  const secret = { kind: 'password', realm: 'acme.example', password: `secret of ${user}` } as const
  const named = { tenant: ACME, user, displayName: user, enabled: true }
  return { kind: 'extension.put', ...named, secret, at: wallTime(2) }
}

/** One phone of it. */
export function binding(user: string): Command {
  const aor = `sip:${user}@acme.example`
  const row: BindingRow = {
    aor,
    key: 'k',
    tenant: ACME,
    user,
    contact: `sip:${user}@10.0.0.1`,
    q: 1000,
    instance: undefined,
    regId: undefined,
    transport: 'udp',
    host: '10.0.0.1',
    port: 5060,
    path: [],
    behindNat: false,
    userAgent: '',
    callId: 'c',
    cseq: 1,
    gruuId: 0,
    registeredAt: wallTime(1),
    expiresAt: wallTime(2 ** 45),
  }
  return { kind: 'binding.bind', aor, put: [row], remove: [] }
}

/** A call that is over; what `part` does not say of it is made up. */
export function ended(call: string, part: Partial<Cdr> = {}): Command {
  const id = call as CallId
  const cdr: Cdr = {
    call: id,
    tenant: ACME,
    direction: 'internal',
    caller: 'sip:100@acme.example',
    callerName: '',
    callee: 'sip:101@acme.example',
    dialled: '101',
    answeredBy: undefined,
    startedAt: wallTime(1),
    rangAt: undefined,
    answeredAt: undefined,
    endedAt: wallTime(2),
    durationMs: 0,
    status: 486,
    cause: 'busy',
    endedBy: 'callee',
    callerSipCallId: 'c',
    calleeSipCallId: undefined,
    codec: undefined,
    media: [],
    transferredFrom: undefined,
    forwardedBy: undefined,
    callerUserAgent: '',
    calleeUserAgent: '',
    node: 'n' as NodeId,
    ...part,
  }
  return { kind: 'call.ended', id, cdr }
}
