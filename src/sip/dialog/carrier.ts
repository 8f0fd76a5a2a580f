//! Reads off a message what it is to the offer/answer exchange.

import type { SipMessage } from '../message/message.ts'
import { contentType, cseq, required } from '../message/views.ts'
import type { Carrier } from './offer-answer.ts'

/** Undefined for methods and responses that have no part in offer/answer (BYE, INFO, 100 …). */
export function carrierOf(message: SipMessage): Carrier | undefined {
  if (message.kind === 'request') {
    const { method } = message
    return method === 'INVITE' || method === 'ACK' || method === 'PRACK' || method === 'UPDATE'
      ? method
      : undefined
  }
  const { status } = message
  const method = cseq(message)?.method
  if (method !== 'INVITE' && method !== 'PRACK' && method !== 'UPDATE') return undefined
  if (status >= 300) return `${method} failed`
  if (status >= 200) return `${method} 2xx`
  if (method !== 'INVITE' || status === 100) return undefined
  return required(message).includes('100rel') ? 'INVITE 1xx-rel' : 'INVITE 1xx'
}

/** Whether the body is, or as multipart may hold, a session description. */
export function carriesSdp(message: SipMessage): boolean {
  if (message.body.length === 0) return false
  const type = contentType(message)
  if (type === undefined) return false
  return type.type === 'multipart' || (type.type === 'application' && type.subtype === 'sdp')
}
