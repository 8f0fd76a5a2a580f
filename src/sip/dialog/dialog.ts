//! A dialog (RFC 3261 §12) as a plain value that survives JSON, so that a successor can go on.
//!
//!   dialog-making request --1xx with a To tag--> early --2xx--> confirmed
//!                         ---------------2xx------------------> confirmed
//!
//! Who ends it is the usage's matter (BYE, NOTIFY terminated): a value is simply dropped. Every
//! function returns a new value. Building requests: `dialog-request.ts`.

import type { Brand } from '../../base/brand.ts'
import { millis, type Millis } from '../../base/time.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import { formatNameAddr, type NameAddr } from '../message/name-addr.ts'
import { flat, joined } from '../message/text.ts'
import { callId, firstContact, cseq, from, fromTag, to, toTag } from '../message/views.ts'

/** `Call-ID;local tag;remote tag`; a tag is a token, so the last two semicolons separate. */
export type DialogId = Brand<string, 'DialogId'>

type Party = {
  /** The From/To value without its tag, display name kept: `"Alice" <sip:alice@a.example>`. */
  readonly address: string
  /** Empty when the peer sent none (RFC 2543, §12.1.1). */
  readonly tag: string
}

export type Dialog = {
  readonly id: DialogId
  readonly state: 'early' | 'confirmed'
  /** The side that made the Call-ID is the UAC, whoever sends the next request. */
  readonly role: 'uac' | 'uas'
  readonly callId: string
  readonly local: Party
  readonly remote: Party
  /** Our Contact header's value, sent with every target refresh. */
  readonly localTarget: string
  /** The peer's Contact URI. */
  readonly remoteTarget: string
  /** Route values as written, in the order we send them. */
  readonly routeSet: readonly string[]
  /** Number of the last request we sent; 0 when we sent none yet. */
  readonly localCseq: number
  readonly remoteCseq: number | undefined
  /** Made with a sips: Request-URI; our Contact must then be sips: too (§12.1.1). */
  readonly secure: boolean
}

/** Nobody sends more often than this in one dialog, in milliseconds. */
const REQUEST_MS = 100
const NO_TIME = millis(0)

/** How far a successor jumps, so that a request its predecessor sent unseen is not repeated. */
const SUCCESSOR_GAP = 1_000

/**
 * §12.1.2: the dialog that a response with a To tag makes for the sender of `request`; undefined
 * when it makes none (100, no tag in a 1xx, a failure). One per To tag when the request forked.
 */
export function dialogAsUac(request: SipRequest, response: SipResponse): Dialog | undefined {
  const { status } = response
  const remoteTag = flat(toTag(response) ?? '')
  if (status <= 100 || status >= 300 || (status < 200 && remoteTag === '')) return undefined
  const localTag = fromTag(request)
  const call = callId(request)
  const number = cseq(request)?.number
  if (localTag === undefined || call === undefined || number === undefined) return undefined
  return {
    id: dialogId(flat(call), localTag, remoteTag),
    state: status < 200 ? 'early' : 'confirmed',
    role: 'uac',
    callId: flat(call),
    local: { address: addressOf(from(request)), tag: flat(localTag) },
    remote: { address: addressOf(to(response)), tag: remoteTag },
    localTarget: flat(request.headers.get('contact') ?? ''),
    // A provisional response may come without Contact: the request's own target serves until then.
    remoteTarget: contactUri(response) ?? flat(request.uri),
    routeSet: response.headers.list('record-route').map(flat).reverse(),
    localCseq: number,
    remoteCseq: undefined,
    secure: request.uri.startsWith('sips:'),
  }
}

export type UasOptions = {
  readonly state: 'early' | 'confirmed'
  readonly localTag: string
  /** Our Contact header's value. */
  readonly contact: string
}

/** §12.1.1: the dialog that our response to `request` makes; undefined when it cannot make one. */
export function dialogAsUas(request: SipRequest, options: UasOptions): Dialog | undefined {
  const remoteTag = flat(fromTag(request) ?? '')
  const call = callId(request)
  const number = cseq(request)?.number
  const remoteTarget = contactUri(request)
  if (call === undefined || number === undefined || remoteTarget === undefined) return undefined
  return {
    id: dialogId(flat(call), options.localTag, remoteTag),
    state: options.state,
    role: 'uas',
    callId: flat(call),
    local: { address: addressOf(to(request)), tag: options.localTag },
    remote: { address: addressOf(from(request)), tag: remoteTag },
    localTarget: options.contact,
    remoteTarget,
    routeSet: request.headers.list('record-route').map(flat),
    localCseq: 0,
    remoteCseq: number,
    secure: request.uri.startsWith('sips:'),
  }
}

