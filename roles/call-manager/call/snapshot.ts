//! A call as text, for the store, and back. Messages are written as on the wire; what only lives as
//! long as the process (questions asked, transactions other than INVITEs) is left out.

import { dialogAsUas, resumeDialog } from '../../../src/sip/dialog/dialog.ts'
import { request as sipRequest, type SipRequest } from '../../../src/sip/message/message.ts'
import { parseMessage } from '../../../src/sip/message/parse.ts'
import { serialize } from '../../../src/sip/message/serialize.ts'
import { binary, textOf } from '../../../src/sip/message/text.ts'
import type { ClientKey } from '../../../src/sip/transaction/keys.ts'
import type { TxId } from './io.ts'
import { CALLER, type Attempt, type CallerInvite, type CallState, type Leg } from './state.ts'

const VERSION = 1

/** `clients`: under which keys our INVITEs are on their way. */
export function snapshotOf(state: CallState, clients: ReadonlyMap<TxId, ClientKey>): string {
  const { invite, attempt } = state
  return JSON.stringify({
    ...state,
    version: VERSION,
    clients: attempt === undefined ? [] : [...clients],
    invite: invite && inviteOf(invite),
    attempt: attempt && attemptOf(attempt),
    legs: state.legs.map(legOf),
  })
}

/** Its description is there already, as the offer. */
function inviteOf(invite: CallerInvite): object {
  return { ...invite, request: headOf(invite.request), unacknowledged: [] }
}

/** Once it is decided, late answers are nothing a successor could make use of. */
function attemptOf(attempt: Attempt): object | undefined {
  if (attempt.lingerUntil !== undefined) return undefined
  const branches = attempt.branches.map((branch) => ({
    ...branch,
    request: branch.request && headOf(branch.request),
  }))
  return { ...attempt, branches }
}

function legOf(leg: Leg): object {
  return leg.accepted === undefined ? leg : { ...leg, accepted: undefined }
}

function headOf({ method, uri, headers }: SipRequest): string {
  return textOf(serialize(sipRequest(method, uri, headers)))
}

/**
 * For a successor: its CSeqs jump ahead, and nothing in it knows the time any more. Undefined when
 * the text is none of ours. Class: recoverable.
 */
export function stateOf(snapshot: string): CallState | undefined {
  const read: unknown = parseJson(snapshot)
  if (!isState(read)) return undefined
  const { invite, attempt } = read
  const request = invite && requestOf(String(invite.request))
  return confirmed({
    ...read,
    invite: invite && request && { ...invite, request },
    attempt: attempt && { ...attempt, branches: attempt.branches.map(branchOf) },
    legs: read.legs.map(resumed),
    announcement: undefined,
    join: undefined,
  })
}

/** Committed as answered: the caller may have its 2xx, so for a successor the call is up. */
function confirmed(state: CallState): CallState {
  const { invite, answering } = state
  if (invite === undefined || answering === undefined) return state
  const { contact, request } = invite
  const dialog = dialogAsUas(request, { state: 'confirmed', localTag: answering.face, contact })
  const record = { ...state.record, answeredAt: answering.at, status: 200 }
  const legs = state.legs.map((leg) =>
    leg.id === CALLER ? { ...leg, dialog, state: 'up' as const } : leg,
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

/** Our own writing, so the version vouches for the rest. */
function isState(read: unknown): read is CallState {
  return (
    typeof read === 'object' && read !== null && 'version' in read && read.version === VERSION
  )
}

function branchOf(branch: Attempt['branches'][number]): Attempt['branches'][number] {
  const request = branch.request && requestOf(String(branch.request))
  return { ...branch, request }
}

function requestOf(head: string): SipRequest | undefined {
  const parsed = parseMessage(binary(head))
  return parsed.ok && parsed.value.kind === 'request' ? parsed.value : undefined
}

function resumed(leg: Leg): Leg {
  const dialog = leg.dialog && resumeDialog(leg.dialog)
  return { ...leg, dialog, accepted: undefined, timer: undefined, probeAt: undefined }
}
