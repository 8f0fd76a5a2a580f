//! A call as text, for the store, and back. Messages are written as on the wire; what only lives as
//! long as the process (questions asked, transactions other than INVITEs) is left out.

import { after, millis, type Millis, type WallTime } from '../../../../src/base/time.ts'
import { dialogAsUas, receivedDialogId, resumeDialog } from '../../../../src/sip/dialog/dialog.ts'
import { resumeSender } from '../../../../src/sip/dialog/reliable-provisional.ts'
import { resumeNotifier } from '../../../../src/sip/dialog/notifier.ts'
import { startSessionTimer } from '../../../../src/sip/dialog/session-timer.ts'
import { HOPE } from '../../../../src/sip/dialog/timers.ts'
import type { SipRequest, SipResponse } from '../../../../src/sip/message/message.ts'
import { parseMessage } from '../../../../src/sip/message/parse.ts'
import { serialize } from '../../../../src/sip/message/serialize.ts'
import { binary, joined, textOf } from '../../../../src/sip/message/text.ts'
import type { TenantId } from '../../../../src/control/ids.ts'
import type { SentAs } from '../../../../src/sip/stack.ts'
import {
  CALLER,
  type Attempt,
  type CallerInvite,
  type CallRecord,
  type CallState,
  type EarlyDialog,
  type Face,
  type Join,
  type Leg,
  type Open,
  type Pending,
  type Transfer,
  type TxId,
} from '../state.ts'

/**
 * During an update a node of the release before may lead, and ends what it cannot read: another
 * version is written only once the schema that comes with it is in force (ADR 16).
 */
const VERSION = 2

/** Both clocks of a host, read together: another process has another `now`. */
export type Clock = { readonly now: Millis; readonly wall: WallTime }

/** How old a snapshot is, what to add to its times, and what the time is here. */
type Moved = { readonly age: Millis; readonly shift: Millis; readonly now: Millis }

/** A call out of a snapshot, and what its transactions are to go on with. */
export type Inherited = {
  readonly state: CallState
  /** Re-INVITEs that it had taken and not answered. */
  readonly open: readonly Open[]
  /** How its INVITEs went out. */
  readonly sent: ReadonlyMap<TxId, SentAs>
}

export type Saving = {
  readonly state: CallState
  readonly open: readonly Open[]
  readonly sentAs: (tx: TxId) => SentAs | undefined
}

export function snapshotOf({ state, open, sentAs }: Saving, clock: Clock): string {
  const { invite, attempt } = state
  const sent: (readonly [TxId, SentAs])[] = []
  for (const { tx } of attempt?.branches ?? []) {
    const as = tx === undefined ? undefined : sentAs(tx)
    if (tx !== undefined && as !== undefined) sent.push([tx, as])
  }
  return JSON.stringify({
    ...state,
    version: VERSION,
    clock,
    sent,
    open: open.map(writtenOf),
    invite: invite && inviteOf(invite, state.answering),
    attempt: attempt && attemptOf(attempt),
    legs: state.legs.map(legOf),
  })
}

function writtenOf({ key, request, source, agreed, owesAnswerTo }: Open): object {
  return { key, request: headOf(request), source, agreed, owesAnswerTo }
}

/**
 * Its offer is the caller's description, and once answered only one face counts. A reliable
 * response on its way may have had its PRACK when this is read, and would then be ignored: the next
 * one has the next RSeq (RFC 3262 §4). But a PRACK to a description is committed (`prack.ts`).
 */
function inviteOf(invite: CallerInvite, answering: CallState['answering']): object {
  const { pending } = invite.sender
  const unacknowledged = invite.unacknowledged
    .filter(({ rseq, sdp }) => sdp || rseq !== pending?.rseq)
    .map((each) => ({ ...each, response: textOf(serialize(each.response)) }))
  const faces =
    answering === undefined
      ? invite.faces
      : invite.faces.filter(({ tag }) => tag === answering.face)
  const request = headOf(invite.request)
  return { ...invite, request, faces, offer: undefined, unacknowledged }
}

