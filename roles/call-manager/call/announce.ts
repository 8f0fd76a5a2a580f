//! A prompt before a refusal, as early media: the call is not answered, so nothing is charged and
//! the phone shows the failure it gets in the end.

import { after } from '../../../src/base/time.ts'
import type { MediaId } from '../../../src/control/media-control.ts'
import { PROMPT_LIMIT } from '../routing/services.ts'
import type { Call, MediaResult } from './call.ts'
import { finish } from './end.ts'
import { newFace, showProgress } from './face.ts'
import { CALLER, type Refusal } from './state.ts'

/** Says it when there is a voice path to say it on; refuses the call then. */
export function announce(call: Call, prompt: string, refusal: Refusal): void {
  const { invite } = call.state
  const caller = call.leg(CALLER)
  if (!call.config.anchor || invite?.offer === undefined || caller === undefined)
    return finish(call, refusal)
  call.state.announcement = { refusal, endAt: after(call.now, PROMPT_LIMIT) }
  const request = {
    call: call.state.id,
    media: caller.media,
    offer: invite.offer,
    toward: caller.hop.address,
    source: { kind: 'prompt', name: prompt, repeat: false },
  } as const
  call.media({ kind: 'answer-here', request }, { kind: 'prompt' })
}

export function promptReady(call: Call, result: MediaResult): void {
  const { announcement } = call.state
  if (announcement === undefined) return
  const face = newFace(call)
  if (!result.ok || face === undefined) return finish(call, announcement.refusal)
  const progress = { status: 183, reason: 'Session Progress', reliable: false, sdp: result.value }
  showProgress(call, face, progress)
}

/** Said to the end, or for too long. */
export function promptPlayed(call: Call, media: MediaId): void {
  const { announcement } = call.state
  if (announcement !== undefined && call.leg(CALLER)?.media === media)
    finish(call, announcement.refusal)
}

export function promptTimedOut(call: Call): void {
  const { announcement } = call.state
  if (announcement !== undefined) finish(call, announcement.refusal)
}
