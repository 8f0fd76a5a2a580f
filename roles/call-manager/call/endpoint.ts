//! One end of one dialog of the call, whichever form it has at the moment: an answered leg, an
//! early dialog towards the caller (a face), or one of a device that rings. And who is at the other
//! end.

import type { MediaId, Sdp } from '../../../src/control/media-control.ts'
import { receivedDialogId, type Dialog } from '../../../src/sip/dialog/dialog.ts'
import type { SipMessage } from '../../../src/sip/message/message.ts'
import type { Call, Holder } from './call.ts'
import { isLive } from './fork.ts'
import { hopTo } from './hop.ts'
import { printOf } from './sdp.ts'
import { CALLER, type Branch, type EarlyDialog, type Face, type Hop, type Leg } from './state.ts'

export type Endpoint = {
  readonly holder: Holder & { dialog: Dialog | undefined }
  readonly hop: Hop
  readonly media: MediaId
  readonly canUpdate: boolean
} & (
  | { readonly kind: 'leg'; readonly leg: Leg }
  | { readonly kind: 'face'; readonly leg: Leg; readonly face: Face }
  | { readonly kind: 'early'; readonly branch: Branch; readonly early: EarlyDialog }
)

/** By `Call-ID;local tag;remote tag`. */
export function endpointOf(call: Call, id: string): Endpoint | undefined {
  for (const leg of call.state.legs) if (leg.dialog?.id === id) return legEnd(leg)
  for (const face of call.state.invite?.faces ?? [])
    if (face.dialog?.id === id) return faceEnd(call, face)
  for (const branch of call.state.attempt?.branches ?? [])
    for (const early of branch.early) if (early.dialog.id === id) return earlyEnd(branch, early)
  return undefined
}

/** Whose dialog this was received in. */
export function legOf(call: Call, message: SipMessage): Leg | undefined {
  const id = receivedDialogId(message)
  return id && call.state.legs.find(({ dialog }) => dialog?.id === id)
}

/**
 * Who this one talks to; undefined for a leg without peer, where nothing can be passed yet, and for
 * a phone that has stopped ringing: its media session is gone.
 */
export function oppositeOf(call: Call, end: Endpoint): Endpoint | undefined {
  switch (end.kind) {
    case 'leg': {
      const peer = call.peerOf(end.leg)
      return peer?.state === 'up' ? legEnd(peer) : undefined
    }
    case 'face':
      for (const branch of call.state.attempt?.branches ?? [])
        for (const early of branch.early)
          if (early.face === end.face && isLive(branch)) return earlyEnd(branch, early)
      return undefined
    case 'early': {
      const { face } = end.early
      return face?.dialog !== undefined && isLive(end.branch) ? faceEnd(call, face) : undefined
    }
  }
}

export function legEnd(leg: Leg): Endpoint {
  const { hop, media, canUpdate } = leg
  return { kind: 'leg', holder: leg, leg, hop, media, canUpdate }
}

function faceEnd(call: Call, face: Face): Endpoint | undefined {
  const leg = call.leg(CALLER)
  if (leg === undefined) return undefined
  const { hop, media, canUpdate } = leg
  return { kind: 'face', holder: face, leg, face, hop, media, canUpdate }
}

function earlyEnd(branch: Branch, early: EarlyDialog): Endpoint {
  const hop = hopTo(branch.target)
  const { media } = branch
  const { canUpdate } = early
  return { kind: 'early', holder: early, branch, early, hop, media, canUpdate }
}

/** Notes which description this end has of us. */
export function tell(end: Endpoint, sdp: Sdp | undefined): void {
  if (sdp === undefined) return
  if (end.kind === 'early') end.branch.told = printOf(sdp)
  else end.leg.told = printOf(sdp)
}