/** Once it is decided a successor has to know of those only that do not know it yet. */
function attemptOf(attempt: Attempt): object | undefined {
  const isDecided = attempt.lingerUntil !== undefined
  const rung = attempt.branches.filter(({ state }) => !isDecided || state === 'cancelling')
  if (isDecided && rung.length === 0) return undefined
  // Their INVITEs can be built again from what is here.
  const branches = rung.map((branch) => ({ ...branch, request: undefined }))
  return { ...attempt, branches }
}

function legOf(leg: Leg): object {
  return leg.accepted === undefined ? leg : { ...leg, accepted: undefined }
}

/** What answers to it, and further INVITEs on its behalf, are made of. No credentials. */
function headOf({ method, uri, headers }: SipRequest): string {
  const parts = [method, ' ', uri, ' SIP/2.0\r\n']
  for (const { name, value } of headers.fields())
    if (!LEFT_OUT.has(name)) parts.push(name, ': ', value, '\r\n')
  return joined(...parts, '\r\n')
}

const LEFT_OUT: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'allow',
  'supported',
  'accept',
  'content-type',
  'content-length',
  'user-agent',
])

/**
 * For a successor: its CSeqs jump ahead, and its deadlines are where they were. Undefined when the
 * text is none of ours. Class: recoverable.
 */
export function inherit(snapshot: string, here: Clock): Inherited | undefined {
  const read: unknown = parseJson(snapshot)
  if (!isSaved(read)) return undefined
  const { version: _, clock, sent, open, invite, ...state } = read
  const request = invite && requestOf(invite.request)
  const caller = read.legs.find(({ id }) => id === CALLER)
  // Of a delayed offer it is the answer.
  const offer = caller?.exchange.offered === true ? caller.sdp : undefined
  // Clocks of two hosts may differ: no time passes backwards.
  const age = millis(Math.max(0, here.wall - clock.wall))
  const moved: Moved = { age, shift: millis(here.now - clock.now - age), now: here.now }
  const invited = invite && request && { ...resumedInvite(invite, request, moved), offer }
  const resumed: CallState = {
    ...state,
    invite: invited,
    attempt: state.attempt && resumedAttempt(state.attempt, moved, invited?.faces ?? []),
    transfer: state.transfer && resumedTransfer(state.transfer, moved.shift, here.now),
    legs: read.legs.map((leg) => ({ ...resumedLeg(leg, moved), ...outdatedBy(leg, state.join) })),
    announcement: undefined,
    join: undefined,
  }
  return {
    state: confirmed(resumed, here),
    open: open.flatMap((each) => {
      const pending = requestOf(each.request)
      return pending === undefined ? [] : [{ ...each, request: pending }]
    }),
    sent: new Map(sent),
  }
}

/**
 * Committed as answered so long ago that the caller has had its 2xx: for a successor the call is
 * up. A younger one is answered once more (`recover.ts`).
 */
function confirmed(state: CallState, here: Clock): CallState {
  const { invite, answering } = state
  if (invite === undefined || answering === undefined) return state
  const age = here.wall - answering.at
  if (age < HOPE) return state
  const { contact, request } = invite
  const { terms } = invite.timer
  const asked = { state: 'confirmed', localTag: answering.face, contact } as const
  const begun = dialogAsUas(request, asked)
  const dialog = begun && resumeDialog(begun, millis(age))
  const record = { ...state.record, answeredAt: answering.at, status: 200 }
  const timer = terms && startSessionTimer(terms, millis(here.now - age))
  const legs = state.legs.map((leg) =>
    leg.id === CALLER ? { ...leg, dialog, timer, state: 'up' as const } : leg,
  )
  return { ...state, phase: 'up', record, legs, invite: undefined, answering: undefined }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Written by a build that is no more, or damaged: the caller says so.
    return undefined
  }
}

/** Of any build's snapshot: every one has these. */
export function recordIn(
  snapshot: string,
): { readonly record: CallRecord; readonly tenant: TenantId } | undefined {
  const read = parseJson(snapshot)
  return hasRecord(read) ? read : undefined
}

