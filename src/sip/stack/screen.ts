//! What a request outside of a dialog must pass before it becomes a transaction. Pure.

import type { SipRequest } from '../message/message.ts'
import { maxForwards } from '../message/views.ts'

export type Verdict = { readonly status: number; readonly reason?: string }

/** §16.3: these are answered here, they go nowhere else. */
const ANSWERED_HERE = new Set(['OPTIONS', 'REGISTER'])

/** RFC 3261 §16.3 and RFC 5393; undefined when the request may go on. */
export function screen(request: SipRequest, isLoop: boolean): Verdict | undefined {
  if (ANSWERED_HERE.has(request.method)) return undefined
  if (maxForwards(request) === 0) return { status: 483 }
  // §5.3.3: not even one branch is left to us.
  if (request.headers.get('max-breadth') === '0') return { status: 440 }
  return isLoop ? { status: 482, reason: 'Loop Detected' } : undefined
}
