//! Media anchoring switched off (pure signalling, benches): descriptions pass untouched, and what
//! only a media server could do fails as if it had refused.

import { err, ok } from '../../../src/base/result.ts'
import type { Sdp } from '../../../src/control/media-control.ts'
import type { MediaOp, MediaResult } from './io.ts'
import { asSdp } from './sdp.ts'
import type { Leg } from './state.ts'

export function localMedia(op: MediaOp, legs: readonly Leg[]): MediaResult {
  switch (op.kind) {
    case 'relay-offer':
      return ok(op.request.restated ? bothWays(op.request.sdp) : op.request.sdp)
    case 'relay-answer':
      return ok(op.request.sdp)
    case 'withdraw':
      return ok(undefined)
    case 'answer-here':
      return err({ kind: 'no-capacity' })
    case 'connect': {
      const far = legs.find((leg) => leg.media === op.request.b)?.sdp
      return far === undefined ? err({ kind: 'no-session' }) : ok(bothWays(far))
    }
  }
}

/** The same description without hold. */
function bothWays(sdp: Sdp): Sdp {
  return asSdp(sdp.replace(/^a=(?:sendonly|recvonly|inactive)(?=\r?$)/gm, 'a=sendrecv'))
}