/** What the store would refuse must not get there. */
function hasRecord(
  read: unknown,
): read is { readonly record: CallRecord; readonly tenant: TenantId } {
  if (typeof read !== 'object' || read === null || !('record' in read) || !('tenant' in read))
    return false
  const { record, tenant } = read
  if (typeof record !== 'object' || record === null || typeof tenant !== 'string') return false
  const texts: readonly (keyof CallRecord)[] = [
    'caller',
    'callerName',
    'callee',
    'dialled',
    'callerSipCallId',
    'callerUserAgent',
    'calleeUserAgent',
  ]
  const fields = new Map<string, unknown>(Object.entries(record))
  const isTold = texts.every((name) => typeof fields.get(name) === 'string')
  return isTold && typeof fields.get('startedAt') === 'number'
}

/** Requests are text. */
type Written<T extends Pending> = Omit<T, 'request'> & { readonly request: string }
type WrittenInvite = Omit<Written<CallerInvite>, 'unacknowledged'> & {
  readonly unacknowledged: readonly { rseq: number; response: string; sdp: boolean }[]
}
type Saved = Omit<CallState, 'invite'> & {
  readonly version: number
  readonly clock: Clock
  readonly invite: WrittenInvite | undefined
  readonly open: readonly Written<Open>[]
  readonly sent: readonly (readonly [TxId, SentAs])[]
}

/** Our own writing, so the version vouches for the rest. */
function isSaved(read: unknown): read is Saved {
  return typeof read === 'object' && read !== null && 'version' in read && read.version === VERSION
}

function requestOf(head: string): SipRequest | undefined {
  const parsed = parseMessage(binary(head))
  return parsed.ok && parsed.value.kind === 'request' ? parsed.value : undefined
}

function responseOf(text: string): SipResponse | undefined {
  const parsed = parseMessage(binary(text))
  return parsed.ok && parsed.value.kind === 'response' ? parsed.value : undefined
}

function resumedInvite(
  invite: WrittenInvite,
  request: SipRequest,
  { age, now }: Moved,
): CallerInvite {
  const unacknowledged = invite.unacknowledged.flatMap((each) => {
    const response = responseOf(each.response)
    return response === undefined ? [] : [{ ...each, response }]
  })
  const left = unacknowledged.map(({ rseq }) => rseq)
  const sender = resumeSender(invite.sender, left, now)
  const faces = invite.faces.map((face) => ({
    ...face,
    dialog: face.dialog && resumeDialog(face.dialog, age),
  }))
  return { ...invite, request, sender, faces, unacknowledged, held2xx: false, offer: undefined }
}

function resumedAttempt(attempt: Attempt, moved: Moved, faces: readonly Face[]): Attempt {
  const { age, shift, now } = moved
  const resumedEarly = (early: EarlyDialog): EarlyDialog => ({
    ...early,
    dialog: resumeDialog(early.dialog, age),
    face: faces.find(({ tag }) => tag === early.face?.tag),
  })
  const { endAt, groupEndAt, lingerUntil, branches } = attempt
  return {
    ...attempt,
    // Those that are left are told once more, and may take as long to answer.
    lingerUntil: lingerUntil && after(now, HOPE),
    endAt: after(endAt, shift),
    groupEndAt: after(groupEndAt, shift),
    branches: branches.map((branch) => ({ ...branch, early: branch.early.map(resumedEarly) })),
  }
}

function resumedTransfer(transfer: Transfer, shift: Millis, now: Millis): Transfer {
  const notifier = transfer.notifier && resumeNotifier(transfer.notifier, shift, now)
  return { ...transfer, notifier }
}

function resumedLeg(leg: Leg, { age, shift }: Moved): Leg {
  const dialog = leg.dialog && resumeDialog(leg.dialog, age)
  const { timer } = leg
  const shifted = timer && {
    ...timer,
    refreshAt: timer.refreshAt && after(timer.refreshAt, shift),
    expireAt: after(timer.expireAt, shift),
  }
  return { ...leg, dialog, timer: shifted, accepted: undefined, probeAt: undefined }
}

/** They were being joined, and perhaps not both were told, nor media. */
function outdatedBy({ id }: Leg, join: Join | undefined): Pick<Leg, 'outdated'> {
  return join !== undefined && (id === join.leg || id === join.other) ? { outdated: true } : {}
}

/** Who sent this request of the call, where that is known. */
export function legBehind({ legs }: CallState, request: SipRequest): Leg | undefined {
  const id = receivedDialogId(request)
  return legs.find((each) => (id === undefined ? each.id === CALLER : each.dialog?.id === id))
}
