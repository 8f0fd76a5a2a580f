//! A call as text, for the store, and back. Messages are written as on the wire; what only lives as
//! long as the process (questions asked, transactions other than INVITEs) is left out.

import { dialogAsUas, resumeDialog } from '../../../../src/sip/dialog/dialog.ts'
import type { SipRequest } from '../../../../src/sip/message/message.ts'
import { parseMessage } from '../../../../src/sip/message/parse.ts'
import { binary, joined } from '../../../../src/sip/message/text.ts'
import type { ClientKey } from '../../../../src/sip/transaction/keys.ts'
import type { TxId } from '../io.ts'
import { CALLER, type Attempt, type CallerInvite, type CallState, type Leg } from '../state.ts'

const VERSION = 1

/** `clients`: under which keys our INVITEs are on their way. */
export function snapshotOf(state: CallState, clients: ReadonlyMap<TxId, ClientKey>): string {
  const { invite, attempt } = state
  return JSON.stringify({
    ...state,
    version: VERSION,
    clients: attempt === undefined ? [] : [...clients],
    invite: invite && inviteOf(invite, state.answering),
    attempt: attempt && attemptOf(attempt),
    legs: state.legs.map(legOf),
  })
}

/** Its offer is the caller's description, and once answered only one face counts. */
function inviteOf(invite: CallerInvite, answering: CallState['answering']): object {
  const faces =
    answering === undefined
      ? invite.faces
      : invite.faces.filter(({ tag }) => tag === answering.face)
  const request = headOf(invite.request)
  return { ...invite, request, faces, offer: undefined, unacknowledged: [] }
}

/** Once it is decided, late answers are nothing a successor could make use of. */
function attemptOf(attempt: Attempt): object | undefined {
  if (attempt.lingerUntil !== undefined) return undefined
  // Their INVITEs can be built again from what is here.
  const branches = attempt.branches.map((branch) => ({ ...branch, request: undefined }))
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
 * For a successor: its CSeqs jump ahead, and nothing in it knows the time any more. Undefined when
 * the text is none of ours. Class: recoverable.
 */
export function stateOf(snapshot: string): CallState | undefined {
  const read: unknown = parseJson(snapshot)
  if (!isState(read)) return undefined
  const { invite } = read
  const request = invite && requestOf(invite.request)
  const offer = read.legs.find(({ id }) => id === CALLER)?.sdp
  return confirmed({
    ...read,
    invite: invite && request && { ...invite, request, offer },
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
  const asked = { state: 'confirmed', localTag: answering.face, contact } as const
  const begun = dialogAsUas(request, asked)
  const dialog = begun && resumeDialog(begun)
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

/** The caller's INVITE is text. */
type SavedState = Omit<CallState, 'invite'> & {
  readonly invite: (Omit<CallerInvite, 'request'> & { readonly request: string }) | undefined
}

/** Our own writing, so the version vouches for the rest. */
function isState(read: unknown): read is SavedState {
  return typeof read === 'object' && read !== null && 'version' in read && read.version === VERSION
}

function requestOf(head: string): SipRequest | undefined {
  const parsed = parseMessage(binary(head))
  return parsed.ok && parsed.value.kind === 'request' ? parsed.value : undefined
}

function resumed(leg: Leg): Leg {
  const dialog = leg.dialog && resumeDialog(leg.dialog)
  return { ...leg, dialog, accepted: undefined, probeAt: undefined }
}
