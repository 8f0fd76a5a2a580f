//! Any command there is, about few things, so that they meet: what is put is changed, removed,
//! refused, put again.

import { deflateRawSync } from 'node:zlib'
import type { Random } from '../../src/base/random.ts'
import { wallTime } from '../../src/base/time.ts'
import type { CallId, NodeId, TenantId } from '../../src/control/ids.ts'
import type { BindingRow } from '../../src/store/schema/binding.ts'
import type { Cdr } from '../../src/store/schema/call.ts'
import { BASELINE } from '../../src/store/schema/version.ts'
import type { Command } from '../../src/store/store.ts'

const TENANTS = ['acme', 'globex'] as TenantId[]
const USERS = ['100', '101', '102', '103']
const CALLS = 12
const SEALED = new Uint8Array(60).fill(7)
const LONG = 3_000

export function randomCommand(random: Random): Command {
  return MAKERS[random.below(MAKERS.length)]?.(random) ?? wrong()
}

type Maker = (random: Random) => Command

/** What there is most of in life is here more than once. */
const MAKERS: readonly Maker[] = [
  tenantPut,
  tenantPut,
  domainAdd,
  extensionPut,
  extensionPut,
  extensionImport,
  bind,
  bind,
  refresh,
  callSaved,
  callSaved,
  callSaved,
  callEnded,
  (random) => ({ kind: 'tenant.remove', tenant: tenantOf(random) }),
  (random) => ({ kind: 'domain.remove', domain: domainOf(random) }),
  (random) => ({ kind: 'extension.remove', tenant: tenantOf(random), user: userOf(random) }),
  (random) => ({ kind: 'binding.purge', before: timeOf(random) }),
  subscriptionSaved,
  (random) => ({ kind: 'subscription.ended', id: `s${random.below(CALLS)}` }),
  messageWaiting,
  nodeJoined,
  (random) => ({ kind: 'node.left', id: `node-${random.below(6)}` as NodeId }),
  (random) => ({ kind: 'setting.remove', scope: 'system', name: `n${random.below(10)}` }),
  settingPut,
  claimIssued,
  accountPut,
  (random) => ({ kind: 'account.remove', name: `admin${random.below(3)}` }),
  apiTokenPut,
  (random) => ({ kind: 'api-token.remove', id: `t${random.below(3)}` }),
  serverAdded,
  serverJoined,
  (random) => ({ kind: 'server.removed', name: `media-${random.below(4)}` }),
  (random) => ({ kind: 'restore.begun', restore: restoreOf(random), schema: BASELINE }),
  batchStaged,
  batchStaged,
  restoreFinished,
  () => ({ kind: 'restore.dropped' }),
]

function tenantPut(random: Random): Command {
  const tenant = tenantOf(random)
  const primaryDomain = random.chance(4, 5) ? `${tenant}.example` : domainOf(random)
  return { kind: 'tenant.put', tenant, name: random.token(5), primaryDomain, at: timeOf(random) }
}

function domainAdd(random: Random): Command {
  return { kind: 'domain.add', tenant: tenantOf(random), domain: domainOf(random) }
}

function extensionPut(random: Random): Command {
  const [tenant, user] = [tenantOf(random), userOf(random)]
  const realm = `${tenant}.example`
  const password = random.token(8)
  const secret = random.chance(1, 3) ? undefined : ({ kind: 'password', realm, password } as const)
  const enabled = random.chance(3, 4)
  const displayName = random.token(random.below(12))
  const at = timeOf(random)
  // What is sealed already goes into the log as it is.
  const sealed = secret && ({ kind: 'sealed', realm, sealed: SEALED } as const)
  return { kind: 'extension.put', tenant, user, displayName, enabled, secret: sealed, at }
}

function extensionImport(random: Random): Command {
  const tenant = tenantOf(random)
  const rows = USERS.map((user) => [user, random.token(4), SEALED] as const)
  return { kind: 'extension.import', tenant, realm: `${tenant}.example`, rows, at: timeOf(random) }
}

function bind(random: Random): Command {
  const [tenant, user] = [tenantOf(random), userOf(random)]
  const aor = `sip:${user}@${tenant}.example`
  const put: BindingRow = {
    aor,
    key: keyOf(random),
    tenant,
    user,
    contact: `sip:${user}@10.0.0.${random.below(9)}`,
    q: 1_000,
    instance: random.chance(1, 2) ? undefined : `urn:uuid:${random.token(8)}`,
    regId: random.chance(1, 2) ? undefined : random.below(3),
    transport: 'udp',
    host: `10.0.0.${random.below(9)}`,
    port: 5060,
    path: [],
    behindNat: random.chance(1, 2),
    userAgent: 'phone',
    callId: random.token(8),
    cseq: random.below(1_000),
    gruuId: random.below(2 ** 48),
    registeredAt: timeOf(random),
    expiresAt: timeOf(random),
  }
  return { kind: 'binding.bind', aor, put: [put], remove: [keyOf(random)] }
}

function refresh(random: Random): Command {
  const expiresAt = timeOf(random)
  const rows = USERS.map((user) => {
    const aor = `sip:${user}@${tenantOf(random)}.example`
    return { aor, key: keyOf(random), callId: 'c', cseq: random.below(1_000), expiresAt }
  })
  return { kind: 'binding.refresh', refreshed: rows.slice(1), expired: rows.slice(0, 1) }
}