/**
 * RFC 6665 §4.4.1: the dialog that the first NOTIFY makes for the sender of `subscribe`, one per
 * From tag. Undefined when the NOTIFY does not belong to it.
 */
export function dialogFromNotify(subscribe: SipRequest, notify: SipRequest): Dialog | undefined {
  const localTag = fromTag(subscribe)
  const number = cseq(subscribe)?.number
  if (localTag === undefined || number === undefined || toTag(notify) !== localTag) return undefined
  if (callId(subscribe) !== callId(notify)) return undefined
  const contact = flat(subscribe.headers.get('contact') ?? '')
  const dialog = dialogAsUas(notify, { state: 'confirmed', localTag, contact })
  return dialog === undefined ? undefined : { ...dialog, role: 'uac', localCseq: number }
}

/**
 * The dialog is answered. As UAC hand over the 2xx: its Record-Route and Contact replace what the
 * early dialog knew (§13.2.2.4). As UAS there is none.
 */
export function confirmDialog(dialog: Dialog, response?: SipResponse): Dialog {
  if (dialog.state === 'confirmed') return dialog
  if (response === undefined || dialog.role === 'uas') return { ...dialog, state: 'confirmed' }
  return {
    ...dialog,
    state: 'confirmed',
    routeSet: response.headers.list('record-route').map(flat).reverse(),
    remoteTarget: contactUri(response) ?? dialog.remoteTarget,
  }
}

export type RequestCheck =
  | { readonly kind: 'in-order'; readonly dialog: Dialog }
  /** Answer 500 (§12.2.2). */
  | { readonly kind: 'out-of-order' }

/** The remote CSeq check of §12.2.2; ACK and CANCEL carry their INVITE's number and pass. */
export function checkRequest(dialog: Dialog, request: SipRequest): RequestCheck {
  if (request.method === 'ACK' || request.method === 'CANCEL') return { kind: 'in-order', dialog }
  const number = cseq(request)?.number
  if (number === undefined) return { kind: 'out-of-order' }
  // Equal in another transaction is out of order as well: it must have been counted up.
  if (dialog.remoteCseq !== undefined && number <= dialog.remoteCseq)
    return { kind: 'out-of-order' }
  return { kind: 'in-order', dialog: { ...dialog, remoteCseq: number } }
}

/**
 * §12.2: takes over the peer's Contact. Call it with a target refresh request (INVITE, UPDATE,
 * SUBSCRIBE, NOTIFY, REFER) once it is accepted, and with every 2xx to one.
 */
export function refreshTarget(dialog: Dialog, message: SipMessage): Dialog {
  const remoteTarget = contactUri(message)
  if (remoteTarget === undefined || remoteTarget === dialog.remoteTarget) return dialog
  return { ...dialog, remoteTarget }
}

/**
 * What a successor does first with a dialog out of a snapshot that is so old: another successor of
 * the same snapshot, before this one, jumped less far.
 */
export function resumeDialog(dialog: Dialog, age: Millis = NO_TIME): Dialog {
  const gap = SUCCESSOR_GAP + Math.ceil(age / REQUEST_MS)
  return { ...dialog, localCseq: dialog.localCseq + gap }
}

/** The dialog a received message belongs to; undefined for a request without a To tag. */
export function receivedDialogId(message: SipMessage): DialogId | undefined {
  const id = callId(message)
  const from = fromTag(message) ?? ''
  const to = toTag(message)
  if (id === undefined) return undefined
  if (message.kind === 'response') return dialogId(id, from, to ?? '')
  return to === undefined ? undefined : dialogId(id, to, from)
}

export function dialogId(call: string, localTag: string, remoteTag: string): DialogId {
  return joined(call, ';', localTag, ';', remoteTag) as DialogId
}

function addressOf(address: NameAddr | undefined): string {
  if (address === undefined) return ''
  return flat(formatNameAddr({ ...address, params: address.params.without('tag') }))
}

function contactUri(message: SipMessage): string | undefined {
  const uri = firstContact(message)?.uriText
  return uri === undefined ? undefined : flat(uri)
}
