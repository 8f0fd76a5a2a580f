//! One MESSAGE on its way to every device of its callee, RFC 3428, as a value.
//!
//!   sent to all devices --first 2xx--> answered 2xx: delivered
//!     | all refused: answered with the best refusal (RFC 3261 §16.7 step 6)
//!     | none can be reached, or none in time: undelivered
//!     +--> done; what comes later is not heard any more
//!
//! "Undelivered" means that no device has it: a 408 would come too late for the sender (RFC 4320
//! §4.2), so it becomes 480, unless somebody keeps the message for later.

import { unreachable } from '../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import type { SipResponse } from '../../../src/sip/message/message.ts'

export type Relay = {
  /** Devices that have not answered. */
  readonly waiting: number
  /** The best refusal so far. */
  readonly refusal: SipResponse | undefined
  /** When to answer the sender, come what may; undefined once it is answered. */
  readonly answerAt: Millis | undefined
}

export type RelayInput =
  | { readonly kind: 'response'; readonly response: SipResponse }
  /** Timed out, or could not be sent. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'wake' }

type RelayOutput =
  /** Pass this answer on to the sender. */
  { readonly kind: 'answer'; readonly response: SipResponse } | { readonly kind: 'undelivered' }

export type RelayStep = { readonly next: Relay; readonly output: RelayOutput | undefined }

/** Well before the sender's Timer F (32 s) ends its transaction. */
const PATIENCE: Millis = millis(20_000)

export function startRelay(devices: number, now: Millis): Relay {
  return { waiting: devices, refusal: undefined, answerAt: after(now, PATIENCE) }
}

export function stepRelay(relay: Relay, input: RelayInput, now: Millis): RelayStep {
  if (relay.answerAt === undefined) return { next: relay, output: undefined }
  switch (input.kind) {
    case 'response':
      return onResponse(relay, input.response)
    case 'failed':
      return settle({ ...relay, waiting: relay.waiting - 1 })
    case 'wake':
      return now < relay.answerAt
        ? { next: relay, output: undefined }
        : settle({ ...relay, waiting: 0 })
    default:
      return unreachable(input)
  }
}

function onResponse(relay: Relay, response: SipResponse): RelayStep {
  const { status } = response
  if (status < 200) return { next: relay, output: undefined }
  if (status < 300) return done(relay, { kind: 'answer', response })
  const better = isUseful(status) && rank(status) < rank(relay.refusal?.status ?? Infinity)
  const refusal = better ? response : relay.refusal
  return settle({ ...relay, waiting: relay.waiting - 1, refusal })
}

function settle(relay: Relay): RelayStep {
  if (relay.waiting > 0) return { next: relay, output: undefined }
  const { refusal } = relay
  return done(
    relay,
    refusal === undefined ? { kind: 'undelivered' } : { kind: 'answer', response: refusal },
  )
}

function done(relay: Relay, output: RelayOutput): RelayStep {
  return { next: { ...relay, answerAt: undefined }, output }
}

/**
 * Says something to the sender. Not: who challenges us (401, 407), sends us elsewhere (3xx), or is
 * not there (408, 480, 503).
 */
function isUseful(status: number): boolean {
  return status >= 400 && ![401, 407, 408, 480, 503].includes(status)
}

/** RFC 3261 §16.7 step 6: 6xx, then 4xx that can be mended, other 4xx, 5xx. */
function rank(status: number): number {
  if (status >= 600) return status - 1_000
  return [415, 420, 484].includes(status) ? status - 500 : status
}