function callSaved(random: Random): Command {
  const snapshot = random.token(1 + random.below(random.chance(1, 10) ? LONG : 80))
  return { kind: 'call.saved', id: callOf(random), snapshot, at: timeOf(random) }
}

export function callEnded(random: Random): Extract<Command, { kind: 'call.ended' }> {
  const id = callOf(random)
  const cdr: Cdr = {
    call: id,
    tenant: tenantOf(random),
    direction: 'internal',
    caller: userOf(random),
    callerName: random.token(4),
    callee: userOf(random),
    dialled: userOf(random),
    answeredBy: undefined,
    startedAt: timeOf(random),
    rangAt: undefined,
    answeredAt: undefined,
    endedAt: timeOf(random),
    durationMs: random.below(1_000),
    status: 200,
    cause: random.token(4),
    endedBy: 'caller',
    callerSipCallId: random.token(8),
    calleeSipCallId: undefined,
    codec: undefined,
    media: [],
    transferredFrom: undefined,
    forwardedBy: undefined,
    callerUserAgent: '',
    calleeUserAgent: '',
    node: 'a' as NodeId,
  }
  return { kind: 'call.ended', id, cdr }
}

function subscriptionSaved(random: Random): Command {
  const id = `s${random.below(CALLS)}`
  const aor = `sip:${userOf(random)}@acme.example`
  const snapshot = random.token(40)
  const subscription = { id, aor, event: 'dialog', snapshot, expiresAt: timeOf(random) }
  return { kind: 'subscription.saved', subscription }
}

function messageWaiting(random: Random): Command {
  const [unheard, heard] = [random.below(9), random.below(9)]
  const counts = { unheard, heard, urgentUnheard: 0, urgentHeard: 0 }
  return { kind: 'message-waiting.put', tenant: tenantOf(random), user: userOf(random), counts }
}

function nodeJoined(random: Random): Command {
  const [id, name] = [`node-${random.below(6)}` as NodeId, `host-${random.below(8)}`]
  return { kind: 'node.joined', node: { id, name, host: `10.0.1.${random.below(8)}`, port: 7 } }
}

function settingPut(random: Random): Command {
  const value = JSON.stringify(random.token(random.below(40)))
  return { kind: 'setting.put', scope: 'system', name: `n${random.below(10)}`, value }
}

function claimIssued(random: Random): Command {
  return { kind: 'claim.issued', tokenHash: bytesOf(random), at: timeOf(random) }
}

function accountPut(random: Random): Command {
  const name = `admin${random.below(3)}`
  const role = random.chance(1, 2) ? 'system-administrator' : 'user'
  const tenant = role === 'user' ? tenantOf(random) : undefined
  const passwordHash = random.token(20)
  const account = { name, role, tenant, passwordHash, createdAt: timeOf(random) } as const
  return { kind: 'account.put', account }
}

function apiTokenPut(random: Random): Command {
  const id = `t${random.below(3)}`
  const expiresAt = random.chance(1, 2) ? undefined : timeOf(random)
  const [tokenHash, createdAt] = [bytesOf(random), timeOf(random)]
  const role = 'supervisor'
  const token = { id, label: '', role, tenant: undefined, tokenHash, createdAt, expiresAt } as const
  return { kind: 'api-token.put', token }
}

function serverAdded(random: Random): Command {
  const address = `10.0.2.${random.below(5)}`
  return { kind: 'server.added', name: `media-${random.below(4)}`, role: 'media', address }
}

function serverJoined(random: Random): Command {
  const [key, token] = [random.token(8), `token${random.below(4)}`]
  return { kind: 'server.joined', name: `media-${random.below(4)}`, key, token }
}

const BATCHES = 2

/** Rows of their own for each place, as a backup has them. */
function batchStaged(random: Random): Command {
  const place = random.below(BATCHES)
  const rows = USERS.map((user) => ['acme', `${user}-${place}`, random.below(9), 0, 0, 0])
  const batch = { part: 'message_waiting', rows: deflateRawSync(JSON.stringify(rows)) } as const
  return { kind: 'restore.staged', restore: restoreOf(random), place, ...batch }
}

function restoreFinished(random: Random): Command {
  const [restore, places] = [restoreOf(random), 1 + random.below(BATCHES)]
  return { kind: 'restore.finished', restore, places, replaced: ['message_waiting'] }
}

function restoreOf(random: Random): string {
  return `restore${random.below(2)}`
}

function bytesOf(random: Random): Uint8Array {
  return Buffer.from(random.token(32))
}

function tenantOf(random: Random): TenantId {
  return TENANTS[random.below(TENANTS.length)] ?? wrong()
}

function userOf(random: Random): string {
  return USERS[random.below(USERS.length)] ?? wrong()
}

function domainOf(random: Random): string {
  return `d${random.below(5)}.example`
}

function keyOf(random: Random): string {
  return `k${random.below(3)}`
}

function callOf(random: Random): CallId {
  return `c${random.below(CALLS)}` as CallId
}

function timeOf(random: Random): ReturnType<typeof wallTime> {
  return wallTime(random.below(1_000_000))
}

function wrong(): never {
  throw new Error('nothing to choose from')
}
