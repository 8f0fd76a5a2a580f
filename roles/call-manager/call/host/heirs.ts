//! What a process leaves of its calls, and how the next one takes them over, transactions included.

import type { Random } from '../../../../src/base/random.ts'
import type { CallId } from '../../../../src/control/ids.ts'
import type { MediaControl } from '../../../../src/control/media-control.ts'
import type { SipRequest } from '../../../../src/sip/message/message.ts'
import type { SipTransport } from '../../../../src/sip/stack/sip-transport.ts'
import type { Reach, SentAs, SipStack } from '../../../../src/sip/stack.ts'
import type { Source } from '../../../../src/sip/transaction/flow.ts'
import type { Cdr, SavedCall } from '../../../../src/store/schema/call.ts'
import type { CallWorld } from '../call.ts'
import { recordOf } from '../cdr.ts'
import type { CallInput, CallOutput } from '../io.ts'
import { CallMachine } from '../machine.ts'
import { agreedOf, loseSessions, sessionsOf } from '../media-loss.ts'
import type { TxId } from '../state.ts'
import { LiveCall, SentRequest } from './live-call.ts'
import { inherit, legBehind, recordIn, snapshotOf, type Clock } from './snapshot.ts'
import { wayBack, wayTo, type Ways } from './ways.ts'

export type HeirNeeds = {
  readonly stack: Pick<SipStack, 'sentAs' | 'resumeInvite' | 'resumeRequest' | 'seekIfLost'>
  readonly localAddress: SipTransport['localAddress']
  readonly ways: Ways
}

export function textOf(
  needs: HeirNeeds,
  { machine, clients, sent }: LiveCall,
  clock: Clock,
): string {
  const sentAs = (tx: TxId): SentAs | undefined => {
    const key = clients.get(tx)
    // Before it has gone on with them, they are as the process before it left them.
    return key === undefined ? sent.get(tx) : needs.stack.sentAs(key)
  }
  const { state, open } = machine
  return snapshotOf({ state, open, sentAs }, clock)
}

/** Of a snapshot that nobody can go on with: the record is what is left of the call, if it is. */
export type Unreadable = {
  readonly id: CallId
  readonly cdr: Cdr | undefined
  readonly why: string
}

/** All of them, and those that nobody can read: another build wrote them, or they are damaged. */
export function heirsOf(
  needs: HeirNeeds,
  saved: readonly SavedCall[],
  world: CallWorld,
): { readonly heirs: readonly LiveCall[]; readonly unreadable: readonly Unreadable[] } {
  const heirs: LiveCall[] = []
  const unreadable: Unreadable[] = []
  for (const { id, snapshot } of saved) {
    const heir = readably(() => heirOf(needs, id, snapshot, world))
    if (heir instanceof LiveCall) heirs.push(heir)
    else unreadable.push({ id, cdr: lastRecord(id, snapshot, world), why: heir })
  }
  return { heirs, unreadable }
}

/** One that breaks what reads it ends one call, and not each process that serves. */
function readably(read: () => LiveCall | undefined): LiveCall | string {
  try {
    return read() ?? 'it is of another release, or damaged'
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
}

function lastRecord(id: CallId, snapshot: string, { config, wall }: CallWorld): Cdr | undefined {
  const saved = recordIn(snapshot)
  if (saved === undefined) return undefined
  const { record, tenant } = saved
  const status = record.answeredAt === undefined ? 503 : 200
  const ended = { endedAt: wall, status, cause: 'system restarted', endedBy: 'system' } as const
  return recordOf({ ...record, ...ended }, id, tenant, config.node, [])
}

/** Its INVITEs can be answered from here on. */
function heirOf(
  needs: HeirNeeds,
  id: CallId,
  snapshot: string,
  world: CallWorld,
): LiveCall | undefined {
  const inherited = inherit(snapshot, world)
  if (inherited === undefined) return undefined
  const { state, open, sent } = inherited
  const live = new LiveCall(id, state.tenant, CallMachine.resumed(state, open, world))
  live.sent = sent
  live.inviteKey = state.invite?.key
  const resumeInvite = (request: SipRequest, source: Source): void => {
    const { aor, device } = legBehind(state, request)?.hop ?? { aor: undefined }
    needs.stack.resumeInvite(request, source, () =>
      wayBack(needs.ways, request, source, { to: undefined, aor, device }),
    )
  }
  if (state.invite !== undefined) resumeInvite(state.invite.request, state.invite.source)
  for (const { request, source } of open) resumeInvite(request, source)
  return live
}

export type GoOn = {
  readonly media: Pick<MediaControl, 'resume' | 'release'> | undefined
  readonly random: Random
  /** Proposes it as it is now; resolves when that is committed. */
  readonly save: () => Promise<void>
}

/**
 * Its CSeqs have moved on, and perhaps its media sessions are no more. Nothing is sent in it, and
 * nothing taken, before that is saved: the successor of this process would send with the same
 * CSeqs, and be refused (RFC 3261 §12.2.2), or find new sessions and believe that phones know them.
 */
export async function goOn(
  live: LiveCall,
  first: CallInput & { readonly kind: 'resumed' },
  { media, random, save }: GoOn,
  feed: (live: LiveCall, input: CallInput) => void,
): Promise<void> {
  const held: CallInput[] = []
  live.held = held
  const saved = save()
  const { state } = live.machine
  const sessions = sessionsOf(state)
  const isGone = sessions.length > 0 && (await media?.resume(sessions, agreedOf(state))) === false
  // One of them may live.
  if (isGone) void media?.release(loseSessions(state, random))
  await (isGone ? save() : saved)
  live.held = undefined
  feed(live, first)
  for (const input of held) feed(live, input)
}

/** The INVITE's answers come to the call from here on; it fails when it never went out. */
export function resumeRequest(
  needs: HeirNeeds,
  live: LiveCall,
  { tx, request, hop, nextHop }: CallOutput & { readonly kind: 'resume' },
  feed: (live: LiveCall, input: CallInput) => void,
): void {
  const handler = new SentRequest(live, tx, feed)
  const sent = live.sent.get(tx)
  if (sent === undefined) return handler.onFailed('transport')
  const reach: Reach = () => {
    if (needs.localAddress(sent.to) !== undefined) return sent.to
    const to = wayTo(needs.ways, request, hop, nextHop)?.to
    return typeof to === 'object' && 'uri' in to ? undefined : to
  }
  const key = needs.stack.resumeRequest({ request, sent, reach }, handler)
  if (key === undefined) return handler.onFailed('transport')
  live.clients.set(tx, key)
}
