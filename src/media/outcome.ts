//! How the engine says no.

import { err, type Result } from '../base/result.ts'
import type { MediaFailure, Sdp } from '../control/media-control.ts'

export type Outcome<T> = Result<T, MediaFailure>

export function rejected(reason: string): Outcome<never> {
  return err({ kind: 'sdp-rejected', reason })
}

/** The one place where text of ours becomes an `Sdp`. */
export function sdp(text: string): Sdp {
  return text as Sdp
}
