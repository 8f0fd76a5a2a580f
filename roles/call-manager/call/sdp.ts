//! Session descriptions in message bodies. Their text is the media side's business.

import { fnv1a } from '../../../src/base/fnv.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import { bodyOfType } from '../../../src/sip/message/multipart.ts'
import { binary, textOf } from '../../../src/sip/message/text.ts'

export const asSdp = (text: string): Sdp => text as Sdp

export const SDP_TYPE = 'application/sdp'

/** The description a message carries, alone or as a part of a multipart body. */
export function sdpOf(message: SipMessage): Sdp | undefined {
  const part = bodyOfType(message, SDP_TYPE)
  return part && asSdp(textOf(part.body))
}

/** The body part of a request or reply that carries `sdp`; nothing when there is none. */
export function sdpBody(sdp: Sdp | undefined): { body?: Uint8Array; contentType?: string } {
  return sdp === undefined ? {} : { body: binary(sdp), contentType: SDP_TYPE }
}

/** A number by which a description is known again (FNV-1a), kept in place of its text. */
export function printOf(sdp: Sdp | undefined): number {
  if (sdp === undefined) return 0
  return fnv1a(sdp) | 0
}

/** Hold in its three forms: sendonly, inactive, and the address 0.0.0.0 of RFC 2543. */
export function isHold(sdp: Sdp): boolean {
  if (/^c=IN IP4 0\.0\.0\.0/m.test(sdp)) return true
  const directions = sdp.match(/^a=(?:sendrecv|sendonly|recvonly|inactive)/gm)
  return directions?.every((line) => line === 'a=sendonly' || line === 'a=inactive') ?? false
}
