//! Session descriptions in message bodies. Their text is the media side's business.

import type { Sdp } from '../../../src/control/media-control.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import { binary, textOf } from '../../../src/sip/message/text.ts'
import { contentType } from '../../../src/sip/message/views.ts'
import { multipartPart } from './multipart.ts'

export const asSdp = (text: string): Sdp => text as Sdp

export const SDP_TYPE = 'application/sdp'

/** The description a message carries, alone or as a part of a multipart body. */
export function sdpOf(message: SipMessage): Sdp | undefined {
  if (message.body.length === 0) return undefined
  const type = contentType(message)
  if (type === undefined) return undefined
  if (type.type === 'application' && type.subtype === 'sdp') return asSdp(textOf(message.body))
  if (type.type !== 'multipart') return undefined
  const boundary = type.params.get('boundary')
  const part = boundary && multipartPart(textOf(message.body), boundary, SDP_TYPE)
  return part ? asSdp(part) : undefined
}

/** The body part of a request or reply that carries `sdp`; nothing when there is none. */
export function sdpBody(sdp: Sdp | undefined): { body?: Uint8Array; contentType?: string } {
  return sdp === undefined ? {} : { body: binary(sdp), contentType: SDP_TYPE }
}

/** A number by which a description is known again (FNV-1a), kept in place of its text. */
export function printOf(sdp: Sdp | undefined): number {
  if (sdp === undefined) return 0
  let print = 0x811c9dc5
  for (let index = 0; index < sdp.length; index++)
    print = Math.imul(print ^ sdp.charCodeAt(index), 0x01000193)
  return print
}

/** Hold in its three forms: sendonly, inactive, and the address 0.0.0.0 of RFC 2543. */
export function isHold(sdp: Sdp): boolean {
  if (/^c=IN IP4 0\.0\.0\.0/m.test(sdp)) return true
  const directions = sdp.match(/^a=(?:sendrecv|sendonly|recvonly|inactive)/gm)
  return directions?.every((line) => line === 'a=sendonly' || line === 'a=inactive') ?? false
}
