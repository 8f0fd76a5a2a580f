//! How messages find their transaction: RFC 3261 §17.1.3 and §17.2.3.

import type { Brand } from '../../base/brand.ts'
import type { SipMessage, SipRequest, SipResponse } from '../message/message.ts'
import { MAGIC_COOKIE, type Via } from '../message/via.ts'
import { callId, cseq, fromTag, topVia, toTag } from '../message/views.ts'

// A key is made by joining parts, and the engine copies it into one piece when it is first looked
// up in a map: nothing of the datagram stays alive with it.

/** Branch and method: how a response finds its request. */
export type ClientKey = Brand<string, 'ClientKey'>

/** Branch, sent-by and method: how a request finds its transaction. */
export type ServerKey = Brand<string, 'ServerKey'>

export function clientKey(branch: string, method: string): ClientKey {
  return `${branch}|${method}` as ClientKey
}

/** Of a response that came in, or a request of ours; the ACK to a 300-699 is its INVITE's. */
export function clientKeyOf(message: SipMessage): ClientKey | undefined {
  const branch = topVia(message)?.branch
  const method = message.kind === 'request' ? message.method : cseq(message)?.method
  if (branch === undefined || method === undefined) return undefined
  return clientKey(branch, method === 'ACK' ? 'INVITE' : method)
}

/**
 * Of a request that came in. An ACK has its INVITE's key; a CANCEL has one of its own, and with
 * `method` INVITE that of the INVITE it cancels.
 */
export function serverKeyOf(request: SipRequest, method = matched(request)): ServerKey | undefined {
  const via = topVia(request)
  if (via === undefined) return undefined
  const { branch } = via
  if (branch?.startsWith(MAGIC_COOKIE) === true) return serverKey(branch, via, method)
  return oldServerKey(request, via, method)
}

/** Of our response, when its request was not an RFC 2543 client's. */
export function serverKeyOfResponse(response: SipResponse): ServerKey | undefined {
  const via = topVia(response)
  const method = cseq(response)?.method
  if (via?.branch === undefined || method === undefined) return undefined
  return serverKey(via.branch, via, method)
}

/**
 * §8.2.2.2: the same request come by another way has the same one and another branch. Only
 * requests outside of a dialog can be merged. Deviation: a REGISTER is not looked at, the registrar
 * orders them by Call-ID and CSeq itself (§10.3), and no request is as frequent.
 */
export function mergeKeyOf(request: SipRequest): string | undefined {
  if (request.method === 'REGISTER' || toTag(request) !== undefined) return undefined
  const sequence = cseq(request)
  if (sequence === undefined) return undefined
  return `${callId(request)}|${fromTag(request)}|${sequence.number}|${request.method}`
}

function serverKey(branch: string, via: Via, method: string): ServerKey {
  return `${branch}|${via.host}:${via.port ?? ''}|${method}` as ServerKey
}

/**
 * RFC 2543 clients: no cookie. Deviation: the To tag is left out, so that the ACK, which has one,
 * finds the INVITE, which has none; what remains (with CSeq and From tag) is unique enough.
 */
function oldServerKey(request: SipRequest, via: Via, method: string): ServerKey {
  const { branch, host, port } = via
  const sender = `${fromTag(request)}|${branch ?? ''}|${host}:${port ?? ''}`
  const number = cseq(request)?.number
  return `${callId(request)}|${number}|${sender}|${request.uri}|${method}` as ServerKey
}

function matched(request: SipRequest): string {
  return request.method === 'ACK' ? 'INVITE' : request.method
}
